import { BerthError } from '@berth/core';
import {
  AttributeReader,
  AttributeWriter,
  NLM_F_ACK,
  NLM_F_APPEND,
  NLM_F_CREATE,
  NLM_F_EXCL,
  NLM_F_REPLACE,
  atLeast,
  malformed,
} from '../netlink/index.js';
import { familyNumber, familyOf, formatInternet, parseInternet } from './internet.js';
import type { RouteRequest } from './link-requests.js';
import type { Family, Route, RouteNexthop } from './types.js';

/** include/uapi/linux/rtnetlink.h */
const RTM_NEWROUTE = 24;
const RTM_DELROUTE = 25;
const RTA = {
  DST: 1,
  SRC: 2,
  IIF: 3,
  OIF: 4,
  GATEWAY: 5,
  PRIORITY: 6,
  PREFSRC: 7,
  METRICS: 8,
  MULTIPATH: 9,
  CACHEINFO: 12,
  TABLE: 15,
  MARK: 16,
  VIA: 18,
  PREF: 20,
  UID: 25,
} as const;
const RTMSG_LENGTH = 12;
const RTNEXTHOP_LENGTH = 8;
const RT_TABLE_MAIN = 254;
const RTPROT_BOOT = 3;
const RTN_UNICAST = 1;
const RTN_LOCAL = 2;
const RT_SCOPE_LINK = 253;
const RT_SCOPE_HOST = 254;
const RTNH_F_ONLINK = 4;
/** ICMPV6_ROUTER_PREF_* (include/uapi/linux/icmpv6.h). */
const PREFERENCES: Readonly<Record<number, string>> = { 0: 'medium', 1: 'high', 3: 'low' };
/** Clock ticks per second in what the kernel tells user space. */
const USER_HZ = 100;

export interface NewRoute {
  /** `10.0.0.0/8`; undefined is the default route. */
  readonly destination?: string;
  readonly gateway?: string;
  /** Index of the interface that it leaves by. */
  readonly index?: number;
  /** For a default route without a gateway. */
  readonly family?: Family;
  readonly preferredSource?: string;
  readonly metric?: number;
  readonly table?: number;
  /** RTPROT_*; default boot (3). */
  readonly protocol?: number;
  /** RT_SCOPE_*; default by type and gateway, as `ip route add` has it. */
  readonly scope?: number;
  /** RTN_*; default unicast (1). */
  readonly type?: number;
  /** The gateway need not be within a prefix of the interface. */
  readonly onLink?: boolean;
  readonly mtu?: number;
}

/** What a question for a route may say beside the destination. */
export interface RouteQuestion {
  readonly from?: string;
  readonly outputIndex?: number;
  readonly inputIndex?: number;
  readonly mark?: number;
}

