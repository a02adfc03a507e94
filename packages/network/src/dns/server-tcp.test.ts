import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { silentLogger } from '@berth/core';
import { bindSocket } from '@berth/kernel';
import { decode, encode } from 'dns-packet';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { BoundedWarning } from './bounded-warning.js';
import { Forwarder } from './forwarder.js';
import { FrameReader, frame } from './frames.js';
import { Records } from './records.js';
import { Responder } from './responder.js';
import { SandboxState } from './sandbox-state.js';
import { TcpServer } from './server-tcp.js';

let server: TcpServer;
let port: number;
const clients: Socket[] = [];

beforeEach(async () => {
  const records = new Records();
  for (let index = 0; index < 200; index++) {
    const id = String(index);
    records.set({
      endpointId: id,
      networkId: 'n',
      networkName: 'front',
      sandboxId: id,
      names: [`c${id}`, 'all'],
      ipv4: `10.0.0.${id}`,
    });
  }
  const bound = bindSocket({ protocol: 'tcp', address: '127.0.0.1', port: 0, listen: 128 });
  port = bound.port;
  const warnings = new BoundedWarning(silentLogger);
  const forwarder = new Forwarder(() => [], warnings);
  const shared = { responder: new Responder(records), forwarder, warnings };
  server = await TcpServer.open(bound.fd, new SandboxState('0', [], true), shared);
});

afterEach(async () => {
  for (const client of clients.splice(0)) client.destroy();
  await server.close();
});

async function client(): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => undefined);
  clients.push(socket);
  await once(socket, 'connect');
  return socket;
}

function query(name: string, id: number): Buffer {
  return frame(encode({ type: 'query', id, questions: [{ name, type: 'A' }] }));
}

/** Reads `count` answers: ids and numbers of records. */
function answers(socket: Socket, count: number): Promise<[number | undefined, number | undefined][]> {
  const reader = new FrameReader(65_535);
  const got: [number | undefined, number | undefined][] = [];
  return new Promise((resolve, reject) => {
    socket.on('close', () => reject(new Error('closed')));
    socket.on('data', (chunk) => {
      reader.push(chunk);
      for (let message = reader.next(); Buffer.isBuffer(message); message = reader.next()) {
        const { id, answers: records } = decode(message);
        got.push([id, records?.length]);
      }
      if (got.length === count) resolve(got);
    });
  });
}

describe('TCP', () => {
  it('takes several queries a connection, in any pieces', async () => {
    const socket = await client();
    const got = answers(socket, 3);
    const bytes = Buffer.concat([query('c1', 1), query('all', 2), query('no', 3)]);
    for (const byte of bytes.subarray(0, 40)) {
      socket.write(Buffer.of(byte));
      await new Promise((resolve) => setImmediate(resolve));
    }
    socket.write(bytes.subarray(40));
    expect(await got).toEqual([
      [1, 1],
      [2, 200],
      [3, 0],
    ]);
  });

  it('answers who has said that nothing more comes', async () => {
    const socket = await client();
    const got = answers(socket, 2);
    socket.end(Buffer.concat([query('c1', 1), query('example.com', 2)]));
    expect(await got).toEqual([
      [1, 1],
      [2, 0],
    ]);
    await once(socket, 'close');
  });

  it('is not slowed by clients that stall, reset or never read', async () => {
    for (let index = 0; index < 100; index++) (await client()).write(Buffer.of(0));
    for (let index = 0; index < 20; index++) (await client()).resetAndDestroy();
    const deaf = await client();
    deaf.pause();
    for (let index = 0; index < 2000; index++) deaf.write(query('all', index));
    await new Promise((resolve) => setTimeout(resolve, 50));
    const started = performance.now();
    const socket = await client();
    const got = answers(socket, 1);
    socket.write(query('c1', 9));
    expect(await got).toEqual([[9, 1]]);
    expect(performance.now() - started).toBeLessThan(200);
  });

  it('lets a client that reads late have every answer', async () => {
    const socket = await client();
    socket.pause();
    for (let index = 0; index < 1000; index++) socket.write(query('all', index));
    await new Promise((resolve) => setTimeout(resolve, 200));
    const got = answers(socket, 1000);
    socket.resume();
    expect(await got).toEqual(Array.from({ length: 1000 }, (_, id) => [id, 200]));
  });

  it('closes on who announces more than a query can be', async () => {
    const socket = await client();
    socket.write(Buffer.from([0xff, 0xff, 0, 0]));
    await once(socket, 'close');
  });
});
