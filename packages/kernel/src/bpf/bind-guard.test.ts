import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:net';
import koffi from 'koffi';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BindGuard } from './bind-guard.js';

/** include/uapi/linux/sched.h */
const CLONE_NEWNET = 0x40000000;

let guard: BindGuard | undefined;
beforeAll(() => {
  const unshare = koffi.load('libc.so.6').func('int unshare(int flags)') as (flags: number) => number;
  if (unshare(CLONE_NEWNET) !== 0) throw new Error('these tests need root: unshare failed');
  guard = BindGuard.open();
});
afterAll(() => guard?.close());

async function listen(port: number, host = '0.0.0.0'): Promise<string> {
  const server = createServer();
  const failed = once(server, 'error').then(([error]) => (error as NodeJS.ErrnoException).code ?? '');
  const listening = once(server, 'listening').then(() => 'bound');
  server.listen({ port, host, ipv6Only: host.includes(':') });
  const result = await Promise.race([failed, listening]);
  server.close();
  return result;
}

async function datagrams(port: number): Promise<string> {
  const socket = createSocket('udp4');
  const failed = once(socket, 'error').then(([error]) => (error as NodeJS.ErrnoException).code ?? '');
  const bound = once(socket, 'listening').then(() => 'bound');
  socket.bind(port, '0.0.0.0');
  const result = await Promise.race([failed, bound]);
  socket.close();
  return result;
}

describe('a guard of ports', () => {
  it('is there on this kernel', () => expect(guard).toBeDefined());

  it('refuses the ports of a run, and their neighbours not', async () => {
    const run = { protocol: 'tcp', address: '0.0.0.0', first: 20_000, count: 10_000 } as const;
    guard?.hold(run);
    expect(await listen(19_999)).toBe('bound');
    expect(await listen(20_000)).toBe('EADDRINUSE');
    expect(await listen(25_003)).toBe('EADDRINUSE');
    expect(await listen(29_999)).toBe('EADDRINUSE');
    expect(await listen(30_000)).toBe('bound');
    // No address of its own was named, so that each is held; another protocol is not.
    expect(await listen(25_003, '127.0.0.1')).toBe('EADDRINUSE');
    expect(await datagrams(25_003)).toBe('bound');
    guard?.release(run);
    expect(await listen(25_003)).toBe('bound');
  });

  it('holds a port at one address against everywhere, and not at others', async () => {
    const run = { protocol: 'udp', address: '127.0.0.9', first: 5000, count: 2 } as const;
    guard?.hold(run);
    expect(await datagrams(5001)).toBe('EADDRINUSE');
    expect(await datagrams(5002)).toBe('bound');
    guard?.release(run);
    expect(await datagrams(5001)).toBe('bound');
  });

  it('counts: what is held twice is free when both have let go', async () => {
    const run = { protocol: 'tcp', address: '0.0.0.0', first: 6000, count: 1 } as const;
    guard?.hold(run);
    guard?.hold(run);
    guard?.release(run);
    expect(await listen(6000)).toBe('EADDRINUSE');
    guard?.release(run);
    expect(await listen(6000)).toBe('bound');
  });

  it('is for IPv6 too', async () => {
    const run = { protocol: 'tcp', address: '::', first: 7000, count: 5 } as const;
    guard?.hold(run);
    expect(await listen(7004, '::')).toBe('EADDRINUSE');
    expect(await listen(7004, '0.0.0.0')).toBe('EADDRINUSE');
    guard?.release(run);
    expect(await listen(7004, '::')).toBe('bound');
  });

  it.each([
    [0, 1],
    [65_535, 2],
    [1, 0],
  ])('takes no ports that there are not: %i, %i of them', (first, count) => {
    expect(() => guard?.hold({ protocol: 'tcp', address: '0.0.0.0', first, count })).toThrow('no ports');
  });
});
