import { align } from './attributes.js';
import { malformed } from './reader.js';

/** NLM_F_* of include/uapi/linux/netlink.h: flags of requests, and of replies. */
export const NLM_F_REQUEST = 0x1;
export const NLM_F_MULTI = 0x2;
export const NLM_F_ACK = 0x4;
export const NLM_F_DUMP_INTR = 0x10;
export const NLM_F_DUMP = 0x300;
export const NLM_F_REPLACE = 0x100;
export const NLM_F_EXCL = 0x200;
export const NLM_F_CREATE = 0x400;
export const NLM_F_APPEND = 0x800;

/** sizeof(struct nlmsghdr) */
export const NLMSG_HDRLEN = 16;

/** One request: a message type, its flags (without NLM_F_REQUEST), and what follows the netlink header. */
export interface NetlinkRequest {
  readonly type: number;
  readonly flags: number;
  readonly payload: Buffer;
  /** For errors: what is being done, and to what. */
  readonly op: string;
  readonly subject?: string | undefined;
}

/** One message of a reply. The payload is a view that is valid only within the call that hands it over. */
export interface NetlinkMessage {
  readonly type: number;
  readonly flags: number;
  readonly sequence: number;
  readonly payload: Buffer;
}

/** Splits what one receive brought into messages. */
export function* messages(datagram: Buffer): Generator<NetlinkMessage> {
  for (let at = 0; at + NLMSG_HDRLEN <= datagram.length;) {
    const length = datagram.readUInt32LE(at);
    if (length < NLMSG_HDRLEN || at + length > datagram.length) {
      throw malformed(`a message of ${length} bytes at ${at} of ${datagram.length}`);
    }
    yield {
      type: datagram.readUInt16LE(at + 4),
      flags: datagram.readUInt16LE(at + 6),
      sequence: datagram.readUInt32LE(at + 8),
      payload: datagram.subarray(at + NLMSG_HDRLEN, at + length),
    };
    // A length that is no multiple of four is valid; the next message is aligned.
    at += align(length);
  }
}
