import type { Readable, Writable } from 'node:stream';
import type { Hijacked } from '../client/api-client.js';
import { copy, demultiplex } from '../client/frames.js';
import { DEFAULT_DETACH_KEYS, DetachFilter, parseDetachKeys } from './detach-keys.js';

export interface SessionOptions {
  /** Whether what is typed goes to the other side. */
  readonly stdin: boolean;
  readonly tty: boolean;
  /** Keys that leave it running, as Docker writes them; ctrl-p,ctrl-q by default. */
  readonly detachKeys?: string | undefined;
  /** Tells the other side the size of this terminal. */
  readonly resize?: (rows: number, columns: number) => Promise<unknown>;
}

/**
 * Connects this terminal (or these pipes) with a container's streams until the other side ends; true if the user
 * detached.
 */
export async function runSession(hijacked: Hijacked, options: SessionOptions): Promise<boolean> {
  const { socket } = hijacked;
  let detached = false;
  const wasDetached = (): boolean => detached;
  const release = [] as (() => void)[];
  if (options.tty && options.resize !== undefined) release.push(followSize(options.resize));
  if (options.stdin) {
    const interactive = options.tty && process.stdin.isTTY;
    if (interactive) release.push(await rawTerminal());
    const keys = parseDetachKeys(options.detachKeys ?? DEFAULT_DETACH_KEYS);
    const leave = (): void => {
      detached = true;
      socket.destroy();
    };
    release.push(
      forwardInput(process.stdin, socket, interactive ? new DetachFilter(keys) : undefined, leave),
    );
  }
  try {
    if (hijacked.multiplexed && !options.tty) await demultiplex(socket, process.stdout, process.stderr);
    else await copy(socket, process.stdout);
  } catch (error) {
    // The user's own leaving cuts the connection. So does the end of a container that has not read all its input.
    if (!wasDetached() && !(options.stdin && isCut(error))) throw error;
  } finally {
    for (const undo of release) undo();
  }
  return wasDetached();
}

function isCut(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'EPIPE' || code === 'ECONNRESET';
}

/** However this process ends, the terminal is usable afterwards. */
async function rawTerminal(): Promise<() => void> {
  const { makeRaw } = await import('@berth/kernel');
  const restore = makeRaw(process.stdin.fd);
  process.once('exit', restore);
  return () => {
    process.off('exit', restore);
    restore();
  };
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

/** Hands over what is typed, as fast as it is taken. @returns what ends that */
export function forwardInput(
  input: Readable,
  socket: Writable,
  keys: DetachFilter | undefined,
  detach: () => void,
): () => void {
  const send = (data: Buffer): void => {
    if (data.length === 0 || socket.write(data)) return;
    input.pause();
    socket.once('drain', () => input.resume());
  };
  const onData = (data: Buffer): void => {
    const { forward, detached } = keys?.feed(data) ?? { forward: data, detached: false };
    send(forward);
    if (detached) detach();
  };
  const onEnd = (): void => {
    if (keys !== undefined) send(keys.flush());
    socket.end();
  };
  input.on('data', onData);
  input.once('end', onEnd);
  return () => {
    input.off('data', onData);
    input.off('end', onEnd);
    input.pause();
    // A pipe that somebody still holds open must not keep this process.
    input.destroy();
  };
}
