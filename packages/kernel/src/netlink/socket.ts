import { BerthError } from '@berth/core';
import { KernelError } from '../errors.js';
import { bind, check, close, errnoName, recv, send, setsockopt, socket } from '../libc/index.js';
import { align } from './attributes.js';
import { AttributeReader, malformed } from './reader.js';

/** include/linux/socket.h and include/uapi/linux/netlink.h. */
const AF_NETLINK = 16;
const SOCK_RAW = 3;
const SOCK_CLOEXEC = 0o2000000;
const SOL_SOCKET = 1;
const SO_RCVBUF = 8;
const SO_RCVTIMEO = 20;
const SO_SNDBUFFORCE = 32;
const SOL_NETLINK = 270;
const NETLINK_CAP_ACK = 10;
const NETLINK_EXT_ACK = 11;
const NETLINK_GET_STRICT_CHK = 12;

const NLMSG_HDRLEN = 16;
const NLMSG_ERROR = 2;
const NLMSG_DONE = 3;

export const NLM_F_REQUEST = 0x1;
export const NLM_F_MULTI = 0x2;
export const NLM_F_ACK = 0x4;
export const NLM_F_DUMP_INTR = 0x10;
export const NLM_F_DUMP = 0x300;
export const NLM_F_REPLACE = 0x100;
export const NLM_F_EXCL = 0x200;
export const NLM_F_CREATE = 0x400;
export const NLM_F_APPEND = 0x800;
/** Flags of an acknowledgement: what of the request it repeats, and whether attributes follow. */
const NLM_F_CAPPED = 0x100;
const NLM_F_ACK_TLVS = 0x200;
const NLMSGERR_ATTR_MSG = 1;

/** How long a reply may take, in seconds. The kernel answers within the call, or within a grace period. */
const REPLY_TIMEOUT_S = 10;
/** Large enough for the largest part of a dump (the kernel sends at most 32 KiB at once) and many acknowledgements. */
const RECEIVE_BUFFER = 64 * 1024;
const SOCKET_BUFFER = 1024 * 1024;
/** A batch is one datagram: room for tens of thousands of set elements. */
const SEND_BUFFER = 32 * 1024 * 1024;
/** A dump that the kernel marks as interrupted is read again this often. */
const DUMP_ATTEMPTS = 8;

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

/** A netlink socket of one family, bound to the namespace of the thread that opened it. Requests are synchronous. */
export class NetlinkSocket {
  readonly fd: number;
  readonly #received = Buffer.alloc(RECEIVE_BUFFER);
  #outgoing = Buffer.alloc(4096);
  #sequence = 0;
  #closed = false;

  private constructor(fd: number) {
    this.fd = fd;
  }

