import { createSocket, type Socket } from 'node:dgram';
import { connect } from 'node:net';
import { silentLogger } from '@berth/core';
import { afterEach, describe, expect, it } from 'vitest';
import { frame } from './frames.js';
import { RCODE } from './message.js';
import { queryBytes } from './mutate.fixture.js';
import { NameService } from './name-service.js';
import { TestNamespace } from './namespaces.fixture.js';
import {
  Opened,
  answerTo,
  askTcp,
  askUdp,
  endOfQuestion,
  fakeUpstream,
  newForwarder,
  rcodeOf,
  serve,
  type Serving,
} from './upstream.fixture.js';

const QUERY = queryBytes('www.example.com', { id: 0x0101 });
const opened = new Opened();

afterEach(() => opened.close());

/** Sockets that this process has open, as far as Node knows. */
function sockets(): number {
  return process.getActiveResourcesInfo().filter((kind) => /UDPWrap|TCPSocketWrap/.test(kind)).length;
}

/** Sees to it that nothing goes on: no sockets beyond those of before, and hardly any CPU. */
async function expectQuiet({ state }: Serving, before: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 100));
  const asked = state.counters.asked;
  const cpu = process.cpuUsage();
  await new Promise((resolve) => setTimeout(resolve, 400));
  const { user, system } = process.cpuUsage(cpu);
  expect(state.counters.asked).toBe(asked);
  expect(state.inFlight).toBe(0);
  expect(sockets()).toBeLessThanOrEqual(before);
  expect((user + system) / 1000).toBeLessThan(150);
}

/** A resolver that passes each question to `target`, each time in other words, and asks `tries` times. */
async function resolverOf(target: () => number, tries: number) {
  const asked = { count: 0 };
  const ask = (query: Buffer, from: (answer: Buffer) => void, left: number) => {
    const socket: Socket = createSocket('udp4');
    const timer = setTimeout(() => socket.close(), 5000);
    const cookie = Buffer.from('000a00080000000000000000', 'hex');
    cookie.writeUInt32BE(++asked.count, 8);
    const name = query.subarray(12, endOfQuestion(query) - 4);
    socket.send(
      queryBytes(name, { id: asked.count & 0xffff, opt: { options: cookie } }),
      target(),
      '127.0.0.1',
    );
    socket.on('message', (answer) => {
      clearTimeout(timer);
      socket.close();
      if (rcodeOf(answer) !== RCODE.NOERROR && left > 1) ask(query, from, left - 1);
      else from(answerTo(query, { flags: 0x8180 | rcodeOf(answer), addresses: [] }));
    });
  };
  const server = await fakeUpstream(opened, (query, reply) => ask(query, reply, tries));
  return { server, asked };
}

describe('an upstream server that is this very service', () => {
  it('ends in SERVFAIL, over UDP and TCP, for one or 200 who ask, and leaves nothing behind', async () => {
    const serving = await serve(opened, []);
    const { state, port } = serving;
    state.upstreams = [{ address: '127.0.0.1', port }];
    const before = sockets();
    const many = Array.from({ length: 200 }, (_, id) => askUdp(port, queryBytes('many.example.com', { id })));
    const [udp, tcp, ...others] = await Promise.all([askUdp(port, QUERY), askTcp(port, QUERY), ...many]);
    for (const { answer, ms } of [udp, tcp]) {
      expect(answer.readUInt16BE(0)).toBe(0x0101);
      expect(rcodeOf(answer)).toBe(RCODE.SERVFAIL);
      expect(ms).toBeLessThan(4500);
    }
    expect(others.every(({ answer }) => rcodeOf(answer) === RCODE.SERVFAIL)).toBe(true);
    expect(state.counters.asked).toBeLessThan(202 + 10);
    await expectQuiet(serving, before);
  });

  it.each([1, 2])('is found out behind a resolver that asks in other words, %i time(s)', async (tries) => {
    const serving = await serve(opened, []);
    const { state, port } = serving;
    const { server, asked } = await resolverOf(() => port, tries);
    state.upstreams = [server];
    const before = sockets();
    const { answer, ms } = await askUdp(port, QUERY);
    expect(rcodeOf(answer)).toBe(RCODE.SERVFAIL);
    expect(ms).toBeLessThan(4500);
    expect(asked.count).toBeLessThan(200);
    expect(state.counters.refused).toBeGreaterThan(0);
    await expectQuiet(serving, before);
    // And is asked again the next time: the resolver may have been told better.
    state.upstreams = [await fakeUpstream(opened, (query, reply) => reply(answerTo(query)))];
    expect(rcodeOf((await askUdp(port, QUERY)).answer)).toBe(RCODE.NOERROR);
  });

  it('goes through two sandboxes, one the server of the other, and ends', async () => {
    const forwarder = newForwarder();
    const one = await serve(opened, [], { forwarder, sandboxId: 's1' });
    const two = await serve(opened, [], { forwarder, sandboxId: 's2' });
    one.state.upstreams = [{ address: '127.0.0.1', port: two.port, from: '/proc/self/ns/net' }];
    two.state.upstreams = [{ address: '127.0.0.1', port: one.port, from: '/proc/self/./ns/net' }];
    const before = sockets();
    const { answer, ms } = await askUdp(one.port, QUERY);
    expect(rcodeOf(answer)).toBe(RCODE.SERVFAIL);
    expect(ms).toBeLessThan(4500);
    expect(one.state.counters.asked + two.state.counters.asked).toBeLessThan(30);
    await expectQuiet(one, before);
    await expectQuiet(two, before);
  });
});

