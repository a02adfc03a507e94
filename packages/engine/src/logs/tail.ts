import type { LogEntry } from '../model.js';
import type { LogFile } from './files.js';
import { parseLogLine } from './line.js';

const BLOCK = 64 * 1024;
const NEWLINE = 0x0a;

/** A file of a log and the part of it that is there, in bytes. */
export interface FilePart {
  readonly file: LogFile;
  readonly length: number;
}

/** Where a file's last whole line ends. */
export async function wholeLines({ file, length }: FilePart): Promise<number> {
  const buffer = Buffer.alloc(BLOCK);
  for (let end = length; end > 0;) {
    const start = Math.max(0, end - BLOCK);
    await fill(file, buffer.subarray(0, end - start), start);
    const newline = buffer.subarray(0, end - start).lastIndexOf(NEWLINE);
    if (newline >= 0) return start + newline + 1;
    end = start;
  }
  return 0;
}

/**
 * The last lines of a log, in order, read from its end. The parts of one long line count once.
 *
 * @param parts the oldest first; each ends with a whole line
 */
export async function lastLines(
  parts: readonly FilePart[],
  count: number,
  wanted: (entry: LogEntry) => boolean,
): Promise<LogEntry[]> {
  const found: LogEntry[] = [];
  let lines = 0;
  for (const part of parts.toReversed()) {
    for await (const line of backwards(part)) {
      const entry = parseLogLine(line);
      if (entry === undefined || !wanted(entry)) continue;
      // A part goes before the rest of its line, which is there already; only the very last may have none.
      if (!entry.partial || found.length === 0) lines += 1;
      if (lines > count) return found.reverse();
      found.push(entry);
    }
  }
  return found.reverse();
}

/** The lines of a file, the last one first. */
async function* backwards({ file, length }: FilePart): AsyncGenerator<Buffer> {
  /** What was read of a line whose beginning was not yet: the pieces, the last one first. */
  let pieces: Buffer[] = [];
  for (let end = length; end > 0;) {
    const start = Math.max(0, end - BLOCK);
    const block = Buffer.alloc(end - start);
    await fill(file, block, start);
    let stop = end === length && block.at(-1) === NEWLINE ? block.length - 1 : block.length;
    for (let newline = before(block, stop); newline >= 0; newline = before(block, stop)) {
      yield Buffer.concat([block.subarray(newline + 1, stop), ...pieces.reverse()]);
      pieces = [];
      stop = newline;
    }
    pieces.push(block.subarray(0, stop));
    end = start;
  }
  if (length > 0) yield Buffer.concat(pieces.reverse());
}

/** The last newline before a place; -1 for none. */
function before(block: Buffer, stop: number): number {
  return stop === 0 ? -1 : block.lastIndexOf(NEWLINE, stop - 1);
}

async function fill(file: LogFile, buffer: Buffer, position: number): Promise<void> {
  for (let done = 0; done < buffer.length;) {
    const length = await file.read(buffer.subarray(done), position + done);
    if (length === 0) return;
    done += length;
  }
}
