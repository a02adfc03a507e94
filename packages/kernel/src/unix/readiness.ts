import { check, close, declare } from '../libc/index.js';

/** poll(2): include/uapi/asm-generic/poll.h; struct pollfd is fd, events, revents in eight bytes. */
const POLLIN = 0x1;
const POLLOUT = 0x4;
const POLLFD_LENGTH = 8;
/** EFD_CLOEXEC | EFD_NONBLOCK (eventfd(2)) */
const EVENTFD_FLAGS = 0o2000000 | 0o4000;
/** A poll that nobody wakes ends by itself, so that a process that exits does not wait for it. */
const POLL_TIMEOUT_MS = 500;

const poll = declare<[fds: Buffer, count: number, timeout: number]>('poll', 'int', [
  'void *',
  'unsigned long',
  'int',
]);
const eventfd = declare<[initial: number, flags: number]>('eventfd', 'int', ['unsigned int', 'int']);
const write = declare<[fd: number, data: Buffer, length: number]>('write', 'long', [
  'int',
  'void *',
  'unsigned long',
]);
const read = declare<[fd: number, data: Buffer, length: number]>('read', 'long', [
  'int',
  'void *',
  'unsigned long',
]);

/** Which readiness is waited for; a callback that is there is called when the descriptor is ready (or has failed). */
interface Interest {
  readable?: (() => void) | undefined;
  writable?: (() => void) | undefined;
}

/**
 * Tells when descriptors that Node can't watch itself (sequenced packets, say) can be read or written. One thread of
 * libuv's pool waits for all of them, only while there are any.
 */
class Readiness {
  readonly #interests = new Map<number, Interest>();
  #wakeFd = -1;
  #waiting = false;

  set(fd: number, interest: Interest): void {
    if (interest.readable === undefined && interest.writable === undefined) this.#interests.delete(fd);
    else this.#interests.set(fd, interest);
    this.#wake();
    if (!this.#waiting && this.#interests.size > 0) {
      this.#waiting = true;
      void this.#wait();
    }
  }

  async #wait(): Promise<void> {
    if (this.#wakeFd === -1) this.#wakeFd = check(eventfd(0, EVENTFD_FLAGS), 'open eventfd');
    while (this.#interests.size > 0) {
      const watched = [...this.#interests];
      const descriptors = Buffer.alloc((watched.length + 1) * POLLFD_LENGTH);
      descriptors.writeInt32LE(this.#wakeFd, 0);
      descriptors.writeInt16LE(POLLIN, 4);
      watched.forEach(([fd, interest], index) => {
        const at = (index + 1) * POLLFD_LENGTH;
        const events = (interest.readable ? POLLIN : 0) | (interest.writable ? POLLOUT : 0);
        descriptors.writeInt32LE(fd, at);
        descriptors.writeInt16LE(events, at + 4);
      });
      await poll.async(descriptors, watched.length + 1, POLL_TIMEOUT_MS);
      if (descriptors.readInt16LE(6) !== 0) read(this.#wakeFd, Buffer.alloc(8), 8);
      watched.forEach(([fd, interest], index) => {
        const events = descriptors.readInt16LE((index + 1) * POLLFD_LENGTH + 6);
        // A callback may have closed another descriptor, or changed what is waited for.
        if (events === 0 || this.#interests.get(fd) !== interest) return;
        // Errors and hang-ups are found by whoever reads or writes. A writer is not kept waiting by a peer that talks on.
        const { readable, writable } = interest;
        if ((events & ~POLLIN) !== 0) writable?.();
        if ((events & ~POLLOUT) !== 0) readable?.();
      });
    }
    this.#waiting = false;
    close(this.#wakeFd);
    this.#wakeFd = -1;
  }

  #wake(): void {
    if (this.#wakeFd === -1) return;
    const one = Buffer.alloc(8);
    one.writeBigUInt64LE(1n);
    write(this.#wakeFd, one, one.length);
  }
}

/** The one watcher of this process. */
export const readiness = new Readiness();
