import { BerthError } from '@berth/core';
import { KernelError } from '../errors.js';
import { errnoName, errnoNumber, recv, send } from '../libc/index.js';
import { NLMSG_HDRLEN, NLM_F_REQUEST } from '../netlink/messages.js';
import { atLeast, messages, type NetlinkRequest } from '../netlink/index.js';

/** include/uapi/linux/netlink.h */
const NLMSG_ERROR = 2;
const NLMSG_DONE = 3;
/** The kernel sends at most 32 KiB of a list at once (net/netlink/af_netlink.c). */
const BUFFER_LENGTH = 64 * 1024;
const EAGAIN = errnoNumber('EAGAIN');

/** Far from those that the socket itself counts up from 1, whose answers so are told from these. */
let sequence = 0x8000_0000;

/**
 * As `NetlinkSocket.query` for a list, but the kernel gathers it on threads of the pool: it looks through its whole table,
 * which takes 9 ms even where that is empty. Nothing else may use the socket meanwhile.
 *
 * @param take is given each message's payload, valid within the call
 * @throws KernelError; BerthError `unavailable` when the kernel doesn't answer within the socket's time
 */
export async function dumpInBackground(
  fd: number,
  { type, flags, payload, op }: NetlinkRequest,
  take: (payload: Buffer) => void,
): Promise<void> {
  sequence = sequence === 0xffff_ffff ? 0x8000_0000 : sequence + 1;
  const mine = sequence;
  const request = Buffer.alloc(NLMSG_HDRLEN + payload.length);
  request.writeUInt32LE(request.length, 0);
  request.writeUInt16LE(type, 4);
  request.writeUInt16LE(flags | NLM_F_REQUEST, 6);
  request.writeUInt32LE(mine, 8);
  payload.copy(request, NLMSG_HDRLEN);
  received(await send.async(fd, request, request.length, 0), op);
  const buffer = Buffer.alloc(BUFFER_LENGTH);
  for (;;) {
    const length = received(await recv.async(fd, buffer, buffer.length, 0), op);
    for (const message of messages(buffer.subarray(0, length))) {
      if (message.sequence !== mine) continue;
      if (message.type === NLMSG_DONE || message.type === NLMSG_ERROR) {
        const result = atLeast(4, message.payload, "a list's end").readInt32LE();
        if (result < 0) throw new KernelError(errnoName(-result), { op });
        return;
      }
      take(message.payload);
    }
  }
}

function received(result: number, op: string): number {
  if (result >= 0) return result;
  if (result !== -EAGAIN) throw new KernelError(errnoName(-result), { op });
  throw new BerthError('unavailable', `${op}: the kernel gave no answer in time`);
}
