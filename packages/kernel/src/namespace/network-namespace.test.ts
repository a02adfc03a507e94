import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { RouteSocket, linkRequests } from '../rtnetlink/index.js';
import { NETNS_DIRECTORY, NetworkNamespace, inNamespace, warmThreadPool } from './index.js';

const directory = mkdtempSync(join(tmpdir(), 'berth-namespace-'));
const run = (file: string, ...args: string[]): string =>
  execFileSync(file, args, { encoding: 'utf8' }).trim();
const inode = (): bigint => {
  using here = NetworkNamespace.current();
  return here.inode;
};
const home = inode();
const mounted = (path: string): boolean => run('cat', '/proc/self/mountinfo').includes(` ${path} `);
afterAll(() => rmSync(directory, { recursive: true }));

describe('a network namespace', () => {
  it('is held by its file, with loopback alone and down, and let go', () => {
    const path = join(directory, 'one');
    using namespace = NetworkNamespace.create(path);
    expect(inode()).toBe(home);
    expect(namespace.inode).not.toBe(home);
    const links = JSON.parse(run('nsenter', `--net=${path}`, 'ip', '-j', 'link')) as object[];
    expect(links).toMatchObject([{ ifname: 'lo', operstate: 'DOWN' }]);
    using again = NetworkNamespace.open(path);
    expect(again.inode).toBe(namespace.inode);
    NetworkNamespace.remove(path);
    NetworkNamespace.remove(path);
    expect(existsSync(path)).toBe(false);
    expect(mounted(path)).toBe(false);
  });

  it('is not made where there is a file already, which stays as it is', () => {
    const path = join(directory, 'taken');
    writeFileSync(path, 'mine');
    expect(() => NetworkNamespace.create(path)).toThrow(/cannot create namespace file .*taken.*EEXIST/);
    expect(run('cat', path)).toBe('mine');
    expect(inode()).toBe(home);
    NetworkNamespace.remove(path);
    expect(() => NetworkNamespace.open(path)).toThrow(expect.objectContaining({ code: 'not-found' }));
  });

  it("is iproute2's, and iproute2's is ours", () => {
    const [ours, theirs] = [`berth-test-a${process.pid}`, `berth-test-b${process.pid}`];
    NetworkNamespace.create(join(NETNS_DIRECTORY, ours)).close();
    run('ip', 'netns', 'add', theirs);
    try {
      expect(run('ip', 'netns', 'list')).toContain(ours);
      expect(run('ip', 'netns', 'exec', ours, 'readlink', '/proc/self/ns/net')).not.toContain(String(home));
      using opened = NetworkNamespace.open(join(NETNS_DIRECTORY, theirs));
      expect(inNamespace(opened, inode)).toBe(opened.inode);
    } finally {
      run('ip', 'netns', 'delete', ours);
      NetworkNamespace.remove(join(NETNS_DIRECTORY, theirs));
    }
    expect(readdirSync(NETNS_DIRECTORY).filter((name) => name === ours || name === theirs)).toEqual([]);
  });
});

describe('inNamespace', () => {
  const path = join(directory, 'inside');
  const namespace = NetworkNamespace.create(path);
  afterAll(() => {
    namespace.close();
    NetworkNamespace.remove(path);
  });

  it('runs there and comes back, from inside another too', () => {
    expect(inNamespace(namespace, () => [inode(), inNamespace(namespace, inode), inode()])).toEqual(
      Array(3).fill(namespace.inode),
    );
    expect(inode()).toBe(home);
  });

  it('comes back from a failure', () => {
    const failing = (): number => {
      throw new Error('inside');
    };
    expect(() => inNamespace(namespace, failing)).toThrow('inside');
    expect(inode()).toBe(home);
  });

  it('leaves sockets where they were made', () => {
    const outside = RouteSocket.open();
    const inside = inNamespace(namespace, () => RouteSocket.open());
    inside.run(linkRequests.addBridge({ name: 'only-inside' }));
    expect(inside.link('only-inside')?.kind).toBe('bridge');
    expect(outside.link('only-inside')).toBeUndefined();
    expect(inNamespace(namespace, () => outside.link('only-inside'))).toBeUndefined();
    for (const socket of [outside, inside]) socket.close();
  });

  it('enters nothing by a handle that is closed, though its descriptor may be in use again', () => {
    const closed = NetworkNamespace.open(path);
    closed.close();
    closed.close();
    expect(() => inNamespace(closed, inode)).toThrow(
      `the handle on network namespace ${namespace.inode} is closed`,
    );
    expect(inode()).toBe(home);
  });

  it('enters nothing that is no network namespace', () => {
    using other = NetworkNamespace.open('/proc/self/ns/uts');
    expect(() => inNamespace(other, inode)).toThrow(
      expect.objectContaining({ errno: 'EINVAL', op: 'enter network namespace' }),
    );
    expect(inode()).toBe(home);
  });

  it('enters that of a process', async () => {
    const sleeper = spawn('nsenter', [`--net=${path}`, 'sh', '-c', 'echo; exec sleep 60']);
    await once(sleeper.stdout, 'data');
    using entered = NetworkNamespace.ofProcess(sleeper.pid ?? 0);
    expect(inNamespace(entered, inode)).toBe(namespace.inode);
    sleeper.kill();
    await once(sleeper, 'close');
    expect(inNamespace(entered, inode)).toBe(namespace.inode);
    expect(() => NetworkNamespace.ofProcess(0x7fffffff)).toThrow(
      expect.objectContaining({ code: 'not-found' }),
    );
  });

  it('refuses what goes on later, at compile time and at run time', () => {
    // @ts-expect-error a promise would be settled in another namespace
    expect(() => inNamespace(namespace, () => Promise.resolve(1))).toThrow(/must be synchronous/);
    const thenable: unknown = { then: () => undefined };
    expect(() => inNamespace(namespace, () => thenable)).toThrow(/must be synchronous/);
    expect(inode()).toBe(home);
  });

  it('leaves the threads of the pool at home', async () => {
    await warmThreadPool();
    inNamespace(namespace, () => undefined);
    const threads = readdirSync('/proc/self/task').map((task) =>
      run('readlink', `/proc/${process.pid}/task/${task}/ns/net`),
    );
    expect(new Set(threads)).toEqual(new Set([`net:[${home}]`]));
  });
});
