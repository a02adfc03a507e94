import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  closeSync,
  constants,
  existsSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { silentLogger } from '@berth/core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { LogOptions } from '../model.js';
import { openLog, putAside } from './files.js';
import { readLog } from './read.js';
import { LogRotation } from './rotation.js';

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'berth-rotation-'));
  path = join(folder, 'log');
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

const line = (text: string) => `2026-01-02T03:04:05.123456789+00:00 stdout F ${text}\n`;
/** What conmon does when it is told to open its log anew. */
const reopen = () => {
  writeFileSync(`${path}.tmp`, '');
  renameSync(`${path}.tmp`, path);
};
const options: LogOptions = { stdout: true, stderr: true, follow: false };
const never = () => () => undefined;
const descriptors = () => readdirSync('/proc/self/fd').length;

async function text(more: Partial<LogOptions> = {}): Promise<string> {
  let all = '';
  for await (const batch of readLog(path, { ...options, ...more }, () => true, never))
    for (const { data } of batch) all += data.toString();
  return all;
}

describe('files put aside', () => {
  it('are as many as wanted, the youngest first', () => {
    for (const content of ['1', '2', '3', '4']) {
      writeFileSync(path, content);
      putAside(path, 3);
    }
    expect(readdirSync(folder).sort()).toEqual(['log.1', 'log.2']);
    expect(readFileSync(`${path}.1`, 'utf8')).toBe('4');
    putAside(path, 1);
    expect(readdirSync(folder)).toEqual([]);
  });

  it('are read in order, also where the first is missing for a moment', async () => {
    for (const each of ['one', 'two', 'three']) {
      writeFileSync(path, line(each));
      putAside(path, 5);
    }
    expect(await text()).toBe('one\ntwo\nthree\n');
    writeFileSync(path, line('four'));
    expect(await text({ tail: 2 })).toBe('three\nfour\n');
    const [, , third, fourth] = openLog(path);
    expect(openLog(path, third?.inode).map(({ inode }) => inode)).toEqual([fourth?.inode]);
    const before = descriptors();
    await text();
    expect(descriptors()).toBe(before);
  });

  it('are followed through every change, and nothing is missed', async () => {
    writeFileSync(path, '');
    let over = false;
    let written = 0;
    const writer = setInterval(() => {
      // conmon goes on in the old file between the renaming and its own opening of a new one.
      const files = existsSync(path) ? path : `${path}.1`;
      appendFileSync(files, line(String(written++)));
      if (written % 10 === 0) putAside(path, 4);
      if (written % 10 === 2) reopen();
      if (written === 95) {
        over = true;
        clearInterval(writer);
      }
    }, 2);
    const seen: string[] = [];
    for await (const batch of readLog(path, { ...options, follow: true }, () => over, never))
      seen.push(...batch.map(({ data }) => data.toString().trim()));
    expect(seen).toEqual(Array.from({ length: 95 }, (_, index) => String(index)));
  });
});

describe('rotation', () => {
  let fifo: number;
  let rotation: LogRotation;
  beforeEach(() => {
    execFileSync('mkfifo', [join(folder, 'ctl')]);
    fifo = openSync(join(folder, 'ctl'), constants.O_RDWR | constants.O_NONBLOCK);
    rotation = new LogRotation(silentLogger);
  });
  afterEach(() => {
    rotation.close();
    closeSync(fifo);
  });

  const told = () => {
    const buffer = Buffer.alloc(100);
    try {
      return buffer.toString('utf8', 0, readSync(fifo, buffer));
    } catch {
      return '';
    }
  };

  it('puts a log aside when it is large enough, and tells conmon', async () => {
    writeFileSync(path, 'x'.repeat(10));
    rotation.start('id', { path, bundle: folder, maxSize: 100, maxFiles: 2 });
    await delay(60);
    expect(told()).toBe('');
    appendFileSync(path, 'y'.repeat(100));
    await expect.poll(told).toBe('2 0 0\n');
    expect(readFileSync(`${path}.1`, 'utf8')).toHaveLength(110);
    reopen();
    appendFileSync(path, 'z'.repeat(200));
    await expect.poll(told).toBe('2 0 0\n');
    expect(readdirSync(folder).sort()).toEqual(['ctl', 'log.1']);
    rotation.stop('id');
    reopen();
    appendFileSync(path, 'z'.repeat(200));
    await delay(60);
    expect(told()).toBe('');
  });

  it('asks conmon again after a daemon that ended in between, and renames nothing when nobody listens', async () => {
    writeFileSync(`${path}.1`, 'x');
    rotation.start('id', { path, bundle: folder, maxSize: 10, maxFiles: 2 });
    expect(told()).toBe('2 0 0\n');
    rmSync(join(folder, 'ctl'));
    writeFileSync(path, 'x'.repeat(100));
    await delay(60);
    expect(existsSync(path)).toBe(true);
  });
});