/** Reads the payload of RTM_NEWROUTE; undefined for families other than the Internet's. */
export function parseRoute(payload: Buffer): Route | undefined {
  const family = familyOf(atLeast(RTMSG_LENGTH, payload, 'a route').readUInt8(0));
  if (family === undefined) return undefined;
  const destinationLength = payload.readUInt8(1);
  const sourceLength = payload.readUInt8(2);
  const route: { -readonly [K in keyof Route]: Route[K] } = {
    family,
    table: payload.readUInt8(4),
    protocol: payload.readUInt8(5),
    scope: payload.readUInt8(6),
    type: payload.readUInt8(7),
    flags: payload.readUInt32LE(8),
  };
  const zero = family === 'inet' ? '0.0.0.0' : '::';
  if (destinationLength > 0) route.destination = `${zero}/${destinationLength}`;
  const reader = new AttributeReader(payload.subarray(RTMSG_LENGTH));
  while (reader.next()) {
    switch (reader.type) {
      case RTA.DST:
        route.destination = `${formatInternet(reader.bytes)}/${destinationLength}`;
        break;
      case RTA.SRC:
        route.source =
          sourceLength === reader.bytes.length * 8
            ? formatInternet(reader.bytes)
            : `${formatInternet(reader.bytes)}/${sourceLength}`;
        break;
      case RTA.GATEWAY:
        route.gateway = formatInternet(reader.bytes);
        break;
      case RTA.VIA:
        route.via = parseVia(reader.bytes);
        break;
      case RTA.OIF:
        route.outputIndex = reader.u32();
        break;
      case RTA.IIF:
        route.inputIndex = reader.u32();
        break;
      case RTA.PREFSRC:
        route.preferredSource = formatInternet(reader.bytes);
        break;
      case RTA.PRIORITY:
        route.metric = reader.u32();
        break;
      case RTA.TABLE:
        route.table = reader.u32();
        break;
      case RTA.PREF:
        route.preference = PREFERENCES[reader.u8()];
        break;
      case RTA.METRICS:
        route.metrics = parseMetrics(reader.nested());
        break;
      case RTA.CACHEINFO:
        // struct rta_cacheinfo: clntref, lastuse, expires (ticks), …
        route.expires = Math.trunc(atLeast(12, reader.bytes, 'the age of a route').readInt32LE(8) / USER_HZ);
        break;
      case RTA.UID:
        route.uid = reader.u32();
        break;
      case RTA.MULTIPATH:
        route.nexthops = parseNexthops(reader.bytes);
        break;
    }
  }
  return route;
}

function parseVia(bytes: Buffer): { family: Family; address: string } | undefined {
  // struct rtvia: a family in the machine's order, then the address
  const family = familyOf(atLeast(2, bytes, 'a gateway').readUInt16LE(0));
  return family === undefined ? undefined : { family, address: formatInternet(bytes.subarray(2)) };
}

function parseMetrics(reader: AttributeReader): [number, number][] {
  const metrics: [number, number][] = [];
  while (reader.next()) if (reader.bytes.length === 4) metrics.push([reader.type, reader.u32()]);
  return metrics;
}

function parseNexthops(bytes: Buffer): RouteNexthop[] {
  const nexthops: RouteNexthop[] = [];
  for (let at = 0; at + RTNEXTHOP_LENGTH <= bytes.length;) {
    // struct rtnexthop: len, flags, hops, ifindex
    const length = bytes.readUInt16LE(at);
    if (length < RTNEXTHOP_LENGTH || at + length > bytes.length)
      throw malformed(`a nexthop of ${length} bytes at ${at} of ${bytes.length}`);
    const reader = new AttributeReader(bytes.subarray(at + RTNEXTHOP_LENGTH, at + length));
    let gateway: string | undefined;
    while (reader.next()) if (reader.type === RTA.GATEWAY) gateway = formatInternet(reader.bytes);
    nexthops.push({
      gateway,
      outputIndex: bytes.readInt32LE(at + 4),
      weight: bytes.readUInt8(at + 3) + 1,
      flags: bytes.readUInt8(at + 2),
    });
    at += (length + 3) & ~3;
  }
  return nexthops;
}

function defaultScope({ type = RTN_UNICAST, gateway }: NewRoute): number {
  if (type === RTN_LOCAL) return RT_SCOPE_HOST;
  return type === RTN_UNICAST && gateway === undefined ? RT_SCOPE_LINK : 0;
}

