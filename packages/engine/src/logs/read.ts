import { watch, type FSWatcher } from 'node:fs';
import { basename, dirname } from 'node:path';
import { parseInstant } from '../clock.js';
import type { LogEntry, LogOptions } from '../model.js';
import { openLog, type LogFile } from './files.js';
import { LineSplitter, parseLogLine } from './line.js';
import { lastLines, wholeLines, type FilePart } from './tail.js';

const CHUNK = 64 * 1024;
/** How often a followed log is looked at although nothing was told, in milliseconds. */
const FALLBACK = 500;

/**
 * Reads a container's log, through all of its files. What was read together comes together: a long log has millions of lines.
 *
 * @param ended whether nothing more will be written; asked, when following, after each look at the file
 * @param onEnd calls back once when `ended` becomes true; returns how to take that back
 * @param bytes how much of the files, as {@link logSize} has told, counts as written by now
 */
export async function* readLog(
  path: string,
  options: LogOptions,
  ended: () => boolean,
  onEnd: (call: () => void) => () => void,
  bytes = Infinity,
): AsyncGenerator<LogEntry[]> {
  const log = new OpenLog(path);
  try {
    yield* readOpen(log, path, options, ended, onEnd, bytes);
  } finally {
    log.close();
  }
}

async function* readOpen(
  log: OpenLog,
  path: string,
  options: LogOptions,
  ended: () => boolean,
  onEnd: (call: () => void) => () => void,
  bytes: number,
): AsyncGenerator<LogEntry[]> {
  const wanted = selector(options);
  const size = Math.min(log.size, bytes);
  if (options.tail === undefined) {
    yield* chosen(log.entries(size), wanted);
  } else {
    const last = await log.tail(size, options.tail, wanted);
    if (last.length > 0) yield last;
  }
  if (!options.follow) return;
  let wake: () => void = () => undefined;
  const watcher = watchLog(path, () => {
    wake();
  });
  const release = onEnd(() => {
    wake();
  });
  try {
    for (;;) {
      // Asked before the file is read: what was written before the end is read after it.
      const last = ended();
      yield* chosen(log.entries(Infinity), wanted);
      if (last || pastUntil(options)) return;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, FALLBACK);
        wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  } finally {
    release();
    watcher?.close();
  }
}

async function* chosen(
  batches: AsyncIterable<LogEntry[]>,
  wanted: (entry: LogEntry) => boolean,
): AsyncGenerator<LogEntry[]> {
  for await (const batch of batches) {
    const entries = batch.filter(wanted);
    if (entries.length > 0) yield entries;
  }
}

/** Bytes of all files of a log. */
export function logSize(path: string): number {
  const log = new OpenLog(path);
  try {
    return log.size;
  } finally {
    log.close();
  }
}

/** The folder is watched, since the file may be put aside. Without a watch (no folder, no memory) the interval is left. */
function watchLog(path: string, changed: () => void): FSWatcher | undefined {
  try {
    const watcher = watch(dirname(path), (_event, name) => {
      if (name === basename(path)) changed();
    });
    watcher.on('error', () => undefined);
    return watcher;
  } catch {
    return undefined;
  }
}

/** The files of a log one after the other. They are held: what is dropped while it is being read is still read. */
class OpenLog {
  readonly #path: string;
  readonly #lines = new LineSplitter();
  /** From the one being read on, the oldest first. */
  readonly #files: LogFile[];
  #position = 0;

  constructor(path: string) {
    this.#path = path;
    this.#files = openLog(path);
  }

  /** Bytes of all files that are open. */
  get size(): number {
    return this.#files.reduce((sum, { size }) => sum + size, 0);
  }

  /** Goes on where it ended, for so many bytes, or up to the end. */
  async *entries(bytes: number): AsyncGenerator<LogEntry[]> {
    const buffer = Buffer.alloc(CHUNK);
    let left = bytes;
    while (left > 0) {
      const [file] = this.#files;
      if (file === undefined) {
        this.#files.push(...openLog(this.#path));
        if (this.#files.length === 0) return;
        continue;
      }
      const length = await file.read(buffer.subarray(0, Math.min(left, CHUNK)), this.#position);
      if (length === 0) {
        if (this.#files.length > 1) {
          this.#files.shift()?.close();
          this.#position = 0;
          continue;
        }
        // Once there is a younger file this one is written no more: then it is read to its end.
        this.#files.push(...openLog(this.#path, file.inode));
        if (this.#files.length === 1) return;
        continue;
      }
      this.#position += length;
      left -= length;
      const lines = this.#lines.push(Buffer.from(buffer.subarray(0, length)));
      yield lines.flatMap((line) => parseLogLine(line) ?? []);
    }
  }

  /** The last lines of so many bytes; what comes after them is read on next. To be called before anything else was read. */
  async tail(bytes: number, count: number, wanted: (entry: LogEntry) => boolean): Promise<LogEntry[]> {
    let left = bytes;
    const parts: FilePart[] = [];
    for (const file of this.#files) {
      const part = { file, length: Math.min(left, file.size) };
      left -= part.length;
      parts.push({ file, length: await wholeLines(part) });
    }
    const entries = await lastLines(parts, count, wanted);
    for (const file of this.#files.splice(0, this.#files.length - 1)) file.close();
    this.#position = parts.at(-1)?.length ?? 0;
    return entries;
  }

  close(): void {
    for (const file of this.#files) file.close();
  }
}

function selector({ stdout, stderr, since, until }: LogOptions): (entry: LogEntry) => boolean {
  return (entry) => {
    if (entry.stream === 'stdout' ? !stdout : !stderr) return false;
    if (since === undefined && until === undefined) return true;
    const time = parseInstant(entry.time);
    if (time === undefined) return true;
    return (since === undefined || time >= since) && (until === undefined || time <= until);
  };
}

function pastUntil({ until }: LogOptions): boolean {
  return until !== undefined && BigInt(Date.now()) * 1_000_000n > until;
}
