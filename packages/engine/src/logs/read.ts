import { watch } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { parseInstant } from '../clock.js';
import type { LogEntry, LogOptions } from '../model.js';
import { LineSplitter, parseLogLine } from './line.js';

const CHUNK = 64 * 1024;
/** How often a followed log is looked at although nothing was told, in milliseconds. */
const FALLBACK = 500;

/**
 * Reads a container's log.
 *
 * @param ended whether nothing more will be written; asked, when following, after each look at the file
 * @param onEnd calls back once when `ended` becomes true; returns how to take that back
 */
export async function* readLog(
  path: string,
  options: LogOptions,
  ended: () => boolean,
  onEnd: (call: () => void) => () => void,
): AsyncGenerator<LogEntry> {
  let file;
  try {
    file = await open(path, 'r');
  } catch {
    // Never started: nothing was written.
    return;
  }
  try {
    yield* readOpen(file, path, options, ended, onEnd);
  } finally {
    await file.close();
  }
}

async function* readOpen(
  file: FileHandle,
  path: string,
  options: LogOptions,
  ended: () => boolean,
  onEnd: (call: () => void) => () => void,
): AsyncGenerator<LogEntry> {
  const wanted = selector(options);
  const source = new LogFile(file);
  const { size } = await file.stat();
  const tail = options.tail === undefined ? undefined : new Tail(options.tail);
  for await (const entry of source.entries(size)) {
    if (!wanted(entry)) continue;
    if (tail === undefined) yield entry;
    else tail.push(entry);
  }
  if (tail !== undefined) yield* tail.entries();
  if (!options.follow) return;
  let wake: () => void = () => undefined;
  const watcher = watch(path, () => {
    wake();
  });
  const release = onEnd(() => {
    wake();
  });
  try {
    for (;;) {
      // Asked before the file is read: what was written before the end is read after it.
      const last = ended();
      for await (const entry of source.entries(Infinity)) if (wanted(entry)) yield entry;
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
    watcher.close();
  }
}

class LogFile {
  readonly #file: FileHandle;
  readonly #lines = new LineSplitter();
  #position = 0;

  constructor(file: FileHandle) {
    this.#file = file;
  }

  async *entries(end: number): AsyncGenerator<LogEntry & { partial: boolean }> {
    const buffer = Buffer.alloc(CHUNK);
    while (this.#position < end) {
      const { bytesRead } = await this.#file.read(buffer, 0, CHUNK, this.#position);
      if (bytesRead === 0) return;
      this.#position += bytesRead;
      for (const line of this.#lines.push(Buffer.from(buffer.subarray(0, bytesRead)))) {
        const entry = parseLogLine(line);
        if (entry !== undefined) yield entry;
      }
    }
  }
}

/** Keeps the last lines; the parts of one long line count once. */
class Tail {
  readonly #count: number;
  readonly #lines: LogEntry[][] = [];
  #open = false;

  constructor(count: number) {
    this.#count = count;
  }

  push(entry: LogEntry & { partial: boolean }): void {
    if (this.#open) this.#lines.at(-1)?.push(entry);
    else this.#lines.push([entry]);
    this.#open = entry.partial;
    if (this.#lines.length > this.#count) this.#lines.shift();
  }

  entries(): LogEntry[] {
    return this.#lines.flat();
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