function encode(route: NewRoute, deleting: boolean): { payload: Buffer; subject: string } {
  const [prefix, length] = route.destination?.split('/') ?? [];
  const destination = prefix === undefined ? undefined : parseInternet(prefix);
  const gateway = route.gateway === undefined ? undefined : parseInternet(route.gateway);
  const family = destination?.family ?? gateway?.family ?? route.family ?? 'inet';
  if (gateway !== undefined && gateway.family !== family) {
    throw new BerthError(
      'invalid',
      `gateway ${route.gateway} is of another family than ${route.destination}`,
    );
  }
  const table = route.table ?? RT_TABLE_MAIN;
  const header = Buffer.alloc(RTMSG_LENGTH);
  header.writeUInt8(familyNumber(family), 0);
  if (destination !== undefined)
    header.writeUInt8(length === undefined ? destination.bytes.length * 8 : Number(length), 1);
  header.writeUInt8(table < 256 ? table : 0, 4);
  // Deletion matches what is given: nothing but destination, metric and gateway unless asked for.
  header.writeUInt8(route.protocol ?? (deleting ? 0 : RTPROT_BOOT), 5);
  const scope =
    route.scope ?? (deleting ? (family === 'inet' ? 255 : 0) : family === 'inet' ? defaultScope(route) : 0);
  header.writeUInt8(scope, 6);
  header.writeUInt8(route.type ?? (deleting ? 0 : RTN_UNICAST), 7);
  if (route.onLink === true) header.writeUInt32LE(RTNH_F_ONLINK, 8);
  const writer = new AttributeWriter(128).raw(header);
  if (destination !== undefined) writer.bytesOf(RTA.DST, destination.bytes);
  if (gateway !== undefined) writer.bytesOf(RTA.GATEWAY, gateway.bytes);
  if (route.index !== undefined) writer.u32(RTA.OIF, route.index);
  if (route.metric !== undefined) writer.u32(RTA.PRIORITY, route.metric);
  if (route.preferredSource !== undefined)
    writer.bytesOf(RTA.PREFSRC, parseInternet(route.preferredSource).bytes);
  if (table >= 256) writer.u32(RTA.TABLE, table);
  const { mtu } = route;
  // RTAX_MTU is 2.
  if (mtu !== undefined) writer.nested(RTA.METRICS, (metrics) => metrics.u32(2, mtu));
  return { payload: writer.bytes, subject: route.destination ?? 'default' };
}

/** The question which route a packet to `destination` takes (RTM_GETROUTE). */
export function routeQuestion(destination: string, question: RouteQuestion): Buffer {
  const { family, bytes } = parseInternet(destination);
  const header = Buffer.alloc(RTMSG_LENGTH);
  header.writeUInt8(familyNumber(family), 0);
  header.writeUInt8(bytes.length * 8, 1);
  // RTM_F_LOOKUP_TABLE: answer with the table that was used; IPv6 always does, and refuses the flag.
  if (family === 'inet') header.writeUInt32LE(0x1000, 8);
  const from = question.from === undefined ? undefined : parseInternet(question.from);
  if (from !== undefined) header.writeUInt8(from.bytes.length * 8, 2);
  const writer = new AttributeWriter(128).raw(header).bytesOf(RTA.DST, bytes);
  if (from !== undefined) writer.bytesOf(RTA.SRC, from.bytes);
  if (question.outputIndex !== undefined) writer.u32(RTA.OIF, question.outputIndex);
  if (question.inputIndex !== undefined) writer.u32(RTA.IIF, question.inputIndex);
  if (question.mark !== undefined) writer.u32(RTA.MARK, question.mark);
  return writer.bytes;
}

/** Asks for all routes of a family: struct rtmsg, as strict checking wants it. */
export function routeListing(family: Family | undefined): Buffer {
  const header = Buffer.alloc(RTMSG_LENGTH);
  header.writeUInt8(familyNumber(family), 0);
  return header;
}

function request(type: number, flags: number, op: string, route: NewRoute): RouteRequest {
  return { type, flags: NLM_F_ACK | flags, op, ...encode(route, type === RTM_DELROUTE) };
}

/** Changes of routes, as values for {@link RouteSocket.run}. */
export const routeRequests = {
  add: (route: NewRoute): RouteRequest =>
    request(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, 'add route', route),
  replace: (route: NewRoute): RouteRequest =>
    request(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, 'replace route', route),
  append: (route: NewRoute): RouteRequest =>
    request(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_APPEND, 'append route', route),
  delete: (route: NewRoute): RouteRequest => request(RTM_DELROUTE, 0, 'delete route', route),
};