  /** @param family NETLINK_ROUTE, NETLINK_NETFILTER (include/uapi/linux/netlink.h) */
  static open(family: number): NetlinkSocket {
    const fd = check(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, family), 'open netlink socket');
    try {
      const timeout = Buffer.alloc(16);
      timeout.writeBigInt64LE(BigInt(REPLY_TIMEOUT_S));
      check(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, timeout, timeout.length), 'set receive timeout');
      const size = Buffer.alloc(4);
      size.writeInt32LE(SOCKET_BUFFER);
      check(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, size, size.length), 'set receive buffer');
      size.writeInt32LE(SEND_BUFFER);
      const forced = setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, size, size.length);
      // Without root rights (-EPERM) the default has to do: who may only look sends no large batches.
      if (forced !== -1) check(forced, 'set send buffer');
      const on = Buffer.from([1, 0, 0, 0]);
      for (const option of [NETLINK_EXT_ACK, NETLINK_CAP_ACK]) {
        check(setsockopt(fd, SOL_NETLINK, option, on, on.length), 'set netlink option');
      }
      // Not all families filter dumps; where they do, they refuse what they do not understand.
      setsockopt(fd, SOL_NETLINK, NETLINK_GET_STRICT_CHK, on, on.length);
      const address = Buffer.alloc(12);
      address.writeUInt16LE(AF_NETLINK);
      check(bind(fd, address, address.length), 'bind netlink socket');
    } catch (error) {
      close(fd);
      throw error;
    }
    return new NetlinkSocket(fd);
  }

  /**
   * Sends requests in one datagram and waits for all acknowledgements.
   *
   * @throws KernelError of the first that failed; the others were carried out all the same
   */
  run(requests: readonly NetlinkRequest[]): void {
    if (requests.length === 0) return;
    const first = this.#sequence + 1;
    const length = this.#encode(requests);
    this.#sent(send(this.fd, this.#outgoing, length, 0), requests);
    new Acknowledgements(requests, first).collect(() => this.#receive(requests));
  }

  /**
   * Sends requests between the two marks of a transaction and waits for all acknowledgements; the marks have none.
   *
   * @throws KernelError of the first that failed; none was carried out then
   */
  runBatch(begin: NetlinkRequest, requests: readonly NetlinkRequest[], end: NetlinkRequest): void {
    const first = this.#sequence + 1;
    const length = this.#encode([begin, ...requests, end]);
    this.#sent(send(this.fd, this.#outgoing, length, 0), requests);
    new Acknowledgements([begin, ...requests, end], first, [0, requests.length + 1]).collect(() =>
      this.#receive(requests),
    );
  }

  /** As {@link run}, but the kernel works on a thread of the pool: for what waits for grace periods. */
  async runAsync(requests: readonly NetlinkRequest[]): Promise<void> {
    if (requests.length === 0) return;
    const first = this.#sequence + 1;
    const length = this.#encode(requests);
    this.#sent(await send.async(this.fd, this.#outgoing, length, 0), requests);
    new Acknowledgements(requests, first).collect(() => this.#receive(requests));
  }

  /**
   * Asks for a list (or, without NLM_F_DUMP, one object) and hands each message of the reply to `take`. A list that
   * changed while it was read is read again, a bounded number of times; `take` is then called anew after `reset`.
   */
  query(
    request: NetlinkRequest,
    take: (message: NetlinkMessage) => void,
    reset: () => void = () => undefined,
  ): void {
    for (let attempt = 1; ; attempt++) {
      if (!this.#queryOnce(request, take)) return;
      if (attempt === DUMP_ATTEMPTS) {
        throw new BerthError(
          'unavailable',
          `${request.op}: the kernel's list changed ${attempt} times while it was read`,
        );
      }
      reset();
    }
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    close(this.fd);
  }

  /** Closes on a thread of the pool, for sockets whose end waits for the kernel. */
  closeInBackground(): void {
    if (this.#closed) return;
    this.#closed = true;
    void close.async(this.fd);
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** @returns whether the reply was interrupted */
  #queryOnce(request: NetlinkRequest, take: (message: NetlinkMessage) => void): boolean {
    const sequence = this.#sequence + 1;
    const length = this.#encode([request]);
    this.#sent(send(this.fd, this.#outgoing, length, 0), [request]);
    let interrupted = false;
    for (;;) {
      for (const message of messages(this.#receive([request]))) {
        if (message.sequence !== sequence) continue;
        interrupted ||= (message.flags & NLM_F_DUMP_INTR) !== 0;
        if (message.type === NLMSG_DONE) {
          // NLMSG_DONE carries the dump's result since Linux 4.x (net/netlink/af_netlink.c, netlink_dump_done).
          const result = message.payload.length >= 4 ? message.payload.readInt32LE() : 0;
          if (result < 0) throw failure(request, result, message, 4);
          return interrupted;
        }
        if (message.type === NLMSG_ERROR) {
          const result = message.payload.readInt32LE();
          if (result !== 0) throw failure(request, result, message, 4 + NLMSG_HDRLEN);
          return interrupted;
        }
        take(message);
        if ((message.flags & NLM_F_MULTI) === 0 && (request.flags & (NLM_F_DUMP | NLM_F_ACK)) === 0)
          return interrupted;
      }
    }
  }

  #encode(requests: readonly NetlinkRequest[]): number {
    let length = 0;
    for (const { payload } of requests) length += align(NLMSG_HDRLEN + payload.length);
    if (length > this.#outgoing.length) this.#outgoing = Buffer.alloc(length * 2);
    let at = 0;
    for (const { type, flags, payload } of requests) {
      const size = NLMSG_HDRLEN + payload.length;
      this.#outgoing.writeUInt32LE(size, at);
      this.#outgoing.writeUInt16LE(type, at + 4);
      this.#outgoing.writeUInt16LE(flags | NLM_F_REQUEST, at + 6);
      this.#outgoing.writeUInt32LE(++this.#sequence, at + 8);
      this.#outgoing.writeUInt32LE(0, at + 12);
      payload.copy(this.#outgoing, at + NLMSG_HDRLEN);
      this.#outgoing.fill(0, at + size, at + align(size));
      at += align(size);
    }
    return length;
  }

  #sent(result: number, requests: readonly NetlinkRequest[]): void {
    const [first] = requests;
    if (result < 0)
      throw new KernelError(errnoName(-result), { op: first?.op ?? 'send', subject: first?.subject });
  }

  #receive(requests: readonly NetlinkRequest[]): Buffer {
    const length = recv(this.fd, this.#received, this.#received.length, 0);
    if (length < 0) {
      const [first] = requests;
      throw new KernelError(errnoName(-length), { op: first?.op ?? 'receive', subject: first?.subject });
    }
    return this.#received.subarray(0, length);
  }
}

/** Waits for the acknowledgement of each request of a batch. */
class Acknowledgements {
  readonly #requests: readonly NetlinkRequest[];
  readonly #first: number;
  readonly #marks: readonly number[];

  /** @param marks positions of requests that are acknowledged only when the whole fails */
  constructor(requests: readonly NetlinkRequest[], first: number, marks: readonly number[] = []) {
    this.#requests = requests;
    this.#first = first;
    this.#marks = marks;
  }

  collect(receive: () => Buffer): void {
    const open = new Set(this.#requests.keys());
    for (const mark of this.#marks) open.delete(mark);
    let failed: { index: number; error: KernelError } | undefined;
    while (open.size > 0) {
      for (const message of messages(receive())) {
        const index = message.sequence - this.#first;
        const request = this.#requests[index];
        if (request === undefined || message.type !== NLMSG_ERROR) continue;
        const result = message.payload.readInt32LE();
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
