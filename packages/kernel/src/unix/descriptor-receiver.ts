import { rmSync } from 'node:fs';
import { BerthError } from '@berth/core';
import { MessageHeader, bind, check, close, declare, recvmsg, socket } from '../libc/index.js';
import { readiness } from './readiness.js';
import { withUnixAddress } from './socket-address.js';

/** include/linux/socket.h, include/linux/net.h; accept4(2) */
const AF_UNIX = 1;
const SOCK_STREAM = 1;
const SOCK_FLAGS = 0o4000 | 0o2000000;
const MSG_CMSG_CLOEXEC = 0x40000000;
/** struct cmsghdr (cmsg(3)): length, level, type, then the descriptor. */
const CONTROL_LENGTH = 24;
const SOL_SOCKET = 1;
const SCM_RIGHTS = 1;

const listen = declare<[fd: number, backlog: number]>('listen', 'int', ['int', 'int']);
const accept4 = declare<[fd: number, address: null, length: null, flags: number]>('accept4', 'int', [
  'int',
  'void *',
  'void *',
  'int',
]);

/**
 * A unix socket on which another process hands over one descriptor (unix(7), SCM_RIGHTS): the master of a
 * terminal, from `runc --console-socket`.
 */
export class DescriptorReceiver implements Disposable {
  /** The descriptor, which then belongs to the caller. Rejects when the receiver is closed before it came. */
  readonly received: Promise<number>;
  readonly #path: string;
  #open: number[];
  #reject: (error: Error) => void = () => undefined;

  private constructor(path: string, fd: number) {
    this.#path = path;
    this.#open = [fd];
    this.received = new Promise((resolve, reject) => {
      this.#reject = reject;
      readiness.set(fd, { readable: () => this.#accept(fd, resolve) });
    });
    // Whoever closes early need not have waited.
    this.received.catch(() => undefined);
  }

  /** @throws KernelError EADDRINUSE where the path is taken, … */
  static listen(path: string): DescriptorReceiver {
    const fd = check(socket(AF_UNIX, SOCK_STREAM | SOCK_FLAGS, 0), 'open socket for', path);
    try {
      withUnixAddress(path, (address) => check(bind(fd, address, address.length), 'bind', path));
      check(listen(fd, 1), 'listen on', path);
    } catch (error) {
      close(fd);
      throw error;
    }
    return new DescriptorReceiver(path, fd);
  }

  /** Removes the socket; a descriptor that has been received stays open. */
  close(): void {
    for (const fd of this.#open) {
      readiness.set(fd, {});
      close(fd);
    }
    this.#open = [];
    rmSync(this.#path, { force: true });
    this.#reject(new BerthError('internal', `no descriptor came over ${this.#path}`));
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #accept(listener: number, resolve: (fd: number) => void): void {
    const connection = accept4(listener, null, null, SOCK_FLAGS);
    if (connection < 0) return;
    this.#open.push(connection);
    readiness.set(listener, {});
    readiness.set(connection, { readable: () => this.#receive(connection, resolve) });
  }

  #receive(connection: number, resolve: (fd: number) => void): void {
    const control = Buffer.alloc(CONTROL_LENGTH);
    // runc sends the terminal's name as data.
    const header = new MessageHeader({ vectors: [Buffer.alloc(4096)], control });
    const length = recvmsg(connection, header.buffer, MSG_CMSG_CLOEXEC);
    const rights = control.readInt32LE(8) === SOL_SOCKET && control.readInt32LE(12) === SCM_RIGHTS;
    readiness.set(connection, {});
    if (length < 0 || header.controlLength < 20 || !rights) {
      this.#reject(new BerthError('internal', `what came over ${this.#path} is no descriptor`));
    } else resolve(control.readInt32LE(16));
  }
}
