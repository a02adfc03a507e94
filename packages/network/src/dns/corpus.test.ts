import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { frame } from './frames.js';
import { RCODE } from './message.js';
import { queryBytes } from './mutate.fixture.js';
import { rcodeOf } from './upstream.fixture.js';
import { GOOD, pause, useWatched } from './watched.fixture.js';

const watched = useWatched();

describe('CVE-2024-8418 (aardvark-dns 1.12): one TCP client in the way of all', () => {
  it('100 idle connections with half a length each: others are answered, and the oldest make room', async () => {
    const idle: Socket[] = [];
    let closed = 0;
    for (let index = 0; index < 100; index++) {
      const socket = await watched.client();
      socket.on('close', () => closed++);
      socket.write(Buffer.of(0));
      idle.push(socket);
    }
    await watched.expectAlive();
    await pause(50);
    // 64 connections at most, one of which asked just now.
    expect(closed).toBeGreaterThanOrEqual(100 - 64);
    expect(closed).toBeLessThan(100 - 60);
    expect(idle.slice(0, 30).every((socket) => socket.destroyed || socket.readableEnded)).toBe(true);
  });

  it('200 connections at once: no more than 64 are held', async () => {
    let closed = 0;
    const all = Array.from({ length: 200 }, () => {
      const socket = connect(watched.serving.port, '127.0.0.1');
      socket.on('error', () => undefined);
      socket.on('close', () => closed++);
      watched.opened.add(() => socket.destroy());
      return once(socket, 'connect');
    });
    await Promise.allSettled(all);
    await pause(200);
    expect(200 - closed).toBeLessThanOrEqual(64);
    await watched.expectAlive();
  });

  it('a connection that asks a byte at a time, and one that never reads', async () => {
    const slow = await watched.client();
    const deaf = await watched.client();
    deaf.pause();
    for (let index = 0; index < 3000; index++) deaf.write(frame(queryBytes('all', { id: index })));
    for (const byte of frame(GOOD).subarray(0, 20)) {
      slow.write(Buffer.of(byte));
      await pause(1);
    }
    await watched.expectAlive();
  });
});

describe('CVE-2026-35406 (aardvark-dns 1.16): a cut query and a reset, and a core is busy for ever', () => {
  it('costs no CPU afterwards', async () => {
    for (let cut = 0; cut < 30; cut++) {
      const socket = await watched.client();
      socket.write(frame(GOOD).subarray(0, cut));
      if (cut % 3 === 0) await pause(2);
      if (cut % 2 === 0) socket.resetAndDestroy();
      else socket.end();
    }
    await pause(200);
    const before = process.cpuUsage();
    await pause(1000);
    const { user, system } = process.cpuUsage(before);
    expect((user + system) / 1000).toBeLessThan(200);
    await watched.expectAlive();
  });

  it('nor does a reset before an answer from upstream has come', async () => {
    for (let index = 0; index < 50; index++) {
      const socket = await watched.client();
      socket.write(frame(queryBytes(`n${String(index)}.example.com`)));
      socket.resetAndDestroy();
    }
    await pause(200);
    expect(watched.serving.state.inFlight).toBe(0);
    await watched.expectAlive();
  });
});

describe('CVE-2024-29018 (moby < 25.0.5): questions leave an internal network', () => {
  const names = [
    'www.example.com',
    'nobody',
    'nobody.front',
    'c1.front.example.com',
    '4.3.2.1.in-addr.arpa',
    '1.0.0.127.in-addr.arpa',
    'in-addr.arpa',
    `${'0.'.repeat(32)}ip6.arpa`,
    '_dns._udp.example.com',
    'data-to-be-stolen.example.com',
    'localhost',
    '.',
    'host.docker.internal',
    'c1',
    'wpad',
    'use-application-dns.net',
  ];
  const types = [1, 2, 5, 6, 12, 15, 16, 28, 33, 43, 48, 64, 65, 99, 252, 255, 257, 65_535];

  it('never come to the upstream server, over UDP and TCP, whatever they ask for', async () => {
    watched.serving.state.forwarding = false;
    for (const name of names) {
      for (const type of types) {
        const rcode = rcodeOf(await watched.answers(queryBytes(name, { type })));
        expect([RCODE.NOERROR, RCODE.SERVFAIL, RCODE.NXDOMAIN, RCODE.REFUSED]).toContain(rcode);
      }
    }
    expect(rcodeOf(await watched.answers(queryBytes('www.example.com')))).toBe(RCODE.SERVFAIL);
    expect(rcodeOf(await watched.answers(queryBytes('nobody')))).toBe(RCODE.NXDOMAIN);
    expect(watched.serving.leaked).toEqual([]);
    await watched.expectAlive();
  });

  it('nor, where there is a way out, do names of one label, of containers, and of their addresses', async () => {
    for (const name of ['nobody', 'localhost', 'c1', 'C1.Front', '1.0.0.10.in-addr.arpa']) {
      for (const type of types) await watched.answers(queryBytes(name, { type }));
    }
    expect(watched.serving.leaked).toEqual([]);
    expect(rcodeOf(await watched.answers(queryBytes('www.example.com')))).toBe(RCODE.NOERROR);
    expect(watched.serving.leaked).toHaveLength(2);
  });
});
