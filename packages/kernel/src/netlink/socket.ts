import { BerthError, toError } from '@berth/core';
import { KernelError } from '../errors.js';
import {
  bind,
  check,
  close,
  closeInBackground,
  errnoName,
  recv,
  send,
  setsockopt,
  socket,
} from '../libc/index.js';
import { align } from './attributes.js';
import { NLMSG_HDRLEN, NLM_F_REQUEST, type NetlinkMessage, type NetlinkRequest } from './messages.js';
import { Acknowledgements, readReply } from './replies.js';

/** include/linux/socket.h and include/uapi/linux/netlink.h. */
const AF_NETLINK = 16;
const SOCK_RAW = 3;
const SOCK_CLOEXEC = 0o2000000;
const SOL_SOCKET = 1;
const SO_RCVBUF = 8;
const SO_RCVTIMEO = 20;
const SO_SNDBUFFORCE = 32;
/** include/linux/socket.h: return at once. */
const MSG_DONTWAIT = 0x40;
const SOL_NETLINK = 270;
const NETLINK_CAP_ACK = 10;
const NETLINK_EXT_ACK = 11;
const NETLINK_GET_STRICT_CHK = 12;

/** How long a reply may take, in seconds. The kernel answers within the call, or within a grace period. */
const REPLY_TIMEOUT_S = 10;
/** Large enough for the largest part of a dump (the kernel sends at most 32 KiB at once) and many acknowledgements. */
const RECEIVE_BUFFER = 64 * 1024;
const SOCKET_BUFFER = 1024 * 1024;
/** A batch is one datagram: room for tens of thousands of set elements. */
const SEND_BUFFER = 32 * 1024 * 1024;
/**
 * Requests that go out together. Their acknowledgements queue up in the receive buffer while the kernel is at work, some
 * 800 bytes each with its bookkeeping; those that find no room are lost (ENOBUFS), after the change was made.
 */
const BATCH = 256;

/** A netlink socket of one family, bound to the namespace of the thread that opened it. Requests are synchronous. */
export class NetlinkSocket {
  readonly #fd: number;
  readonly #received = Buffer.alloc(RECEIVE_BUFFER);
  #outgoing = Buffer.alloc(4096);
  #sequence = 0;
  #closed = false;

  private constructor(fd: number) {
    this.#fd = fd;
  }

  /**
   * The socket's descriptor.
   *
   * @throws BerthError `internal` when it is closed: its number may be another file's by now
   */
  get fd(): number {
    if (!this.#closed) return this.#fd;
    throw new BerthError('internal', 'the netlink socket is closed');
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
   * Sends requests, 256 in a datagram, and waits for all acknowledgements.
   *
   * @throws KernelError of the first that failed; the others were carried out all the same
   */
  run(requests: readonly NetlinkRequest[]): void {
    let failed: unknown;
    for (const batch of batches(requests)) {
      const first = this.#sequence + 1;
      this.#send(batch);
      try {
        new Acknowledgements(batch, first).collect(() => this.#receive(batch));
      } catch (error) {
        failed ??= error;
      }
    }
    if (failed !== undefined) throw toError(failed);
  }

  /**
   * Sends requests between the two marks of a transaction and waits for all acknowledgements; the marks have none.
   *
   * @throws KernelError of the first that failed; none was carried out then
   */
  runBatch(begin: NetlinkRequest, requests: readonly NetlinkRequest[], end: NetlinkRequest): void {
    const first = this.#sequence + 1;
    this.#send([begin, ...requests, end], requests);
    new Acknowledgements([begin, ...requests, end], first, [0, requests.length + 1]).collect(() =>
      this.#receive(requests),
    );
  }

  /** As {@link run}, but the kernel works on a thread of the pool: for what waits for grace periods. */
  async runAsync(requests: readonly NetlinkRequest[]): Promise<void> {
    let failed: unknown;
    for (const batch of batches(requests)) {
      const first = this.#sequence + 1;
      const length = this.#encode(batch);
      this.#sent(await send.async(this.fd, this.#outgoing, length, 0), batch);
      try {
        new Acknowledgements(batch, first).collect(() => this.#receive(batch));
      } catch (error) {
        failed ??= error;
      }
    }
    if (failed !== undefined) throw toError(failed);
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
    const ask = () => {
      this.#send([request]);
      return this.#sequence;
    };
    readReply(request, ask, () => this.#receive([request]), take, reset);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    close(this.#fd);
  }

  /** Closes on a thread of the pool, for sockets whose end waits for the kernel. */
  closeInBackground(): void {
    if (this.#closed) return;
    this.#closed = true;
    closeInBackground(this.#fd);
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** @param blamed what an error names: the requests, without marks */
  #send(requests: readonly NetlinkRequest[], blamed = requests): void {
    const length = this.#encode(requests);
    this.#sent(send(this.fd, this.#outgoing, length, 0), blamed);
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
    if (length >= 0) return this.#received.subarray(0, length);
    const [first] = requests;
    const op = first?.op ?? 'receive';
    // What is still queued must not take the room of later answers.
    this.#discard();
    if (errnoName(-length) !== 'EAGAIN')
      throw new KernelError(errnoName(-length), { op, subject: first?.subject });
    throw new BerthError('unavailable', `${op}: the kernel gave no answer within ${REPLY_TIMEOUT_S} s`);
  }

  /** Empties the receive queue. */
  #discard(): void {
    while (recv(this.fd, this.#received, this.#received.length, MSG_DONTWAIT) >= 0);
  }
}

/** Cuts a list of requests into those that go out together. */
function* batches(requests: readonly NetlinkRequest[]): Generator<readonly NetlinkRequest[]> {
  for (let at = 0; at < requests.length; at += BATCH) yield requests.slice(at, at + BATCH);
}
