import { createSocket } from 'node:dgram';
import { decode } from 'dns-packet';
import { afterEach, describe, expect, it } from 'vitest';
import { frame } from './frames.js';
import { RCODE } from './message.js';
import { LIES, NAME } from './upstream-lies.fixture.js';
import { queryBytes } from './mutate.fixture.js';
import {
  Opened,
  answerTo,
  askTcp,
  askUdp,
  deadUpstream,
  fakeUpstream,
  listenTcp,
  rcodeOf,
  serve,
  type ServeUdp,
} from './upstream.fixture.js';

const QUERY = queryBytes(NAME, { id: 0x0707 });
const data = (answer: Buffer) =>
  decode(answer).answers?.map((record) => ('data' in record ? record.data : undefined));
const opened = new Opened();

afterEach(() => opened.close());

/** A server that answers well after `ms` milliseconds. */
function after(ms: number): ServeUdp {
  return (query, reply) => setTimeout(() => reply(answerTo(query)), ms);
}
const silent: ServeUdp = () => undefined;

describe('upstream servers that lie', () => {
  it.each(LIES)('send %s: dropped and counted, the right answer gets through', async (_what, lie) => {
    const server = await fakeUpstream(opened, (query, reply) => {
      reply(lie(query));
      setTimeout(() => reply(answerTo(query)), 30);
    });
    const { port, state } = await serve(opened, [server]);
    const { answer, ms } = await askUdp(port, QUERY);
    expect(answer.readUInt16BE(0)).toBe(0x0707);
    expect(data(answer)).toEqual(['192.0.2.7']);
    expect(ms).toBeLessThan(1000);
    expect(state.counters).toMatchObject({ forged: 1, forwarded: 1, failed: 0 });
  });

  it('are not heard from ports that were not asked', async () => {
    const other = createSocket('udp4');
    opened.add(() => other.close());
    const server = await fakeUpstream(opened, (query, reply, from) => {
      other.send(answerTo(query, { addresses: ['203.0.113.6'] }), from.port, from.address);
      setTimeout(() => reply(answerTo(query)), 30);
    });
    const { port, state } = await serve(opened, [server]);
    expect(data((await askUdp(port, QUERY)).answer)).toEqual(['192.0.2.7']);
    expect(state.counters).toMatchObject({ forged: 0, forwarded: 1 });
  });

  it('are heard once: who answers twice, or later than another, is not', async () => {
    const late = await fakeUpstream(opened, (query, reply) => {
      setTimeout(() => reply(answerTo(query, { addresses: ['203.0.113.6'] })), 450);
    });
    const twice = await fakeUpstream(opened, (query, reply) => {
      reply(answerTo(query));
      reply(answerTo(query, { addresses: ['203.0.113.6'] }));
    });
    const { port, state } = await serve(opened, [late, twice]);
    const client = createSocket('udp4');
    opened.add(() => client.close());
    const got: Buffer[] = [];
    client.on('message', (answer) => got.push(answer));
    client.send(QUERY, port, '127.0.0.1');
    await new Promise((resolve) => setTimeout(resolve, 700));
    expect(got.map(data)).toEqual([['192.0.2.7']]);
    expect(state.counters).toMatchObject({ asked: 1, forwarded: 1, failed: 0 });
    expect(state.inFlight).toBe(0);
  });

  it('can say more than fits: the client is told to ask over TCP, and gets it there', async () => {
    const many = Array.from(
      { length: 400 },
      (_, index) => `10.9.${String(index >> 8)}.${String(index & 255)}`,
    );
    const server = await fakeUpstream(
      opened,
      (query, reply) => reply(answerTo(query, { addresses: many })),
      (socket, query) => socket.write(frame(answerTo(query, { addresses: many }))),
    );
    const { port } = await serve(opened, [server]);
    for (const query of [QUERY, queryBytes(NAME, { id: 0x0707, opt: { size: 1232 } })]) {
      const { answer } = await askUdp(port, query);
      expect(answer.length).toBeLessThanOrEqual(512);
      expect(decode(answer)).toMatchObject({ id: 0x0707, flag_tc: true, answers: [] });
    }
    expect(data((await askTcp(port, QUERY)).answer)).toEqual(many);
  });

  it('truncate: the client is told so, and its question over TCP goes over TCP', async () => {
    const server = await fakeUpstream(
      opened,
      (query, reply) => reply(answerTo(query, { flags: 0x8380, addresses: [] })),
      (socket, query) => socket.write(frame(answerTo(query))),
    );
    const { port, state } = await serve(opened, [server]);
    expect(decode((await askUdp(port, QUERY)).answer)).toMatchObject({ flag_tc: true, answers: [] });
    expect(data((await askTcp(port, QUERY)).answer)).toEqual(['192.0.2.7']);
    expect(state.counters).toMatchObject({ forwarded: 2, forged: 0 });
  });
});

