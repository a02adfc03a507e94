import type { Readable, Writable } from 'node:stream';

/** stream, three zeros, length in network order (Engine API, ContainerAttach, "Stream format"). */
const HEADER_LENGTH = 8;
const STDERR = 2;
/** What goes wrong in the daemon while it streams comes on a stream of its own (moby, pkg/stdcopy, Systemerr). */
const SYSTEM_ERROR = 3;

/**
 * Sorts a multiplexed stream into standard output and standard error, as fast as these take it. Ends early when
 * a target is closed.
 *
 * @throws Error when the stream ends inside a frame, is none, or tells of an error
 */
export async function demultiplex(source: Readable, stdout: Writable, stderr: Writable): Promise<void> {
  const header = Buffer.alloc(HEADER_LENGTH);
  let have = 0;
  let left = 0;
  let trouble = '';
  for await (const piece of source) {
    const chunk = piece as Buffer;
    let at = 0;
    while (at < chunk.length) {
      if (left === 0) {
        const copied = chunk.copy(header, have, at, at + HEADER_LENGTH - have);
        have += copied;
        at += copied;
        if (have < HEADER_LENGTH) break;
        left = frameLength(header);
        if (left === 0) have = 0;
        continue;
      }
      // A frame may be larger than memory is wide: its parts go on as they come.
      const part = chunk.subarray(at, at + left);
      at += part.length;
      left -= part.length;
      if (left === 0) have = 0;
      if (header[0] === SYSTEM_ERROR) trouble += part.toString();
      else if (!(await write(header[0] === STDERR ? stderr : stdout, part))) return;
    }
  }
  if (trouble !== '') throw new Error(`error from daemon in stream: ${trouble.trimEnd()}`);
  if (have > 0) throw new Error('the connection to the daemon ended in the middle of its output');
}

function frameLength(header: Buffer): number {
  const stream = header.readUInt8(0);
  if (stream > SYSTEM_ERROR) throw new Error(`the daemon sent output of an unknown stream: ${stream}`);
  return header.readUInt32BE(4);
}

/** Copies a raw stream, as fast as the target takes it, until either ends. */
export async function copy(source: Readable, target: Writable): Promise<void> {
  for await (const chunk of source) if (!(await write(target, chunk as Buffer))) return;
}

/** Resolves when the target takes more: false if it never will. */
async function write(target: Writable, data: Buffer): Promise<boolean> {
  if (!target.writable) return false;
  if (target.write(data)) return true;
  return new Promise<boolean>((resolve) => {
    const settle = (): void => {
      for (const event of ['drain', 'close', 'error']) target.off(event, settle);
      resolve(target.writable);
    };
    for (const event of ['drain', 'close', 'error']) target.on(event, settle);
  });
}
