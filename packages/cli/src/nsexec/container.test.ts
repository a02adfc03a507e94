import { execFileSync, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { statSync } from 'node:fs';
import { BerthError } from '@berth/core';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { runIp } from '../ip/index.js';
import { containerCalled, resolveContainerNamespace } from './container.js';
import { runNsexec } from './index.js';

const name = `bcn-${randomBytes(3).toString('hex')}`;
const path = `/run/netns/${name}`;

/** What the daemon would say of three containers. */
vi.mock('../client/containers.js', () => ({
  resolveContainer: (reference: string) => {
    const id = '0'.repeat(64);
    if (reference === 'web') return Promise.resolve({ id, name: 'web', pid: 0, sandboxPath: path });
    if (reference === 'shell') return Promise.resolve({ id, name: 'shell', pid: process.pid });
    if (reference === 'stopped') return Promise.resolve({ id, name: 'stopped', pid: 0 });
    return Promise.reject(new BerthError('not-found', `No such container: ${reference}`));
  },
}));

async function captured(run: () => Promise<number>): Promise<{ out: string; err: string; status: number }> {
  let out = '';
  let err = '';
  const stdout = vi
    .spyOn(process.stdout, 'write')
    .mockImplementation((text) => ((out += String(text)), true));
  const stderr = vi
    .spyOn(process.stderr, 'write')
    .mockImplementation((text) => ((err += String(text)), true));
  try {
    const status = await run();
    return { out, err, status };
  } finally {
    stdout.mockRestore();
    stderr.mockRestore();
  }
}

beforeAll(() => {
  execFileSync('ip', ['netns', 'add', name]);
  execFileSync('ip', ['-n', name, 'link', 'add', 'eth7', 'type', 'veth', 'peer', 'name', 'eth8']);
});

afterAll(() => {
  spawnSync('ip', ['netns', 'delete', name]);
});

describe("a container's namespace", () => {
  it('is that of its process, or of its sandbox file', async () => {
    using ofProcess = await resolveContainerNamespace('shell');
    expect(ofProcess.inode).toBe(statSync('/proc/self/ns/net', { bigint: true }).ino);
    using ofSandbox = await resolveContainerNamespace('web');
    expect(ofSandbox.inode).toBe(statSync(path, { bigint: true }).ino);
    expect(await containerCalled('web')).toBe('web');
    expect(await containerCalled('nope')).toBeUndefined();
  });

  it('is looked into by ip --container', async () => {
    const { out, status } = await captured(() =>
      runIp(['--container', 'web', '-br', 'link', 'show', 'eth7']),
    );
    expect(out).toMatch(/^eth7@eth8 /);
    expect(status).toBe(0);
  });

  it('is not there for a container that does not run, or is unknown', async () => {
    const stopped = await captured(() => runIp(['--container', 'stopped', 'a']));
    expect(stopped).toMatchObject({ out: '', status: 1 });
    expect(stopped.err).toContain('is not running');
    const unknown = await captured(() => runNsexec(['nope', '--', 'true']));
    expect(unknown).toEqual({ out: '', err: 'berth nsexec: No such container: nope\n', status: 125 });
  });
});

describe('nsexec', () => {
  it("has the program's exit status, and 126 and 127 where it can't be run", async () => {
    const status = async (...argv: string[]) => (await captured(() => runNsexec(argv))).status;
    expect(await status('web', '--', 'sh', '-c', 'ip link show eth7 >/dev/null && exit 7')).toBe(7);
    expect(await status('web', 'true')).toBe(0);
    expect(await status('web', '--', 'nosuchprogram')).toBe(127);
    expect(await status('web', '--', '/etc/passwd')).toBe(126);
    expect(await status('web')).toBe(125);
    expect(await status('--nope')).toBe(125);
    expect(await status('--help')).toBe(0);
  });
});
