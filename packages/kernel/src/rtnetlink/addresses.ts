import {
  AttributeReader,
  AttributeWriter,
  NLM_F_ACK,
  NLM_F_CREATE,
  NLM_F_EXCL,
  atLeast,
} from '../netlink/index.js';
import { familyNumber, familyOf, formatInternet, parseInternet } from './internet.js';
import type { RouteRequest } from './link-requests.js';
import type { Address } from './types.js';

/** include/uapi/linux/rtnetlink.h, include/uapi/linux/if_addr.h */
const RTM_NEWADDR = 20;
const RTM_DELADDR = 21;
const IFA = {
  ADDRESS: 1,
  LOCAL: 2,
  LABEL: 3,
  BROADCAST: 4,
  CACHEINFO: 6,
  FLAGS: 8,
  RT_PRIORITY: 9,
  PROTO: 11,
} as const;
const IFADDRMSG_LENGTH = 8;
/** IFA_F_NODAD: an IPv6 address is usable at once, without duplicate address detection. */
const IFA_F_NODAD = 0x02;

export interface NewAddress {
  /** Index of the interface. */
  readonly index: number;
  readonly address: string;
  readonly prefixLength: number;
  readonly peer?: string;
  readonly broadcast?: string;
  readonly label?: string;
  /** RT_SCOPE_*; default 0, global. */
  readonly scope?: number;
  /** IFA_F_*. */
  readonly flags?: number;
  readonly noDuplicateDetection?: boolean;
  /** Seconds. */
  readonly validLifetime?: number;
  readonly preferredLifetime?: number;
  readonly routeMetric?: number;
}

/** Reads the payload of RTM_NEWADDR; undefined for families other than the Internet's. */
export function parseAddress(payload: Buffer): Address | undefined {
  const family = familyOf(atLeast(IFADDRMSG_LENGTH, payload, 'an address').readUInt8(0));
  if (family === undefined) return undefined;
  const fields: { -readonly [K in keyof Address]: Address[K] } = {
    family,
    prefixLength: payload.readUInt8(1),
    flags: payload.readUInt8(2),
    scope: payload.readUInt8(3),
    index: payload.readUInt32LE(4),
    address: '',
  };
  const reader = new AttributeReader(payload.subarray(IFADDRMSG_LENGTH));
  while (reader.next()) {
    switch (reader.type) {
      case IFA.ADDRESS:
        fields.address = formatInternet(reader.bytes);
        break;
      case IFA.LOCAL:
        fields.local = formatInternet(reader.bytes);
        break;
      case IFA.BROADCAST:
        fields.broadcast = formatInternet(reader.bytes);
        break;
      case IFA.LABEL:
        fields.label = reader.string();
        break;
      case IFA.FLAGS:
        fields.flags = reader.u32();
        break;
      case IFA.CACHEINFO:
        // struct ifa_cacheinfo: preferred, valid, created, updated
        atLeast(8, reader.bytes, 'lifetimes of an address');
        fields.preferredLifetime = reader.bytes.readUInt32LE(0);
        fields.validLifetime = reader.bytes.readUInt32LE(4);
        break;
      case IFA.RT_PRIORITY:
        fields.routeMetric = reader.u32();
        break;
      case IFA.PROTO:
        fields.protocol = reader.u8();
        break;
    }
  }
  return fields;
}

function encode(request: NewAddress): Buffer {
  const { family, bytes } = parseInternet(request.address);
  const header = Buffer.alloc(IFADDRMSG_LENGTH);
  const flags = (request.flags ?? 0) | (request.noDuplicateDetection === true ? IFA_F_NODAD : 0);
  header.writeUInt8(familyNumber(family), 0);
  header.writeUInt8(request.prefixLength, 1);
  header.writeUInt8(flags & 0xff, 2);
  header.writeUInt8(request.scope ?? 0, 3);
  header.writeUInt32LE(request.index, 4);
  const writer = new AttributeWriter(128).raw(header).bytesOf(IFA.LOCAL, bytes);
  writer.bytesOf(IFA.ADDRESS, request.peer === undefined ? bytes : parseInternet(request.peer).bytes);
  if (request.broadcast !== undefined) writer.bytesOf(IFA.BROADCAST, parseInternet(request.broadcast).bytes);
  if (request.label !== undefined) writer.string(IFA.LABEL, request.label);
  if (flags > 0xff) writer.u32(IFA.FLAGS, flags);
  if (request.routeMetric !== undefined) writer.u32(IFA.RT_PRIORITY, request.routeMetric);
  if (request.validLifetime !== undefined || request.preferredLifetime !== undefined) {
    const forever = 0xffffffff;
    const lifetimes = Buffer.alloc(16);
    lifetimes.writeUInt32LE(request.preferredLifetime ?? request.validLifetime ?? forever, 0);
    lifetimes.writeUInt32LE(request.validLifetime ?? forever, 4);
    writer.bytesOf(IFA.CACHEINFO, lifetimes);
  }
  return writer.bytes;
}

const subject = (request: NewAddress): string => `${request.address}/${request.prefixLength}`;

/** Changes of addresses, as values for {@link RouteSocket.run}. */
export const addressRequests = {
  add(request: NewAddress): RouteRequest {
    const flags = NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL;
    return {
      type: RTM_NEWADDR,
      flags,
      payload: encode(request),
      op: 'add address',
      subject: subject(request),
    };
  },

  delete(request: NewAddress): RouteRequest {
    return {
      type: RTM_DELADDR,
      flags: NLM_F_ACK,
      payload: encode(request),
      op: 'delete address',
      subject: subject(request),
    };
  },
};