describe('upstream servers that are slow or dead', () => {
  it('are waited for: 250 ms, 2 s', async () => {
    for (const delay of [250, 2000]) {
      const { port, state } = await serve(opened, [await fakeUpstream(opened, after(delay))]);
      const { answer, ms } = await askUdp(port, QUERY);
      expect(data(answer)).toEqual(['192.0.2.7']);
      expect(ms).toBeGreaterThan(delay - 10);
      expect(ms).toBeLessThan(delay + 500);
      expect(state.counters.slow).toBe(delay > 1000 ? 1 : 0);
    }
  });

  it('cost 0.6 s when two of three are silent, and nothing when they are known to be dead', async () => {
    const good = await fakeUpstream(opened, after(0));
    const [first, second] = [await fakeUpstream(opened, silent), await fakeUpstream(opened, silent)];
    const quiet = await serve(opened, [first, second, good]);
    const waited = await askUdp(quiet.port, QUERY);
    expect(data(waited.answer)).toEqual(['192.0.2.7']);
    expect(waited.ms).toBeLessThan(900);
    const dead = await serve(opened, [await deadUpstream(), await deadUpstream(), good]);
    const refused = await askUdp(dead.port, QUERY);
    expect(data(refused.answer)).toEqual(['192.0.2.7']);
    expect(refused.ms).toBeLessThan(200);
  });

  it('end in SERVFAIL within 4.5 s when none is left, over UDP and TCP', async () => {
    const servers = [
      await fakeUpstream(opened, silent, () => undefined),
      await fakeUpstream(opened, silent, () => undefined),
    ];
    const { port, state } = await serve(opened, servers);
    for (const { answer, ms } of await Promise.all([askUdp(port, QUERY), askTcp(port, QUERY)])) {
      expect(decode(answer)).toMatchObject({ id: 0x0707, rcode: 'SERVFAIL', answers: [] });
      expect(ms).toBeGreaterThan(3900);
      expect(ms).toBeLessThan(4500);
    }
    expect(state.counters).toMatchObject({ failed: 2, forwarded: 0 });
    expect(state.inFlight).toBe(0);
  });

  it.each([RCODE.REFUSED, RCODE.SERVFAIL])('say no (%i): the next is asked at once', async (rcode) => {
    const no = await fakeUpstream(opened, (query, reply) =>
      reply(answerTo(query, { flags: 0x8180 | rcode, addresses: [] })),
    );
    const good = await fakeUpstream(opened, after(0));
    const { port } = await serve(opened, [no, no, good]);
    const { answer, ms } = await askUdp(port, QUERY);
    expect(data(answer)).toEqual(['192.0.2.7']);
    expect(ms).toBeLessThan(200);
    const all = await serve(opened, [no, no]);
    const failed = await askUdp(all.port, QUERY);
    expect(rcodeOf(failed.answer)).toBe(RCODE.SERVFAIL);
    expect(failed.ms).toBeLessThan(200);
  });
});

describe('upstream servers over TCP', () => {
  it('accept and say nothing, reset, send half a frame, frames of nothing: the next one is asked', async () => {
    const good = await listenTcp(opened, (socket, query) => socket.write(frame(answerTo(query))));
    const bad = {
      mute: await listenTcp(opened, () => undefined),
      reset: await listenTcp(opened, (socket) => socket.resetAndDestroy()),
      half: await listenTcp(opened, (socket, query) => socket.write(frame(answerTo(query)).subarray(0, 20))),
      cut: await listenTcp(opened, (socket, query) => socket.end(frame(answerTo(query)).subarray(0, 20))),
      empty: await listenTcp(opened, (socket) => socket.write(Buffer.alloc(64))),
      dead: await deadUpstream(),
    };
    for (const [what, server] of Object.entries(bad)) {
      const { port, state } = await serve(opened, [server, good]);
      const { answer, ms } = await askTcp(port, QUERY);
      expect(data(answer), what).toEqual(['192.0.2.7']);
      expect(ms, what).toBeLessThan(['mute', 'half', 'empty'].includes(what) ? 700 : 250);
      expect(state.inFlight, what).toBe(0);
    }
  });

  it('have what was not asked for dropped: the right answer comes after it', async () => {
    const server = await listenTcp(opened, (socket, query) => {
      for (const [, lie] of LIES) socket.write(frame(lie(query)));
      socket.write(frame(answerTo(query)));
    });
    const { port, state } = await serve(opened, [server]);
    expect(data((await askTcp(port, QUERY)).answer)).toEqual(['192.0.2.7']);
    expect(state.counters.forged).toBe(LIES.length);
  });
});

it('asks 200 questions under ids and from ports that follow no pattern', async () => {
  const ids: number[] = [];
  const ports: number[] = [];
  const server = await fakeUpstream(opened, (query, reply, from) => {
    ids.push(query.readUInt16BE(0));
    ports.push(from.port);
    reply(answerTo(query));
  });
  const { port } = await serve(opened, [server]);
  for (let index = 0; index < 200; index++) await askUdp(port, queryBytes(`n${String(index)}.example.com`));
  for (const numbers of [ids, ports]) {
    expect(numbers).toHaveLength(200);
    // 200 of 65,536 (28,232 ports): 0.3 (0.7) are expected twice.
    expect(new Set(numbers).size).toBeGreaterThan(190);
    const steps = numbers.slice(1).map((number, index) => number - (numbers[index] ?? 0));
    expect(new Set(steps).size).toBeGreaterThan(180);
    expect(steps.filter((step) => Math.abs(step) <= 2).length).toBeLessThan(5);
    expect(Math.max(...numbers) - Math.min(...numbers)).toBeGreaterThan(20_000);
  }
});
