import { execFileSync, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readlinkSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { NetworkNamespace } from '@berth/kernel';
import { runProgram } from './program.js';

const name = `bnx-${randomBytes(3).toString('hex')}`;
const path = `/run/netns/${name}`;

beforeAll(() => {
  execFileSync('ip', ['netns', 'add', name]);
});

afterAll(() => {
  spawnSync('ip', ['netns', 'delete', name]);
});

function run(command: string, ...args: string[]) {
  const namespace = NetworkNamespace.open(path);
  return runProgram(namespace, command, args).finally(() => namespace.close());
}

describe('runProgram', () => {
  it('runs in the namespace, and leaves this process where it is', async () => {
    const before = readlinkSync('/proc/self/ns/net');
    using namespace = NetworkNamespace.open(path);
    const script = `[ "$(readlink /proc/self/ns/net)" = "net:[${namespace.inode}]" ]`;
    expect(await run('sh', '-c', script)).toEqual({ status: 0 });
    expect(readlinkSync('/proc/self/ns/net')).toBe(before);
  });

  it('passes the exit status on, and a signal as 128 and its number', async () => {
    expect(await run('sh', '-c', 'exit 7')).toEqual({ status: 7 });
    expect(await run('sh', '-c', 'kill -9 $$')).toEqual({ status: 137 });
  });

  it('says why a program can not be started', async () => {
    expect(await run('nosuchprogram')).toEqual({ errno: 'ENOENT' });
    expect(await run('/etc/passwd')).toEqual({ errno: 'EACCES' });
  });
});
