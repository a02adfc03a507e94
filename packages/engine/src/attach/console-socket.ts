import { join } from 'node:path';
import { SeqpacketClient } from '@berth/kernel';
import type { OutputChunk } from '../model.js';

/** The first byte of each packet from conmon: STDOUT_PIPE and STDERR_PIPE of its src/utils.h. */
const STDERR = 3;

interface Listener {
  /** A promise is a plea to wait: nothing more is read until it resolves. */
  data(chunk: OutputChunk): Promise<void> | undefined;
  /** The container has ended and everything was read, or the connection is gone. */
  end(): void;
}

/** A connection to a conmon's attach socket. */
export class ConsoleSocket {
  readonly #client: SeqpacketClient;

  private constructor(client: SeqpacketClient) {
    this.#client = client;
  }

  /** @throws KernelError if conmon does not listen */
  static connect(bundle: string, listener: Listener): ConsoleSocket {
    const socket = new ConsoleSocket(SeqpacketClient.connect(join(bundle, 'attach')));
    void socket.#read(listener);
    return socket;
  }

  /** Resolves when conmon has taken it; input for a container that has ended is dropped. */
  async write(data: Buffer): Promise<void> {
    await this.#client.write(data).catch(() => undefined);
  }

  /** Ends the container's standard input. */
  endInput(): void {
    this.#client.endWriting();
  }

  close(): void {
    this.#client.close();
  }

  async #read(listener: Listener): Promise<void> {
    for await (const packet of this.#client.packets()) {
      await listener.data({ stream: packet[0] === STDERR ? 'stderr' : 'stdout', data: packet.subarray(1) });
    }
    this.#client.close();
    listener.end();
  }
}
