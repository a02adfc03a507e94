import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { silentLogger } from '@berth/core';
import { decode, encode, streamDecode, streamEncode, type Packet } from 'dns-packet';
import { afterEach, describe, expect, it } from 'vitest';
import { BoundedWarning } from './bounded-warning.js';
import { Forwarder, type Transport } from './forwarder.js';
import { MAX_IN_FLIGHT, SandboxState } from './sandbox-state.js';
import type { Upstream } from './upstream.js';

const message = encode({
  type: 'query',
  id: 7,
  flags: 0x100,
  questions: [{ name: 'Example.com', type: 'A' }],
});
const questionEnd = message.length;
const answers: Packet['answers'] = [{ name: 'Example.com', type: 'A', ttl: 5, data: '192.0.2.7' }];
const sockets: Socket[] = [];

afterEach(() => {
  for (const socket of sockets.splice(0)) socket.close();
});

/** An upstream server that does with each query what it is told. */
async function upstream(serve: (query: Buffer, reply: (answer: Buffer) => void, from: RemoteInfo) => void) {
  const socket = createSocket('udp4');
  sockets.push(socket);
  socket.on('message', (query, from) => {
    serve(query, (answer) => socket.send(answer, from.port, from.address), from);
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return { address: '127.0.0.1', port: socket.address().port };
}

function answerTo(query: Buffer, flags = 0x8180, more: Packet = {}): Buffer {
  const { id, questions } = decode(query);
  const reply = encode({ type: 'response', id, questions, answers, ...more });
  reply.writeUInt16BE(flags, 2);
  return reply;
}

function ask(servers: Upstream[], transport: Transport = 'udp') {
  const state = new SandboxState('s', servers, true);
  const forwarder = new Forwarder(() => [], new BoundedWarning(silentLogger));
  const started = performance.now();
  return new Promise<{ answer: Buffer | undefined; state: SandboxState; ms: number }>((resolve) => {
    forwarder.forward(state, message, questionEnd, transport, (answer) => {
      resolve({ answer, state, ms: performance.now() - started });
    });
  });
}

/** A port at which nobody listens. */
async function deadServer(): Promise<Upstream> {
  const server = await upstream(() => undefined);
  sockets.pop()?.close();
  return server;
}

describe('forwarding', () => {
  it('brings the answer back under the id of the question, from fresh ids and ports', async () => {
    const ids = new Set<number>();
    const ports = new Set<number>();
    const server = await upstream((query, reply, from) => {
      ids.add(query.readUInt16BE(0));
      ports.add(from.port);
      reply(answerTo(query));
    });
    for (let index = 0; index < 20; index++) {
      const { answer, state } = await ask([server]);
      expect(answer && decode(answer)).toMatchObject({ id: 7, answers: [{ data: '192.0.2.7' }] });
      expect(state).toMatchObject({ inFlight: 0, counters: { forwarded: 1, failed: 0, forged: 0 } });
    }
    expect(ids.size).toBeGreaterThan(15);
    expect(ports.size).toBeGreaterThan(15);
  });

  it('drops and counts what was not asked for', async () => {
    const stranger = createSocket('udp4');
    sockets.push(stranger);
    const server = await upstream((query, reply, from) => {
      const wrongId = answerTo(query);
      wrongId.writeUInt16BE(query.readUInt16BE(0) ^ 1, 0);
      const other = [{ name: 'evil.com', type: 'A' as const }];
      reply(wrongId);
      reply(answerTo(query, 0x8180, { questions: other }));
      reply(answerTo(query, 0x0100));
      reply(query.subarray(0, 5));
      // From another port: the kernel doesn't even deliver it.
      stranger.send(answerTo(query, 0x8183, { answers: [] }), from.port, from.address);
      setTimeout(() => reply(answerTo(query)), 50);
    });
    const { answer, state } = await ask([server]);
    expect(answer && decode(answer).answers).toHaveLength(1);
    expect(state.counters).toMatchObject({ forged: 4, forwarded: 1 });
  });

  it('goes on to the next server: dead, refusing, silent', async () => {
    const good = await upstream((query, reply) => reply(answerTo(query)));
    const refusing = await upstream((query, reply) => reply(answerTo(query, 0x8185, { answers: [] })));
    const broken = await upstream((query, reply) =>
      reply(Buffer.concat([query.subarray(0, 2), Buffer.from([0x81, 0x82, 0, 0, 0, 0, 0, 0, 0, 0])])),
    );
    const silent = await upstream(() => undefined);
    for (const first of [await deadServer(), refusing, broken]) {
      const { answer, ms } = await ask([first, good]);
      expect(answer && decode(answer).answers).toHaveLength(1);
      expect(ms).toBeLessThan(250);
    }
    const late = await ask([silent, good]);
    expect(late.answer).toBeDefined();
    expect(late.ms).toBeGreaterThan(250);
    expect(late.ms).toBeLessThan(1000);
  });

  it('takes NXDOMAIN as the answer', async () => {
    const first = await upstream((query, reply) => reply(answerTo(query, 0x8183, { answers: [] })));
    const second = await upstream((query, reply) => reply(answerTo(query)));
    const { answer } = await ask([first, second]);
    expect(answer && decode(answer)).toMatchObject({ rcode: 'NXDOMAIN', answers: [] });
  });

  it('asks again when a packet is lost', async () => {
    let queries = 0;
    const server = await upstream((query, reply) => {
      if (queries++ > 0) reply(answerTo(query));
    });
    const { answer, state } = await ask([server]);
    expect(answer).toBeDefined();
    expect(state.counters).toMatchObject({ forwarded: 1, slow: 1 });
  });

  it('gives up when nobody is left, or after four seconds', async () => {
    for (const servers of [[], [await deadServer()]]) {
      const { answer, state, ms } = await ask(servers);
      expect(answer).toBeUndefined();
      expect(state.counters.failed).toBe(1);
      expect(ms).toBeLessThan(250);
    }
    const { ms, answer } = await ask([await upstream(() => undefined)]);
    expect(answer).toBeUndefined();
    expect(ms).toBeLessThan(4500);
  });

  it('bounds what waits, for one sandbox', async () => {
    const server = await upstream(() => undefined);
    const state = new SandboxState('s', [server], true);
    const forwarder = new Forwarder(() => [], new BoundedWarning(silentLogger));
    let ended = 0;
    for (let index = 0; index < MAX_IN_FLIGHT + 10; index++) {
      forwarder.forward(state, message, questionEnd, 'udp', () => ended++);
    }
    expect(ended).toBe(10);
    expect(state).toMatchObject({ inFlight: MAX_IN_FLIGHT, counters: { refused: 10 } });
    forwarder.close();
    expect(ended).toBe(MAX_IN_FLIGHT + 10);
    expect(state.inFlight).toBe(0);
  });

  it('goes over TCP with what came over TCP', async () => {
    const server = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.once('data', (data) => {
        const { id, questions } = streamDecode(data);
        const reply = streamEncode({ type: 'response', id, questions, answers });
        socket.write(reply.subarray(0, 9));
        setTimeout(() => socket.write(reply.subarray(9)), 20);
      });
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const rude = createServer((socket) => socket.destroy());
    rude.listen(0, '127.0.0.1');
    await once(rude, 'listening');
    const rudePort = (rude.address() as AddressInfo).port;
    const { answer, ms } = await ask(
      [await deadServer(), { address: '127.0.0.1', port: rudePort }, { address: '127.0.0.1', port }],
      'tcp',
    );
    expect(answer && decode(answer)).toMatchObject({ id: 7, answers: [{ data: '192.0.2.7' }] });
    expect(ms).toBeLessThan(1000);
    server.close();
    rude.close();
  });
});
