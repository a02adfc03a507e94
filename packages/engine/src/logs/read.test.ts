import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseInstant } from '../clock.js';
import type { LogOptions } from '../model.js';
import { LineSplitter, parseLogLine } from './line.js';
import { readLog } from './read.js';

const time = (second: number) => `2026-01-02T03:04:0${second}.123456789`;
const LOG = [
  `${time(1)}+00:00 stdout F one`,
  `${time(2)}+00:00 stderr F two`,
  `${time(3)}+00:00 stdout P thr`,
  `${time(3)}+00:00 stdout F ee`,
  `${time(4)}+00:00 stdout F four`,
  '',
].join('\n');

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'berth-log-'));
  path = join(folder, 'log');
  writeFileSync(path, LOG);
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

const never = () => () => undefined;

async function text(options: Partial<LogOptions>): Promise<string> {
  let all = '';
  const asked = { stdout: true, stderr: true, follow: false, ...options };
  for await (const batch of readLog(path, asked, () => true, never))
    for (const { data } of batch) all += data.toString();
  return all;
}

describe('parseLogLine', () => {
  it('reads whole lines and parts', () => {
    const whole = parseLogLine(Buffer.from(`${time(1)}+00:00 stderr F a b `));
    expect(whole).toEqual({
      stream: 'stderr',
      time: `${time(1)}Z`,
      data: Buffer.from('a b \n'),
      partial: false,
    });
    expect(parseLogLine(Buffer.from(`${time(1)}+00:00 stdout P x`))).toMatchObject({
      data: Buffer.from('x'),
      partial: true,
    });
    expect(parseLogLine(Buffer.from(`${time(1)}+00:00 stdout F `))?.data.toString()).toBe('\n');
  });

  it('refuses anything else', () => {
    for (const line of ['', 'x', 'time stdin F x', 'time stdout Q x'])
      expect(parseLogLine(Buffer.from(line))).toBeUndefined();
  });
});

it('LineSplitter keeps a line until it is whole', () => {
  const splitter = new LineSplitter();
  const pushed = ['a', 'b\nc', '', '\n\nd'].map((piece) => splitter.push(Buffer.from(piece)).map(String));
  expect(pushed).toEqual([[], ['ab'], [], ['c', '']]);
});

describe('readLog', () => {
  it('gives everything, or one stream', async () => {
    expect(await text({})).toBe('one\ntwo\nthree\nfour\n');
    expect(await text({ stdout: false })).toBe('two\n');
  });

  it('counts the parts of a long line once', async () => {
    expect(await text({ tail: 2 })).toBe('three\nfour\n');
    expect(await text({ tail: 0 })).toBe('');
    expect(await text({ tail: 99 })).toBe('one\ntwo\nthree\nfour\n');
  });

  it('finds the last lines however long they and the log are', async () => {
    let whole = '';
    const lines: string[] = [];
    for (let each = 0; each < 400; each += 1) {
      const parts = Array.from({ length: each % 4 }, (_, part) =>
        `${each}.${part}.`.padEnd((each * 37) % 9000, 'x'),
      );
      for (const part of parts)
        whole += `${time(5)}+00:00 ${each % 2 === 0 ? 'stdout' : 'stderr'} P ${part}\n`;
      whole += `${time(5)}+00:00 ${each % 2 === 0 ? 'stdout' : 'stderr'} F ${each}\n`;
      lines.push(`${parts.join('')}${each}\n`);
    }
    writeFileSync(path, whole);
    for (const tail of [1, 2, 7, 133, 399, 400, 1000])
      expect(await text({ tail })).toBe(lines.slice(-tail).join(''));
    const odd = lines.filter((_, index) => index % 2 === 1);
    expect(await text({ tail: 50, stdout: false })).toBe(odd.slice(-50).join(''));
    // A line that goes on counts, and half a line of the file is none yet.
    writeFileSync(path, `${whole}${time(6)}+00:00 stdout P more\n${time(6)}+00:00 std`);
    expect(await text({ tail: 2 })).toBe(`${lines.at(-1) ?? ''}more`);
  });

  it('gives what was written between two instants', async () => {
    const since = parseInstant(`${time(2)}Z`);
    const until = parseInstant(`${time(3)}Z`);
    expect(await text({ since, until })).toBe('two\nthree\n');
  });

  it('of a container that never ran is empty', async () => {
    rmSync(path);
    expect(await text({})).toBe('');
  });

  it('follows until the end, and misses nothing that is written before it', async () => {
    let over = false;
    let end: () => void = () => undefined;
    const seen: string[] = [];
    const options = { stdout: true, stderr: true, follow: true, tail: 1 };
    setTimeout(() => appendFileSync(path, `${time(5)}+00:00 stdout F five\n${time(5)}+00:00 std`), 20);
    setTimeout(() => {
      appendFileSync(path, 'out F six\n');
      over = true;
      end();
    }, 60);
    const entries = readLog(
      path,
      options,
      () => over,
      (call) => {
        end = call;
        return () => undefined;
      },
    );
    for await (const batch of entries) seen.push(...batch.map(({ data }) => data.toString()));
    expect(seen).toEqual(['four\n', 'five\n', 'six\n']);
  });
});
