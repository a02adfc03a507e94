import { BerthError } from '@berth/core';
import { KernelError } from '../errors.js';
import { errnoName } from '../libc/index.js';
import {
  NLMSG_HDRLEN,
  NLM_F_ACK,
  NLM_F_DUMP,
  NLM_F_DUMP_INTR,
  NLM_F_MULTI,
  messages,
  type NetlinkMessage,
  type NetlinkRequest,
} from './messages.js';
import { AttributeReader, atLeast } from './reader.js';

/** include/uapi/linux/netlink.h */
const NLMSG_ERROR = 2;
const NLMSG_DONE = 3;
/** Flags of an acknowledgement: what of the request it repeats, and whether attributes follow. */
const NLM_F_CAPPED = 0x100;
const NLM_F_ACK_TLVS = 0x200;
const NLMSGERR_ATTR_MSG = 1;
/** A dump that the kernel marks as interrupted is read again this often. */
const DUMP_ATTEMPTS = 8;

/** Waits for the next datagram. */
type Receive = () => Buffer;

/**
 * Reads one object or list, by `ask` and then `receive`. A list that the kernel marks as interrupted is asked for
 * again, a bounded number of times, after `reset`.
 *
 * @param ask sends the request and returns its sequence number
 * @throws KernelError what the kernel answered; BerthError `unavailable` when the list never held still
 */
export function readReply(
  request: NetlinkRequest,
  ask: () => number,
  receive: Receive,
  take: (message: NetlinkMessage) => void,
  reset: () => void,
): void {
  for (let attempt = 1; readOnce(request, ask(), receive, take); attempt++) {
    if (attempt === DUMP_ATTEMPTS) {
      throw new BerthError(
        'unavailable',
        `${request.op}: the kernel's list changed ${attempt} times while it was read`,
      );
    }
    reset();
  }
}

/** @returns whether the reply was interrupted */
function readOnce(
  request: NetlinkRequest,
  sequence: number,
  receive: Receive,
  take: (message: NetlinkMessage) => void,
): boolean {
  let interrupted = false;
  for (;;) {
    for (const message of messages(receive())) {
      if (message.sequence !== sequence) continue;
      interrupted ||= (message.flags & NLM_F_DUMP_INTR) !== 0;
      if (message.type === NLMSG_DONE) {
        // NLMSG_DONE carries the dump's result since Linux 4.x (net/netlink/af_netlink.c, netlink_dump_done).
        const result = message.payload.length >= 4 ? message.payload.readInt32LE() : 0;
        if (result < 0) throw failure(request, result, message, 4);
        return interrupted;
      }
      if (message.type === NLMSG_ERROR) {
        const result = resultOf(message);
        if (result !== 0) throw failure(request, result, message, 4 + NLMSG_HDRLEN);
        return interrupted;
      }
      take(message);
      if ((message.flags & NLM_F_MULTI) === 0 && (request.flags & (NLM_F_DUMP | NLM_F_ACK)) === 0)
        return interrupted;
    }
  }
}

/** Waits for the acknowledgement of each request of a batch. */
export class Acknowledgements {
  readonly #requests: readonly NetlinkRequest[];
  readonly #first: number;
  readonly #marks: readonly number[];

  /** @param marks positions of requests that are acknowledged only when the whole fails */
  constructor(requests: readonly NetlinkRequest[], first: number, marks: readonly number[] = []) {
    this.#requests = requests;
    this.#first = first;
    this.#marks = marks;
  }

  collect(receive: Receive): void {
    const open = new Set(this.#requests.keys());
    for (const mark of this.#marks) open.delete(mark);
    let failed: { index: number; error: KernelError } | undefined;
    while (open.size > 0) {
      for (const message of messages(receive())) {
        const index = message.sequence - this.#first;
        const request = this.#requests[index];
        if (request === undefined || message.type !== NLMSG_ERROR) continue;
        const result = resultOf(message);
        if (!open.delete(index)) {
          // A mark: the transaction as a whole was refused, and nothing else is acknowledged.
          if (result !== 0) throw failure(request, result, message, 4 + NLMSG_HDRLEN);
          continue;
        }
        if (result !== 0 && (failed === undefined || index < failed.index)) {
          failed = { index, error: failure(request, result, message, 4 + NLMSG_HDRLEN) };
        }
      }
    }
    if (failed !== undefined) throw failed.error;
  }
}

/** The result at the head of an NLMSG_ERROR (struct nlmsgerr). */
const resultOf = ({ payload }: NetlinkMessage): number =>
  atLeast(4, payload, 'an acknowledgement').readInt32LE();

/** The error of an NLMSG_ERROR or NLMSG_DONE, with the text of the extended acknowledgement where there is one. */
function failure(
  request: NetlinkRequest,
  result: number,
  message: NetlinkMessage,
  attributesAt: number,
): KernelError {
  const capped = (message.flags & NLM_F_CAPPED) !== 0 || attributesAt === 4;
  let extack: string | undefined;
  if ((message.flags & NLM_F_ACK_TLVS) !== 0 && capped) {
    const reader = new AttributeReader(message.payload.subarray(attributesAt));
    while (reader.next()) if (reader.type === NLMSGERR_ATTR_MSG) extack = reader.string().replace(/\.$/, '');
  }
  return new KernelError(errnoName(-result), { op: request.op, subject: request.subject, extack });
}
