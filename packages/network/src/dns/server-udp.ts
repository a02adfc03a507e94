import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import type { Forwarder } from './forwarder.js';
import { literalAddress } from './literal-address.js';
import { MAX_UDP_SIZE, RCODE, truncate, writeAnswer } from './message.js';
import { FORWARD, SILENCE, type Responder } from './responder.js';
import type { SandboxState } from './sandbox-state.js';
import type { SharedParts } from './shared-parts.js';

/** Answers that may wait in a socket's queue before further ones are dropped, as the kernel would. */
const MAX_QUEUED = 256;
/** Bytes: net.core.rmem_max unless somebody raised it, of which the kernel makes twice as much (socket(7)). */
const RECEIVE_BUFFER = 212_992;

/** What answers are built in: one for all sandboxes, since building and sending are synchronous. */
let out = Buffer.allocUnsafeSlow(MAX_UDP_SIZE);

/** Answers over UDP on a socket made in a sandbox's namespace. */
export class UdpServer {
  readonly #socket: Socket;
  readonly #state: SandboxState;
  readonly #responder: Responder;
  readonly #forwarder: Forwarder;
  #closed = false;

  private constructor(socket: Socket, state: SandboxState, shared: SharedParts) {
    this.#socket = socket;
    this.#state = state;
    this.#responder = shared.responder;
    this.#forwarder = shared.forwarder;
  }

  /**
   * Serves on the bound descriptor `fd`, which it owns from now on.
   *
   * @throws Error when the descriptor is no UDP socket
   */
  static async open(fd: number, state: SandboxState, shared: SharedParts): Promise<UdpServer> {
    const socket = createSocket({ type: 'udp4', lookup: literalAddress });
    const server = new UdpServer(socket, state, shared);
    await new Promise<void>((resolve, reject) => {
      socket.once('error', reject);
      socket.bind({ fd, exclusive: true }, () => {
        socket.off('error', reject);
        resolve();
      });
    });
    // A burst waits here while the thread is busy: with the kernel's default fewer than 200 questions have room.
    socket.setRecvBufferSize(RECEIVE_BUFFER);
    socket.on('error', (error) => {
      shared.warnings.warn(`name service: UDP socket failed: ${error.message}`, state);
    });
    socket.on('message', (message, from) => {
      server.#serve(message, from);
    });
    return server;
  }

  close(): Promise<void> {
    this.#closed = true;
    return new Promise((resolve) => {
      this.#socket.close(resolve);
    });
  }

  #serve(message: Buffer, from: RemoteInfo): void {
    // Only a raw socket can send from port 0, and nothing can be sent there: dgram would throw.
    if (from.port === 0) return;
    const responder = this.#responder;
    const length = responder.respond(this.#state, message, out, MAX_UDP_SIZE, true);
    if (length === SILENCE) return;
    if (length !== FORWARD) {
      this.#send(length, from);
      return;
    }
    const { udpSize, nameEnd } = responder.query;
    this.#forwarder.forward(this.#state, message, nameEnd + 4, 'udp', (answer) => {
      if (this.#closed) return;
      if (!answer) {
        this.#fail(message, from);
        return;
      }
      const fitting = answer.length <= udpSize ? answer : truncate(answer, nameEnd + 4);
      this.#socket.send(fitting, from.port, from.address);
    });
  }

  /** Says SERVFAIL to a question that no upstream server has answered. */
  #fail(message: Buffer, from: RemoteInfo): void {
    const { query } = this.#responder;
    query.read(message);
    this.#send(writeAnswer(query, RCODE.SERVFAIL, [], 0, out, MAX_UDP_SIZE), from);
  }

  #send(length: number, to: RemoteInfo): void {
    const socket = this.#socket;
    if (socket.getSendQueueCount() > MAX_QUEUED) return;
    socket.send(out.subarray(0, length), to.port, to.address);
    // The kernel took it at once, unless its buffer was full: then the bytes belong to the queue.
    if (socket.getSendQueueCount() > 0) out = Buffer.allocUnsafeSlow(MAX_UDP_SIZE);
  }
}
