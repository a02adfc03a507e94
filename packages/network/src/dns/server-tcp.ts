import { createServer, type Server, type Socket } from 'node:net';
import type { Forwarder } from './forwarder.js';
import { FrameReader, frame } from './frames.js';
import { MAX_TCP_SIZE, RCODE, writeAnswer } from './message.js';
import { FORWARD, SILENCE, type Responder } from './responder.js';
import type { SandboxState } from './sandbox-state.js';
import type { SharedParts } from './shared-parts.js';

/** Milliseconds after which a silent connection is closed: RFC 7766 section 6.2.3, "a few seconds". */
const IDLE_MS = 10_000;
/** Connections of one sandbox at a time; one more closes that which has been silent longest. */
const MAX_CONNECTIONS = 64;
/** Bytes of a query: far above what a resolver sends, so that a stalled one can't hold much memory. */
const MAX_QUERY = 4096;
/** Bytes of answers that a client may leave unread; its further queries wait until it reads. */
const MAX_UNREAD = 64 * 1024;

/** What one message is built in before it is framed; shared, since building is synchronous. */
const out = Buffer.allocUnsafeSlow(MAX_TCP_SIZE);

/** Answers over TCP on a socket made in a sandbox's namespace, several queries a connection (RFC 7766). */
export class TcpServer {
  readonly #server: Server;
  readonly #state: SandboxState;
  readonly #responder: Responder;
  readonly #forwarder: Forwarder;
  /** In the order of their last query. */
  readonly #connections = new Set<Socket>();

  private constructor(server: Server, state: SandboxState, shared: SharedParts) {
    this.#server = server;
    this.#state = state;
    this.#responder = shared.responder;
    this.#forwarder = shared.forwarder;
  }

  /**
   * Serves on the listening (or bound) descriptor `fd`, which it owns from now on.
   *
   * @throws Error when the descriptor can't listen
   */
  static async open(fd: number, state: SandboxState, shared: SharedParts): Promise<TcpServer> {
    const listener = createServer({ allowHalfOpen: true, noDelay: true });
    const server = new TcpServer(listener, state, shared);
    await new Promise<void>((resolve, reject) => {
      listener.once('error', reject);
      listener.listen({ fd }, () => {
        listener.off('error', reject);
        resolve();
      });
    });
    listener.on('error', (error) => {
      shared.warnings.warn(`name service: TCP socket failed: ${error.message}`, state);
    });
    listener.on('connection', (socket) => {
      server.#accept(socket);
    });
    return server;
  }

  close(): Promise<void> {
    for (const socket of this.#connections) socket.destroy();
    return new Promise((resolve) => {
      this.#server.close(() => {
        resolve();
      });
    });
  }

  #accept(socket: Socket): void {
    const [oldest] = this.#connections;
    if (oldest !== undefined && this.#connections.size >= MAX_CONNECTIONS) {
      oldest.destroy();
      // Forgotten at once: several connections may come before its end is told.
      this.#connections.delete(oldest);
    }
    this.#connections.add(socket);
    const reader = new FrameReader(MAX_QUERY);
    let waiting = 0;
    let ended = false;
    const reply = (answer: Buffer | undefined) => {
      waiting--;
      if (answer && !socket.destroyed) socket.write(frame(answer));
    };
    const proceed = () => {
      while (!socket.destroyed) {
        if (socket.writableLength > MAX_UNREAD) {
          socket.pause();
          return;
        }
        const message = reader.next();
        if (message === 'too-long') socket.destroy();
        if (typeof message === 'string') break;
        this.#touch(socket);
        waiting++;
        this.#serve(message, (answer) => {
          reply(answer);
          if (ended && waiting === 0) socket.end();
        });
      }
      if (ended && waiting === 0) socket.end();
    };
    socket.setTimeout(IDLE_MS, () => socket.destroy());
    socket.on('error', () => socket.destroy());
    socket.on('close', () => this.#connections.delete(socket));
    socket.on('data', (chunk) => {
      reader.push(chunk);
      proceed();
    });
    socket.on('drain', () => {
      socket.resume();
      proceed();
    });
    socket.on('end', () => {
      ended = true;
      proceed();
    });
  }

  #touch(socket: Socket): void {
    if (this.#connections.delete(socket)) this.#connections.add(socket);
  }

  #serve(message: Buffer, reply: (answer: Buffer | undefined) => void): void {
    const { query } = this.#responder;
    const length = this.#responder.respond(this.#state, message, out, MAX_TCP_SIZE, false);
    if (length === SILENCE) reply(undefined);
    else if (length !== FORWARD) reply(out.subarray(0, length));
    else {
      this.#forwarder.forward(this.#state, message, query.nameEnd + 4, 'tcp', (answer) => {
        if (answer) {
          reply(answer);
          return;
        }
        query.read(message);
        reply(out.subarray(0, writeAnswer(query, RCODE.SERVFAIL, [], 0, out, MAX_TCP_SIZE)));
      });
    }
  }
}
