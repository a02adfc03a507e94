import { AttributeReader, atLeast, type AttributeWriter } from '../netlink/index.js';
import { familyNumber, familyOf, formatInternet, parseInternet } from '../rtnetlink/internet.js';
import type { Family } from '../rtnetlink/types.js';

/** include/uapi/linux/netfilter/nfnetlink_conntrack.h */
export const CTA = { TUPLE_ORIG: 1, TUPLE_REPLY: 2, STATUS: 3, FILTER: 25 } as const;
export const CTA_TUPLE = { IP: 1, PROTO: 2 } as const;
export const CTA_IP = { V4_SRC: 1, V4_DST: 2, V6_SRC: 3, V6_DST: 4 } as const;
export const CTA_PROTO = { NUM: 1, SRC_PORT: 2, DST_PORT: 3 } as const;
/** The numbers of id, type and code, one after the other, for each of the two protocols. */
const CTA_PROTO_ICMP_ID = 4;
const CTA_PROTO_ICMPV6_ID = 7;
/** sizeof(struct nfgenmsg) (include/uapi/linux/netfilter/nfnetlink.h) */
const NFGENMSG_LENGTH = 4;

/** One direction of a connection. */
export interface ConntrackTuple {
  readonly family: Family;
  /** IPPROTO_*: 6 is tcp, 17 udp. */
  readonly protocol: number;
  readonly source: string;
  readonly destination: string;
  /** Of protocols that have ports. */
  readonly sourcePort?: number;
  readonly destinationPort?: number;
  /** Of ICMP and ICMPv6: without it the kernel doesn't find their entries. */
  readonly icmp?: { readonly id: number; readonly type: number; readonly code: number };
}

/** A connection as the kernel tracks it. */
export interface ConntrackEntry {
  readonly original: ConntrackTuple;
  readonly reply: ConntrackTuple;
  /** IPS_* (include/uapi/linux/netfilter/nf_conntrack_common.h) */
  readonly status: number;
}

/** struct nfgenmsg: family, version 0, resource 0. */
export function nfgenmsg(family: Family): Buffer {
  return Buffer.from([familyNumber(family), 0, 0, 0]);
}

/** Writes a whole tuple as CTA_TUPLE_ORIG or CTA_TUPLE_REPLY. */
export function writeTuple(writer: AttributeWriter, type: number, tuple: ConntrackTuple): void {
  const inet = tuple.family === 'inet';
  writer.nested(type, (inside) => {
    inside.nested(CTA_TUPLE.IP, (ip) => {
      ip.bytesOf(inet ? CTA_IP.V4_SRC : CTA_IP.V6_SRC, parseInternet(tuple.source).bytes);
      ip.bytesOf(inet ? CTA_IP.V4_DST : CTA_IP.V6_DST, parseInternet(tuple.destination).bytes);
    });
    inside.nested(CTA_TUPLE.PROTO, (proto) => {
      proto.u8(CTA_PROTO.NUM, tuple.protocol);
      if (tuple.sourcePort !== undefined) proto.beU16(CTA_PROTO.SRC_PORT, tuple.sourcePort);
      if (tuple.destinationPort !== undefined) proto.beU16(CTA_PROTO.DST_PORT, tuple.destinationPort);
      if (tuple.icmp === undefined) return;
      const first = inet ? CTA_PROTO_ICMP_ID : CTA_PROTO_ICMPV6_ID;
      proto
        .beU16(first, tuple.icmp.id)
        .u8(first + 1, tuple.icmp.type)
        .u8(first + 2, tuple.icmp.code);
    });
  });
}

/** Reads the payload of IPCTNL_MSG_CT_NEW; undefined for families other than the Internet's. */
export function parseEntry(payload: Buffer): ConntrackEntry | undefined {
  const family = familyOf(atLeast(NFGENMSG_LENGTH, payload, 'a tracked connection').readUInt8(0));
  if (family === undefined) return undefined;
  let original: ConntrackTuple | undefined;
  let reply: ConntrackTuple | undefined;
  let status = 0;
  const reader = new AttributeReader(payload.subarray(NFGENMSG_LENGTH));
  while (reader.next()) {
    if (reader.type === CTA.TUPLE_ORIG) original = parseTuple(reader.nested(), family);
    else if (reader.type === CTA.TUPLE_REPLY) reply = parseTuple(reader.nested(), family);
    else if (reader.type === CTA.STATUS) status = reader.beU32();
  }
  return original === undefined || reply === undefined ? undefined : { original, reply, status };
}

function parseTuple(reader: AttributeReader, family: Family): ConntrackTuple {
  const tuple: { -readonly [K in keyof ConntrackTuple]: ConntrackTuple[K] } = {
    family,
    protocol: 0,
    source: '',
    destination: '',
  };
  while (reader.next()) {
    const inside = reader.nested();
    if (reader.type === CTA_TUPLE.IP) {
      while (inside.next()) {
        const source = inside.type === CTA_IP.V4_SRC || inside.type === CTA_IP.V6_SRC;
        tuple[source ? 'source' : 'destination'] = formatInternet(inside.bytes);
      }
    } else if (reader.type === CTA_TUPLE.PROTO) Object.assign(tuple, parseProtocol(inside, family));
  }
  return tuple;
}

function parseProtocol(reader: AttributeReader, family: Family): Partial<ConntrackTuple> {
  const first = family === 'inet' ? CTA_PROTO_ICMP_ID : CTA_PROTO_ICMPV6_ID;
  const found = new Map<number, number>();
  while (reader.next()) {
    const { bytes } = reader;
    found.set(
      reader.type,
      bytes.length === 1 ? bytes.readUInt8() : atLeast(2, bytes, 'a port').readUInt16BE(),
    );
  }
  const [sourcePort, destinationPort] = [found.get(CTA_PROTO.SRC_PORT), found.get(CTA_PROTO.DST_PORT)];
  const [id, type, code] = [found.get(first), found.get(first + 1), found.get(first + 2)];
  return {
    protocol: found.get(CTA_PROTO.NUM) ?? 0,
    ...(sourcePort === undefined ? {} : { sourcePort }),
    ...(destinationPort === undefined ? {} : { destinationPort }),
    ...(id === undefined || type === undefined || code === undefined ? {} : { icmp: { id, type, code } }),
  };
}
