import type { Readable, Writable } from 'node:stream';

/** stream, three zeros, length in network order (Engine API, ContainerAttach, "Stream format"). */
const HEADER_LENGTH = 8;
const STDERR = 2;

/**
 * Sorts a multiplexed stream into standard output and standard error, as fast as these take it.
 *
 * @throws Error when the stream ends inside a frame
 */
export async function demultiplex(source: Readable, stdout: Writable, stderr: Writable): Promise<void> {
  let pending: Buffer = Buffer.alloc(0);
  for await (const chunk of source) {
    pending = pending.length === 0 ? (chunk as Buffer) : Buffer.concat([pending, chunk as Buffer]);
    let at = 0;
    while (pending.length - at >= HEADER_LENGTH) {
      const length = pending.readUInt32BE(at + 4);
      const end = at + HEADER_LENGTH + length;
      if (end > pending.length) break;
      await write(pending[at] === STDERR ? stderr : stdout, pending.subarray(at + HEADER_LENGTH, end));
      at = end;
    }
    pending = pending.subarray(at);
  }
  if (pending.length > 0) throw new Error('the connection to the daemon ended in the middle of its output');
}

/** Copies a raw stream, as fast as the target takes it. */
export async function copy(source: Readable, target: Writable): Promise<void> {
  for await (const chunk of source) await write(target, chunk as Buffer);
}

async function write(target: Writable, data: Buffer): Promise<void> {
  if (target.write(data)) return;
  await new Promise<void>((resolve) => target.once('drain', resolve));
}
