import { Readable, Writable } from 'node:stream';
import type { AttachStream, OutputChunk } from '../model.js';
import { ConsoleSocket } from './console-socket.js';

interface ClientOptions {
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
}

/**
 * The standard streams of all containers. Each container has at most one connection to its conmon, shared by all who
 * are attached: conmon closes a container's stdin as soon as any of its clients goes away.
 */
export class Streams {
  readonly #hubs = new Map<string, StreamHub>();

  /**
   * Adds a client. Before the container is started it gets nothing, and what it writes waits; {@link connect} then
   * joins it before the first byte.
   */
  join(
    id: string,
    bundle: string | undefined,
    tty: boolean,
    stdinOnce: boolean,
    options: ClientOptions,
  ): AttachStream {
    let hub = this.#hubs.get(id);
    if (hub === undefined) {
      hub = new StreamHub(tty, stdinOnce, () => this.#hubs.delete(id));
      this.#hubs.set(id, hub);
    }
    const stream = hub.join(options);
    if (bundle !== undefined) hub.connect(bundle);
    return stream;
  }

  /** Connects those who wait for the start of this container. */
  connect(id: string, bundle: string): void {
    this.#hubs.get(id)?.connect(bundle);
  }

  /** Tells those who wait for a start that there will be none. */
  end(id: string): void {
    this.#hubs.get(id)?.end();
  }

  close(): void {
    for (const hub of this.#hubs.values()) hub.end();
  }
}

class StreamHub {
  readonly #tty: boolean;
  readonly #stdinOnce: boolean;
  readonly #onEnd: () => void;
  readonly #clients = new Map<Readable, ClientOptions>();
  #socket: ConsoleSocket | undefined;
  #waiting: (() => void)[] = [];
  #ended = false;
  /** Clients that have not read what they were given; conmon is not read on meanwhile. */
  readonly #behind = new Set<Readable>();
  #caughtUp: (() => void) | undefined;

  constructor(tty: boolean, stdinOnce: boolean, onEnd: () => void) {
    this.#tty = tty;
    this.#stdinOnce = stdinOnce;
    this.#onEnd = onEnd;
  }

  connect(bundle: string): void {
    if (this.#socket !== undefined || this.#ended) return;
    this.#socket = ConsoleSocket.connect(bundle, {
      data: (chunk) => {
        for (const [output, { stdout, stderr }] of this.#clients) {
          if ((chunk.stream === 'stdout' ? stdout : stderr) && !output.push(chunk)) this.#behind.add(output);
        }
        return this.#behind.size === 0 ? undefined : new Promise((resolve) => (this.#caughtUp = resolve));
      },
      end: () => {
        this.end();
      },
    });
    for (const go of this.#waiting.splice(0)) go();
  }

  join(options: ClientOptions): AttachStream {
    const catchUp = () => {
      this.#behind.delete(output);
      if (this.#behind.size === 0) this.#caughtUp?.();
    };
    const output = new Readable({ objectMode: true, read: catchUp }) as Readable & AsyncIterable<OutputChunk>;
    const leave = () => {
      this.#clients.delete(output);
      catchUp();
    };
    output.once('close', leave);
    this.#clients.set(output, options);
    return {
      tty: this.#tty,
      output,
      stdin: options.stdin ? this.#stdin() : undefined,
      close: () => {
        leave();
        output.push(null);
      },
    };
  }

  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#socket?.close();
    this.#caughtUp?.();
    for (const output of this.#clients.keys()) output.push(null);
    this.#clients.clear();
    for (const go of this.#waiting.splice(0)) go();
    this.#onEnd();
  }

  #stdin(): Writable {
    const whenConnected = (work: () => void) => {
      if (this.#socket !== undefined || this.#ended) work();
      else this.#waiting.push(work);
    };
    return new Writable({
      write: (chunk: Buffer, _encoding, done) => {
        whenConnected(() => {
          const written = this.#socket?.write(chunk) ?? Promise.resolve();
          void written.then(() => {
            done();
          });
        });
      },
      final: (done) => {
        whenConnected(() => {
          // Docker's StdinOnce: the end of the first client's input is the end of the container's.
          if (this.#stdinOnce) this.#socket?.endInput();
          done();
        });
      },
    });
  }
}