describe("127.0.0.11 as a server of the sandbox's own", () => {
  it("is left out: the others are asked, or the host's, or none", async () => {
    const sandbox = new TestNamespace();
    opened.add(() => sandbox.close());
    const { address, port } = await fakeUpstream(opened, (query, reply) => reply(answerTo(query)));
    let hosts: string[] = [];
    const service = new NameService({ logger: silentLogger, hostResolvers: () => hosts });
    opened.add(() => service.shutdown());
    const before = sockets();
    const ask = async (transport: string) => {
      const text = await sandbox.run('dig', '+tries=1', transport, '@127.0.0.11', 'www.example.com');
      return /status: (\w+)/.exec(text)?.[1];
    };
    const settings = { upstreams: ['127.0.0.11', '127.0.0.11#53'], forwarding: true };
    await service.open('s1', sandbox.path, sandbox.namespace, settings);
    expect([await ask('+notcp'), await ask('+tcp')]).toEqual(['SERVFAIL', 'SERVFAIL']);
    expect(service.counters('s1')).toMatchObject({ asked: 2, failed: 2, refused: 0 });
    hosts = [`${address}#${String(port)}`];
    expect(await ask('+notcp')).toBe('NOERROR');
    // Two servers and a TCP connection that may still be closing: those of the sandbox itself.
    expect(sockets()).toBeLessThanOrEqual(before + 3);
    // An internal sandbox has none at all then.
    service.update('s1', { ...settings, forwarding: false });
    expect(await ask('+notcp')).toBe('SERVFAIL');
    expect(service.counters('s1')).toMatchObject({ asked: 4, forwarded: 1 });
  });
});

describe('questions that are the same', () => {
  it('are one upstream, for 50 clients, and each is answered under its own id', async () => {
    let asked = 0;
    const server = await fakeUpstream(
      opened,
      (query, reply) => {
        asked++;
        setTimeout(() => reply(answerTo(query)), 150);
      },
      (socket, query) => {
        asked++;
        setTimeout(() => socket.write(frame(answerTo(query))), 150);
      },
    );
    const { port, state } = await serve(opened, [server]);
    for (const ask of [askUdp, askTcp]) {
      asked = 0;
      const ids = Array.from({ length: 50 }, (_, index) => 1000 + index * 7);
      const all = await Promise.all(ids.map((id) => ask(port, queryBytes('www.example.com', { id }))));
      expect(all.map(({ answer }) => answer.readUInt16BE(0))).toEqual(ids);
      expect(all.every(({ answer }) => answer.readUInt32BE(answer.length - 4) >>> 8 === 0xc00002)).toBe(true);
      expect(asked).toBe(1);
    }
    expect(state.counters).toMatchObject({ asked: 100, forwarded: 100, failed: 0, refused: 0 });
    expect(state.inFlight).toBe(0);
  });

  it('are others when they say another type, class, name, flag or size', async () => {
    let asked = 0;
    const server = await fakeUpstream(opened, (query, reply) => {
      asked++;
      setTimeout(() => reply(answerTo(query, { addresses: [] })), 100);
    });
    const { port } = await serve(opened, [server]);
    const name = 'www.example.com';
    const all = [
      queryBytes(name),
      queryBytes(name, { type: 28 }),
      queryBytes('ww2.example.com'),
      queryBytes('WWW.example.com'),
      queryBytes(name, { flags: 0x0110 }),
      queryBytes(name, { opt: { size: 1232 } }),
      queryBytes(name, { opt: { size: 4096 } }),
      queryBytes(name, { opt: { size: 4096, flags: 0x8000 } }),
    ];
    await Promise.all(all.map((query) => askUdp(port, query)));
    expect(asked).toBe(all.length);
  });

  it("are shared by sandboxes that have the host's resolvers, and not by those with servers of their own", async () => {
    let asked = 0;
    const { address, port } = await fakeUpstream(opened, (query, reply) => {
      asked++;
      setTimeout(() => reply(answerTo(query)), 300);
    });
    const forwarder = newForwarder([`${address}#${String(port)}`]);
    const sandboxes = await Promise.all(
      Array.from({ length: 80 }, (_, index) =>
        serve(opened, [], { forwarder, sandboxId: `s${String(index)}` }),
      ),
    );
    const askAll = () => Promise.all(sandboxes.map((sandbox) => askUdp(sandbox.port, QUERY)));
    await askAll();
    expect(asked).toBe(1);
    // What a name means is a matter of where it is asked from. All at once, and nobody is taken for a loop.
    for (const [index, { state }] of sandboxes.entries()) {
      state.upstreams = [{ address, port, from: `/proc/${'./'.repeat(index)}self/ns/net` }];
    }
    asked = 0;
    const all = await askAll();
    expect(asked).toBe(80);
    expect(all.every(({ answer }) => rcodeOf(answer) === RCODE.NOERROR)).toBe(true);
    for (const { state } of sandboxes) {
      expect(state.counters).toMatchObject({ forwarded: 2, refused: 0, failed: 0 });
    }
  });

  it("don't keep who goes away: the others are answered", async () => {
    const server = await fakeUpstream(
      opened,
      () => undefined,
      (socket, query) => {
        setTimeout(() => socket.write(frame(answerTo(query))), 200);
      },
    );
    const { port, state } = await serve(opened, [server]);
    const gone = connect(port, '127.0.0.1');
    gone.on('error', () => undefined);
    gone.write(frame(QUERY));
    await new Promise((resolve) => setTimeout(resolve, 50));
    const staying = askTcp(port, queryBytes('www.example.com', { id: 2 }));
    gone.resetAndDestroy();
    expect((await staying).answer.readUInt16BE(0)).toBe(2);
    expect(state.inFlight).toBe(0);
  });
});
