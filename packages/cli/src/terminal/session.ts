import type { Hijacked } from '../client/api-client.js';
import { copy, demultiplex } from '../client/frames.js';

/** Ctrl-p, ctrl-q. */
const DETACH_KEYS = Buffer.from([0x10, 0x11]);

export interface SessionOptions {
  /** Whether what is typed goes to the other side. */
  readonly stdin: boolean;
  readonly tty: boolean;
  /** Tells the other side the size of this terminal. */
  readonly resize?: (rows: number, columns: number) => Promise<unknown>;
}

/** Connects this terminal (or these pipes) with a container's streams until the other side ends; true if the user detached. */
export async function runSession(hijacked: Hijacked, options: SessionOptions): Promise<boolean> {
  const { socket } = hijacked;
  let detached = false;
  const wasDetached = (): boolean => detached;
  const release = [] as (() => void)[];
  if (options.tty && options.resize !== undefined) release.push(followSize(options.resize));
  if (options.stdin) {
    const interactive = options.tty && process.stdin.isTTY;
    if (interactive) {
      const { makeRaw } = await import('@berth/kernel');
      release.push(makeRaw(process.stdin.fd));
    }
    release.push(
      forwardInput(hijacked, interactive, () => {
        detached = true;
        socket.destroy();
      }),
    );
  }
  try {
    if (hijacked.multiplexed && !options.tty) await demultiplex(socket, process.stdout, process.stderr);
    else await copy(socket, process.stdout);
  } catch (error) {
    // The user's own leaving cuts the connection.
    if (!wasDetached()) throw error;
  } finally {
    for (const undo of release) undo();
  }
  return wasDetached();
}

function followSize(resize: (rows: number, columns: number) => Promise<unknown>): () => void {
  const tell = (): void => {
    const { rows, columns } = process.stdout;
    // A container that is not yet, or no longer, there has no size.
    if (process.stdout.isTTY) resize(rows, columns).catch(() => undefined);
  };
  tell();
  process.on('SIGWINCH', tell);
  return () => process.off('SIGWINCH', tell);
}

function forwardInput({ socket }: Hijacked, interactive: boolean, detach: () => void): () => void {
  let previous = -1;
  const onData = (data: Buffer): void => {
    if (interactive) {
      for (const byte of data) {
        if (previous === DETACH_KEYS[0] && byte === DETACH_KEYS[1]) {
          detach();
          return;
        }
        previous = byte;
      }
    }
    if (!socket.write(data)) {
      process.stdin.pause();
      socket.once('drain', () => process.stdin.resume());
    }
  };
  const onEnd = (): void => void socket.end();
  process.stdin.on('data', onData);
  process.stdin.once('end', onEnd);
  return () => {
    process.stdin.off('data', onData);
    process.stdin.off('end', onEnd);
    process.stdin.pause();
    // A pipe that somebody still holds open must not keep this process.
    process.stdin.destroy();
  };
}
