import { BerthError } from '@berth/core';
import type { NetlinkSocket } from './socket.js';

/**
 * What is done on threads of the pool, one job after the other, with a socket of its own: a request under way there
 * must not meet the replies of others. The socket is opened for the first job.
 */
export class BackgroundSocket {
  readonly #open: () => NetlinkSocket;
  #socket: NetlinkSocket | undefined;
  #queue: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(open: () => NetlinkSocket) {
    this.#open = open;
  }

  /** Runs a job when those before it have ended, well or badly. Rejects with what it throws, or once this is closed. */
  run<T>(job: (socket: NetlinkSocket) => Promise<T>): Promise<T> {
    if (this.#closed) return Promise.reject(new BerthError('internal', 'the netlink socket is closed'));
    this.#socket ??= this.#open();
    const socket = this.#socket;
    const turn = this.#queue.then(() => job(socket));
    this.#queue = turn.then(
      () => undefined,
      () => undefined,
    );
    return turn;
  }

  /** Takes no more jobs, and closes the socket when the last one has ended. */
  close(): void {
    this.#closed = true;
    void this.#queue.then(() => this.#socket?.close());
  }
}
