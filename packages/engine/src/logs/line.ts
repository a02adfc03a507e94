import type { LogEntry } from '../model.js';

const NEWLINE = Buffer.from('\n');

/**
 * Reads one line of conmon's `k8s-file` format: `TIME stdout|stderr F|P TEXT`. `P` marks a part whose line goes on.
 *
 * @param line without its newline
 * @returns `undefined` if it is no such line
 */
export function parseLogLine(line: Buffer): (LogEntry & { partial: boolean }) | undefined {
  const first = line.indexOf(0x20);
  const second = line.indexOf(0x20, first + 1);
  const third = line.indexOf(0x20, second + 1);
  if (first < 0 || second < 0 || third < 0) return undefined;
  const stream = line.toString('latin1', first + 1, second);
  const flag = line.toString('latin1', second + 1, third);
  if ((stream !== 'stdout' && stream !== 'stderr') || (flag !== 'F' && flag !== 'P')) return undefined;
  const partial = flag === 'P';
  const text = line.subarray(third + 1);
  return {
    stream,
    time: line.toString('latin1', 0, first).replace(/\+00:00$/, 'Z'),
    data: partial ? text : Buffer.concat([text, NEWLINE]),
    partial,
  };
}

/** Cuts a stream of bytes into lines; what has no newline yet waits for the next bytes. */
export class LineSplitter {
  #rest: Buffer = Buffer.alloc(0);

  push(chunk: Buffer): Buffer[] {
    const all = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    const lines: Buffer[] = [];
    let start = 0;
    for (let end = all.indexOf(0x0a); end >= 0; end = all.indexOf(0x0a, start)) {
      lines.push(all.subarray(start, end));
      start = end + 1;
    }
    this.#rest = Buffer.from(all.subarray(start));
    return lines;
  }
}
