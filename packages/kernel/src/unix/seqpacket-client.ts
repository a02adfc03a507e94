import { KernelError } from '../errors.js';
import { check, close, declare, errnoName, errnoNumber, recv, send, socket } from '../libc/index.js';
import { readiness } from './readiness.js';
import { withUnixAddress } from './socket-address.js';

/** include/linux/socket.h, include/linux/net.h */
const AF_UNIX = 1;
const SOCK_SEQPACKET = 5;
const SOCK_FLAGS = 0o4000 | 0o2000000;
const MSG_NOSIGNAL = 0x4000;
const SHUT_WR = 1;
const EAGAIN = errnoNumber('EAGAIN');

/** Larger than any packet that conmon sends (a byte for the stream and 8 KiB, src/conn_sock.h). */
const PACKET_LENGTH = 64 * 1024;
/** conmon reads at most 32 KiB of a packet (CONN_SOCK_BUF_SIZE, src/conn_sock.h). */
const LARGEST_WRITE = 16 * 1024;
/** Packets that wait for a slow reader before the socket is left alone. */
const QUEUE_LENGTH = 32;

const connect = declare<[fd: number, address: Buffer, length: number]>('connect', 'int', [
  'int',
  'void *',
  'unsigned int',
]);
const shutdown = declare<[fd: number, how: number]>('shutdown', 'int', ['int', 'int']);

/** The client's end of a unix socket of sequenced packets (unix(7)), which Node has no type for. */
export class SeqpacketClient implements Disposable {
  readonly #fd: number;
  readonly #received: Buffer[] = [];
  readonly #packet = Buffer.alloc(PACKET_LENGTH);
  #ended = false;
  #closed = false;
  #reader: (() => void) | undefined;
  #writable: (() => void) | undefined;
  /** The writes that have not ended, and the end of the last of them. */
  #writes = 0;
  #lastWrite = Promise.resolve();

  private constructor(fd: number) {
    this.#fd = fd;
    this.#watch();
  }

  /** @throws KernelError ENOENT, ECONNREFUSED, … */
  static connect(path: string): SeqpacketClient {
    const fd = check(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_FLAGS, 0), 'open socket for', path);
    try {
      withUnixAddress(path, (address) => check(connect(fd, address, address.length), 'connect to', path));
    } catch (error) {
      close(fd);
      throw error;
    }
    return new SeqpacketClient(fd);
  }

  /** The packets as they come, until the other side or this one closes. While nobody takes them, no more are read. */
  async *packets(): AsyncGenerator<Buffer, void, void> {
    for (;;) {
      const next = this.#received.shift();
      if (next !== undefined) {
        if (this.#received.length === QUEUE_LENGTH - 1) this.#watch();
        yield next;
      } else if (this.#ended) return;
      else await new Promise<void>((resolve) => (this.#reader = resolve));
    }
  }

  /**
   * Sends bytes, in packets of a size that the other side takes; resolves when the socket has taken them. Writes that
   * overlap go out one after the other.
   *
   * @throws KernelError EPIPE, ECONNRESET, …
   */
  write(data: Buffer): Promise<void> {
    const written = this.#writes === 0 ? this.#send(data) : this.#lastWrite.then(() => this.#send(data));
    this.#writes++;
    const ended = (): void => {
      this.#writes--;
    };
    this.#lastWrite = written.then(ended, ended);
    return written;
  }

  /** Nothing more will be written: the other side reads to the end. */
  endWriting(): void {
    if (!this.#closed) shutdown(this.#fd, SHUT_WR);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#ended = true;
    readiness.set(this.#fd, {});
    close(this.#fd);
    this.#reader?.();
    this.#writable?.();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  async #send(data: Buffer): Promise<void> {
    for (let at = 0; at < data.length;) {
      if (this.#closed) throw new KernelError('EPIPE', { op: 'write to socket' });
      const part = data.subarray(at, at + LARGEST_WRITE);
      const sent = send(this.#fd, part, part.length, MSG_NOSIGNAL);
      if (sent >= 0) at += part.length;
      else if (sent !== -EAGAIN) throw new KernelError(errnoName(-sent), { op: 'write to socket' });
      else {
        await new Promise<void>((resolve) => {
          this.#writable = resolve;
          this.#watch();
        });
      }
    }
  }

  #watch(): void {
    if (this.#closed) return;
    const wantsMore = !this.#ended && this.#received.length < QUEUE_LENGTH;
    readiness.set(this.#fd, {
      readable: wantsMore ? () => this.#read() : undefined,
      writable: this.#writable === undefined ? undefined : () => this.#becameWritable(),
    });
  }

  #becameWritable(): void {
    const resolve = this.#writable;
    this.#writable = undefined;
    this.#watch();
    resolve?.();
  }

  #read(): void {
    while (this.#received.length < QUEUE_LENGTH) {
      const length = recv(this.#fd, this.#packet, this.#packet.length, 0);
      if (length === -EAGAIN) break;
      if (length <= 0) {
        this.#ended = true;
        break;
      }
      this.#received.push(Buffer.from(this.#packet.subarray(0, length)));
    }
    this.#watch();
    const reader = this.#reader;
    this.#reader = undefined;
    reader?.();
  }
}
