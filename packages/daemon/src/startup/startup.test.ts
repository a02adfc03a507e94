import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger } from '@berth/core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createServer } from '../http/server.js';
import { findProgram } from './host.js';
import { claimPidfile } from './pidfile.js';
import { VERSION } from './product.js';
import { listen } from './socket.js';

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'berth-startup-'))));
afterEach(() => rmSync(folder, { recursive: true }));

describe('the pid file', () => {
  it('is written, and removed at the end', () => {
    const path = join(folder, 'new', 'berth.pid');
    const release = claimPidfile(path);
    expect(readFileSync(path, 'utf8')).toBe(`${process.pid}\n`);
    release();
    expect(existsSync(path)).toBe(false);
  });

  it('of a living daemon is respected', async () => {
    const path = join(folder, 'berth.pid');
    const other = spawn('sleep', ['60']);
    try {
      writeFileSync(path, `${other.pid ?? 0}\n`);
      expect(() => claimPidfile(path)).toThrow(
        `a daemon is running already: process ${other.pid ?? 0} of pid file`,
      );
    } finally {
      other.kill('SIGKILL');
      await once(other, 'close');
    }
  });

  it.each([
    ['of a process that has ended', () => String(spawnSync('true').pid)],
    ['that says nothing', () => ''],
    ['that says nonsense', () => 'nonsense'],
  ])('%s is replaced', (_name, content) => {
    const path = join(folder, 'berth.pid');
    writeFileSync(path, content());
    claimPidfile(path);
    expect(readFileSync(path, 'utf8')).toBe(`${process.pid}\n`);
  });

  it('older than the process of its number is replaced', async () => {
    const path = join(folder, 'berth.pid');
    const other = spawn('sleep', ['60']);
    try {
      writeFileSync(path, `${other.pid ?? 0}\n`);
      utimesSync(path, 1, 1);
      claimPidfile(path);
      expect(readFileSync(path, 'utf8')).toBe(`${process.pid}\n`);
    } finally {
      other.kill('SIGKILL');
      await once(other, 'close');
    }
  });
});

const at = (sockets: readonly string[]) => ({ sockets, tcp: [] });

describe('sockets', () => {
  it('listens on all of them, for root and the group alone', async () => {
    const app = createServer(silentLogger, 'Berth/test');
    const paths = [join(folder, 'a.sock'), join(folder, 'deep', 'b.sock')];
    const extra = await listen(app, at(paths));
    for (const path of paths) {
      expect(statSync(path).mode & 0o777).toBe(0o660);
      const answer = spawn('curl', ['-s', '--unix-socket', path, 'http://d/nothing']);
      const [body] = (await once(answer.stdout, 'data')) as [Buffer];
      expect(body.toString()).toBe('{"message":"page not found"}');
    }
    for (const server of extra) server.close();
    await app.close();
    for (const path of paths) expect(existsSync(path)).toBe(false);
  });

  it('replaces what a dead daemon left, but nothing else', async () => {
    const path = join(folder, 'a.sock');
    const script = `require('net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`;
    spawnSync(process.execPath, ['-e', script]);
    expect(existsSync(path)).toBe(true);
    const app = createServer(silentLogger, 'Berth/test');
    await listen(app, at([path]));
    await expect(listen(createServer(silentLogger, 'x'), at([path]))).rejects.toThrow(
      'another daemon listens on',
    );
    await app.close();
    writeFileSync(path, 'a file');
    await expect(listen(createServer(silentLogger, 'x'), at([path]))).rejects.toThrow('is not a socket');
    expect(readFileSync(path, 'utf8')).toBe('a file');
  });
});

describe('the rest', () => {
  it('has the version of the package', () => {
    const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
    expect((JSON.parse(text) as { version: string }).version).toBe(VERSION);
  });

  it('finds programs outside of PATH', () => {
    const path = process.env.PATH;
    try {
      process.env.PATH = '/nowhere';
      expect(findProgram('runc')).toMatch(/\/runc$/);
    } finally {
      process.env.PATH = path;
    }
  });
});
