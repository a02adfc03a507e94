import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { bind, check, close, declare, errnoNumber, recv, send, socket } from '../libc/index.js';
import { SeqpacketClient } from './index.js';
import { withUnixAddress } from './socket-address.js';

const SOCK_SEQPACKET_NONBLOCK = 5 | 0o4000;
const EAGAIN = -errnoNumber('EAGAIN');
const listen = declare<[number, number]>('listen', 'int', ['int', 'int']);
const accept4 = declare<[number, null, null, number]>('accept4', 'int', ['int', 'void *', 'void *', 'int']);

/** The other side, as conmon plays it, without waiting. */
class Peer {
  readonly #listener: number;
  #connection = -1;

  constructor(path: string) {
    this.#listener = check(socket(1, SOCK_SEQPACKET_NONBLOCK, 0), 'socket');
    withUnixAddress(path, (address) => check(bind(this.#listener, address, address.length), 'bind', path));
    check(listen(this.#listener, 1), 'listen');
  }

  accept(): void {
    this.#connection = check(accept4(this.#listener, null, null, 0o4000), 'accept');
  }

  /** @returns false when the socket is full */
  send(data: string | Buffer): boolean {
    const bytes = Buffer.from(data);
    const sent = send(this.#connection, bytes, bytes.length, 0x4000);
    if (sent !== EAGAIN) check(sent, 'send');
    return sent !== EAGAIN;
  }

  /** @returns undefined when there is nothing, an empty buffer at the end */
  receive(): Buffer | undefined {
    const data = Buffer.alloc(64 * 1024);
    const length = recv(this.#connection, data, data.length, 0);
    return length === EAGAIN ? undefined : data.subarray(0, check(length, 'recv'));
  }

  hangUp(): void {
    if (this.#connection !== -1) close(this.#connection);
    this.#connection = -1;
  }

  close(): void {
    this.hangUp();
    close(this.#listener);
  }
}

let directory: string;
let peer: Peer;
let client: SeqpacketClient;

function connected(path: string): void {
  peer = new Peer(path);
  client = SeqpacketClient.connect(path);
  peer.accept();
}

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'berth-seqpacket-'));
});

afterEach(() => {
  client.close();
  peer.close();
  rmSync(directory, { recursive: true });
});

it('brings packets one by one, in their order, and ends when the other side hangs up', async () => {
  connected(join(directory, 'attach'));
  const took: string[] = [];
  const done = (async () => {
    for await (const packet of client.packets()) took.push(packet.toString());
  })();
  peer.send('one');
  peer.send('two');
  await expect.poll(() => took).toEqual(['one', 'two']);
  peer.send('three');
  peer.hangUp();
  await done;
  expect(took).toEqual(['one', 'two', 'three']);
  await expect(client.write(Buffer.from('late'))).rejects.toMatchObject({ errno: 'EPIPE' });
});

it('reaches a path that is longer than a socket address', () => {
  const deep = join(directory, 'd'.repeat(100), 'e'.repeat(100));
  mkdirSync(deep, { recursive: true });
  connected(join(deep, 'attach'));
  peer.send('here');
});

it('says where nobody listens', () => {
  connected(join(directory, 'attach'));
  const path = join(directory, 'nowhere');
  expect(() => SeqpacketClient.connect(path)).toThrow(`connect to ${path}: No such file or directory`);
});

it('reads no further while nobody takes the packets, and goes on when somebody does', async () => {
  connected(join(directory, 'attach'));
  const packet = Buffer.alloc(8192, 'x');
  let sent = 0;
  for (let idle = 0; idle < 5;) {
    if (peer.send(packet)) {
      sent++;
      idle = 0;
    } else {
      idle++;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    // More than queue and socket buffers can hold.
    expect(sent).toBeLessThan(1000);
  }
  let took = 0;
  for await (const received of client.packets()) {
    expect(received).toHaveLength(packet.length);
    if (++took === sent) break;
  }
});

it('waits for a full socket, keeps overlapping writes in order, and ends writing after them', async () => {
  connected(join(directory, 'attach'));
  const data = Buffer.alloc(4 * 1024 * 1024);
  for (let at = 0; at < data.length; at += 4) data.writeUInt32LE(at, at);
  const third = data.length / 4;
  let written = false;
  const writes = Promise.all([
    client.write(data.subarray(0, third)),
    client.write(data.subarray(third, 2 * third)),
    client.write(data.subarray(2 * third)),
  ]).then(() => {
    written = true;
    client.endWriting();
  });
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(written).toBe(false);
  const parts: Buffer[] = [];
  for (;;) {
    const part = peer.receive();
    if (part === undefined) await new Promise((resolve) => setImmediate(resolve));
    else if (part.length === 0) break;
    else parts.push(part);
  }
  await writes;
  expect(Buffer.concat(parts).equals(data)).toBe(true);
  // Only one direction has ended.
  peer.send('still heard');
  for await (const packet of client.packets()) {
    expect(packet.toString()).toBe('still heard');
    break;
  }
});

it('is not kept from writing by a peer that talks without end', async () => {
  connected(join(directory, 'attach'));
  let took = 0;
  void (async () => {
    for await (const packet of client.packets()) took += packet.length;
  })();
  const data = Buffer.alloc(1024 * 1024, 'y');
  let received = 0;
  const progress = { written: false };
  const write = client.write(data).then(() => (progress.written = true));
  while (!progress.written) {
    peer.send(Buffer.alloc(4096, 'x'));
    received += peer.receive()?.length ?? 0;
    await new Promise((resolve) => setImmediate(resolve));
  }
  await write;
  for (let part = peer.receive(); part !== undefined; part = peer.receive()) received += part.length;
  expect(received).toBe(data.length);
  expect(took).toBeGreaterThan(0);
});

it('closes while somebody waits for packets and for room', async () => {
  connected(join(directory, 'attach'));
  const reading = client.packets().next();
  const writing = client.write(Buffer.alloc(4 * 1024 * 1024));
  client.close();
  expect(await reading).toEqual({ done: true, value: undefined });
  await expect(writing).rejects.toMatchObject({ errno: 'EPIPE' });
});
