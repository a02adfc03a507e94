import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket as TcpSocket } from 'node:net';
import { silentLogger } from '@berth/core';
import { bindSocket, closeDescriptor } from '@berth/kernel';
import { BoundedWarning } from './bounded-warning.js';
import { Forwarder } from './forwarder.js';
import { FrameReader, frame } from './frames.js';
import { HEADER, MAX_TCP_SIZE } from './message.js';
import { headerBytes, queryBytes, recordBytes } from './mutate.fixture.js';
import { endOfPlainName, ipv4Bytes } from './name.js';
import { Records } from './records.js';
import { Responder } from './responder.js';
import { SandboxState } from './sandbox-state.js';
import { TcpServer } from './server-tcp.js';
import { UdpServer } from './server-udp.js';
import { frontRecords } from './soak.fixture.js';
import type { Upstream } from './upstream.js';

/** What a test has opened, to be closed after it. */
export class Opened {
  readonly #closers: (() => unknown)[] = [];

  add(close: () => unknown): void {
    this.#closers.push(close);
  }

  async close(): Promise<void> {
    for (const close of this.#closers.splice(0).reverse()) await close();
  }
}

/** Ports that are tried until one is free over UDP and TCP: a client's may be in the way. */
const PORT_TRIES = 10;

/** A pointer to the name of the question. */
export const POINTER = Buffer.of(0xc0, HEADER);

/** Where the question of a message ends. */
export function endOfQuestion(query: Buffer): number {
  return endOfPlainName(query, HEADER, query.length) + 4;
}

/** What an answer says, where it is not what a good one says. */
export interface AnswerParts {
  readonly flags?: number;
  readonly addresses?: readonly string[];
  /** Records in place of the addresses. */
  readonly records?: readonly Buffer[];
  readonly question?: Buffer;
}

/** An answer to `query`: 192.0.2.7, if nothing else is said. */
export function answerTo(query: Buffer, parts: AnswerParts = {}): Buffer {
  const { flags = 0x8180, addresses = ['192.0.2.7'], question } = parts;
  const records = parts.records ?? addresses.map((text) => recordBytes(POINTER, 1, 1, 60, ipv4Bytes(text)));
  return Buffer.concat([
    headerBytes(query.readUInt16BE(0), flags, [1, records.length, 0, 0]),
    question ?? query.subarray(HEADER, endOfQuestion(query)),
    ...records,
  ]);
}

export type ServeUdp = (
  query: Buffer,
  reply: (answer: Buffer) => void,
  from: RemoteInfo,
  socket: Socket,
) => void;
export type ServeTcp = (socket: TcpSocket, query: Buffer) => void;

/** An upstream server on loopback that does with each query what it is told; over TCP it listens only if told so. */
export async function fakeUpstream(opened: Opened, udp: ServeUdp, tcp?: ServeTcp): Promise<Upstream> {
  for (let tries = 1; ; tries++) {
    const wanted = tcp ? await listenTcp(opened, tcp) : { port: 0 };
    const socket = createSocket('udp4');
    let open = true;
    opened.add(() => {
      open = false;
      socket.close();
    });
    socket.on('message', (query, from) => {
      udp(query, (answer) => open && socket.send(answer, from.port, from.address), from, socket);
    });
    socket.bind(wanted.port, '127.0.0.1');
    try {
      await once(socket, 'listening');
      return { address: '127.0.0.1', port: socket.address().port };
    } catch (error) {
      // Free over TCP, not over UDP: another port may be free over both.
      if (tries === PORT_TRIES) throw error;
    }
  }
}

/** An upstream server over TCP alone. */
export async function listenTcp(opened: Opened, serve: ServeTcp): Promise<Upstream> {
  const sockets = new Set<TcpSocket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    const reader = new FrameReader(MAX_TCP_SIZE);
    socket.on('error', () => undefined);
    socket.on('data', (chunk) => {
      reader.push(chunk);
      for (let query = reader.next(); Buffer.isBuffer(query); query = reader.next()) serve(socket, query);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  opened.add(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { address: '127.0.0.1', port: (server.address() as AddressInfo).port };
}

/** A port at which nobody listens. */
export async function deadUpstream(): Promise<Upstream> {
  const opened = new Opened();
  const server = await fakeUpstream(opened, () => undefined);
  await opened.close();
  return server;
}

/** A name service as one sandbox has it, on loopback ports instead of in a namespace. */
export interface Serving {
  readonly state: SandboxState;
  readonly forwarder: Forwarder;
  readonly port: number;
}

/** Serves a sandbox over UDP and TCP at one port. */
export async function serve(
  opened: Opened,
  upstreams: readonly Upstream[],
  { records = new Records(), sandboxId = 's1', forwarder = newForwarder(), forwarding = true } = {},
): Promise<Serving> {
  const state = new SandboxState(sandboxId, upstreams, forwarding);
  const shared = {
    responder: new Responder(records),
    forwarder,
    warnings: new BoundedWarning(silentLogger),
  };
  const { udp, tcp } = bindBoth();
  const servers = [await UdpServer.open(udp.fd, state, shared), await TcpServer.open(tcp.fd, state, shared)];
  opened.add(async () => {
    forwarder.close();
    await Promise.all(servers.map((server) => server.close()));
  });
  return { state, forwarder, port: udp.port };
}

/** Sockets at one port that is free over both UDP and TCP. */
function bindBoth() {
  for (let tries = 1; ; tries++) {
    const tcp = bindSocket({ protocol: 'tcp', address: '127.0.0.1', port: 0, listen: 128 });
    try {
      return { tcp, udp: bindSocket({ protocol: 'udp', address: '127.0.0.1', port: tcp.port }) };
    } catch (error) {
      closeDescriptor(tcp.fd);
      if (tries === PORT_TRIES) throw error;
    }
  }
}

/** A sandbox that knows `c1` … `c200`, and the host's resolver, which answers all and keeps what it was asked. */
export async function serveWatched(opened: Opened): Promise<Serving & { readonly leaked: Buffer[] }> {
  const leaked: Buffer[] = [];
  const upstream = await fakeUpstream(
    opened,
    (query, reply) => {
      leaked.push(query);
      reply(answerTo(query));
    },
    (socket, query) => {
      leaked.push(query);
      socket.write(frame(answerTo(query)));
    },
  );
  const forwarder = newForwarder([`${upstream.address}#${String(upstream.port)}`]);
  return { ...(await serve(opened, [], { records: frontRecords(), forwarder })), leaked };
}

/** Asks a {@link serveWatched} for `c1` over UDP and TCP: milliseconds of the slower one; throws on a wrong answer. */
export async function msOfGoodAnswers(port: number): Promise<number> {
  const query = queryBytes('c1', { id: 0x0c01 });
  const expected = answerTo(query, { records: [recordBytes(POINTER, 1, 1, 600, ipv4Bytes('10.0.0.1'))] });
  const times: number[] = [];
  for (const ask of [askUdp, askTcp]) {
    const { answer, ms } = await ask(port, query);
    if (!answer.equals(expected)) throw new Error(`answered ${answer.toString('hex')}`);
    times.push(ms);
  }
  return Math.max(...times);
}

/** @param hosts the host's resolvers */
export function newForwarder(hosts: readonly string[] = []): Forwarder {
  return new Forwarder(() => hosts, new BoundedWarning(silentLogger));
}

/** An answer, and milliseconds until it came. */
export interface Timed {
  readonly answer: Buffer;
  readonly ms: number;
}

/** Asks over UDP; rejects when nothing comes within five seconds, as a client gives up (RES_TIMEOUT of resolv.h). */
export async function askUdp(port: number, query: Buffer): Promise<Timed> {
  const socket = createSocket('udp4');
  const started = performance.now();
  try {
    socket.send(query, port, '127.0.0.1');
    const [answer] = (await once(socket, 'message', { signal: AbortSignal.timeout(5000) })) as [Buffer];
    return { answer, ms: performance.now() - started };
  } finally {
    socket.close();
  }
}

/** Asks over TCP; rejects when nothing comes within five seconds, or the connection ends. */
export function askTcp(port: number, query: Buffer): Promise<Timed> {
  const started = performance.now();
  const socket = connect(port, '127.0.0.1');
  const reader = new FrameReader(MAX_TCP_SIZE);
  return new Promise<Timed>((resolve, reject) => {
    socket.setTimeout(5000, () => reject(new Error('no answer over TCP')));
    socket.on('error', reject);
    socket.on('close', () => reject(new Error('closed without an answer')));
    socket.on('data', (chunk) => {
      reader.push(chunk);
      const answer = reader.next();
      if (Buffer.isBuffer(answer)) resolve({ answer, ms: performance.now() - started });
    });
    socket.write(frame(query));
  }).finally(() => socket.destroy());
}

/** The rcode of an answer, RFC 1035 section 4.1.1. */
export function rcodeOf(answer: Buffer): number {
  return answer.readUInt16BE(2) & 0xf;
}
