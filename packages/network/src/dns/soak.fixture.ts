import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { Socket as TcpSocket } from 'node:net';
import { bindSocket, connectSocket, type NetworkNamespace } from '@berth/kernel';
import { FrameReader, frame } from './frames.js';
import { literalAddress } from './literal-address.js';
import { HEADER, MAX_TCP_SIZE, MAX_UDP_SIZE } from './message.js';
import { Dice, mutants, queryBytes } from './mutate.fixture.js';
import { Records } from './records.js';
import { FORWARD, Responder, SILENCE } from './responder.js';
import { NAME_SERVICE_ADDRESS } from './sandbox-sockets.js';
import { SandboxState } from './sandbox-state.js';

/** Reads a message as somebody else's code does, and throws on one that is malformed. */
export type Decode = (message: Buffer) => {
  readonly id?: number | undefined;
  readonly type?: string | undefined;
};

/** How many of a run's messages did as they should, and the first of those that didn't. */
export interface SoakResult {
  readonly passed: number;
  readonly failed: number;
  readonly firstFailure: string | undefined;
}

/** Endpoints `c1` … `c200` of the network `front`, all called `all`; the sandbox `s1` is on it. */
export function frontRecords(records = new Records()): Records {
  for (let index = 1; index <= 200; index++) records.set(frontEndpoint(index));
  return records;
}

/** One of {@link frontRecords}. */
export function frontEndpoint(index: number) {
  const id = String(index);
  return {
    endpointId: `e${id}`,
    networkId: 'n1',
    networkName: 'front',
    sandboxId: `s${id}`,
    names: [`c${id}`, 'all'],
    ipv4: `10.0.0.${id}`,
    ...(index < 100 ? { ipv6: `fd00::${index.toString(16)}` } : {}),
  };
}

/** Counts what passes and what fails, and remembers the first failure. */
class Tally {
  passed = 0;
  failed = 0;
  firstFailure: string | undefined;

  check(message: Buffer, index: number, fault: string | undefined): void {
    if (fault === undefined) this.passed++;
    else {
      this.failed++;
      this.firstFailure ??= `mutant ${index}: ${fault}: ${message.toString('hex')}`;
    }
  }
}

/** What is wrong with `answer` as one to `query`; undefined: nothing. */
function faultOf(query: Buffer, answer: Buffer, limit: number, decode: Decode): string | undefined {
  if (answer.length > limit) return `${answer.length} bytes where ${limit} fit`;
  if (query.length < HEADER) return 'an answer to what has no header';
  if ((query.readUInt16BE(2) & 0x8000) !== 0) return 'an answer to an answer';
  try {
    const { id, type } = decode(answer);
    if (type !== 'response') return `a ${String(type)}`;
    return id === query.readUInt16BE(0) ? undefined : `answered under the id ${String(id)}`;
  } catch (error) {
    return `an answer that can't be read (${String(error)}): ${answer.toString('hex')}`;
  }
}

/** Has a responder answer `count` mutants, over UDP and TCP in turn. */
export function respondToMutants(count: number, seed: number, decode: Decode): SoakResult {
  const responder = new Responder(frontRecords());
  const state = new SandboxState('s1', [], true);
  const out = Buffer.alloc(MAX_TCP_SIZE);
  const tally = new Tally();
  let index = 0;
  for (const message of mutants(count, seed)) {
    const udp = index % 2 === 0;
    const limit = udp ? MAX_UDP_SIZE : MAX_TCP_SIZE;
    tally.check(message, index++, respondOnce(responder, state, message, out, limit, udp, decode));
  }
  return tally;
}

function respondOnce(
  responder: Responder,
  state: SandboxState,
  message: Buffer,
  out: Buffer,
  limit: number,
  udp: boolean,
  decode: Decode,
): string | undefined {
  let length: number;
  try {
    length = responder.respond(state, message, out, limit, udp);
  } catch (error) {
    return `thrown: ${String(error)}`;
  }
  if (length === SILENCE) return undefined;
  if (length === FORWARD) {
    return (message.readUInt16BE(2) & 0x8000) === 0 ? undefined : 'an answer passed on as a question';
  }
  const size = udp ? Math.min(limit, responder.query.udpSize) : limit;
  return faultOf(message, Buffer.from(out.subarray(0, length)), size, decode);
}

/** Mutants between two questions whose answers are waited for: few enough for a socket's buffer. */
const BATCH = 32;
/** Milliseconds until a server that doesn't answer such a question has failed. */
const PATIENCE_MS = 3000;
const MARK_ID = 0xbeef;
const MARK = queryBytes('c1', { id: MARK_ID });
const isMark = (answer: Buffer) => answer.length === MARK.length + 16 && answer.readUInt16BE(0) === MARK_ID;

/** A client in a sandbox that sends messages and takes what comes. */
interface Client {
  send(message: Buffer): void;
  /** What has come until the answer to {@link MARK}; undefined when that doesn't come. */
  answers(): Promise<Buffer[] | undefined>;
  close(): void;
}

/** Sends `count` mutants to the live name service of a sandbox, over UDP and over TCP. */
export async function askMutants(
  namespace: NetworkNamespace,
  count: number,
  seed: number,
  decode: Decode,
): Promise<SoakResult> {
  const tally = new Tally();
  const dice = new Dice(seed);
  let udp = await udpClient(namespace);
  let batch: Buffer[] = [];
  let index = 0;
  const settle = async () => {
    if (dice.below(8) === 0) {
      const fault = await spoilStream(namespace, batch, dice);
      for (const message of batch) tally.check(message, index++, fault);
      batch = [];
      return;
    }
    const overUdp = dice.below(2) === 0;
    const client = overUdp ? udp : tcpClient(namespace);
    for (const message of [...batch, MARK]) client.send(message);
    const answers = await client.answers();
    if (!overUdp) client.close();
    else if (answers === undefined) {
      udp.close();
      udp = await udpClient(namespace);
    }
    for (const message of batch) tally.check(message, index++, faultIn(message, batch, answers, decode));
    batch = [];
  };
  for (const message of mutants(count, seed)) {
    batch.push(message);
    if (batch.length === BATCH) await settle();
  }
  await settle();
  udp.close();
  return tally;
}

/** Sends messages over TCP behind lengths that are not theirs, and sees to it that the server lets go. */
async function spoilStream(
  namespace: NetworkNamespace,
  batch: readonly Buffer[],
  dice: Dice,
): Promise<string | undefined> {
  const fd = connectSocket({ address: NAME_SERVICE_ADDRESS, port: 53, namespace });
  const socket = new TcpSocket({ fd, readable: true, writable: true });
  socket.on('error', () => undefined);
  const closed = new Promise<string | undefined>((resolve) => {
    const timer = setTimeout(() => resolve('a connection that is at its end stays open'), PATIENCE_MS);
    socket.on('close', () => {
      clearTimeout(timer);
      resolve(undefined);
    });
  });
  socket.resume();
  for (const message of batch) {
    const framed = frame(message);
    if (dice.below(4) === 0)
      framed.writeUInt16BE(dice.one([0, 1, 11, message.length + 1, dice.below(0x10000)]), 0);
    socket.write(framed);
  }
  if (dice.below(2) === 0) socket.end();
  else socket.resetAndDestroy();
  const fault = await closed;
  socket.destroy();
  return fault;
}

/** What is wrong with the answers to a batch, as far as one message of it is concerned. */
function faultIn(
  message: Buffer,
  batch: readonly Buffer[],
  answers: readonly Buffer[] | undefined,
  decode: Decode,
): string | undefined {
  if (answers === undefined) return 'the question after it stays without an answer';
  if (message.length < HEADER) return undefined;
  const id = message.readUInt16BE(0);
  const same = batch.filter((other) => other.length >= HEADER && other.readUInt16BE(0) === id);
  const mine = answers.filter((answer) => answer.length >= 2 && answer.readUInt16BE(0) === id);
  const asked = same.find((other) => (other.readUInt16BE(2) & 0x8000) === 0) ?? message;
  if (mine.length > same.length) return `${mine.length} answers to ${same.length} messages`;
  return mine
    .map((answer) => faultOf(asked, answer, MAX_TCP_SIZE, decode))
    .find((fault) => fault !== undefined);
}

async function udpClient(namespace: NetworkNamespace): Promise<Client> {
  const { fd } = bindSocket({ protocol: 'udp', address: '127.0.0.1', port: 0, namespace });
  const socket: UdpSocket = createSocket({ type: 'udp4', lookup: literalAddress });
  socket.on('error', () => undefined);
  await new Promise<void>((resolve) => {
    socket.bind({ fd, exclusive: true }, resolve);
  });
  const inbox = new Inbox();
  socket.on('message', (answer) => inbox.add(answer));
  return {
    send: (message) => socket.send(message, 53, NAME_SERVICE_ADDRESS),
    answers: () => inbox.untilMark(),
    close: () => socket.close(),
  };
}

function tcpClient(namespace: NetworkNamespace): Client {
  const fd = connectSocket({ address: NAME_SERVICE_ADDRESS, port: 53, namespace });
  const socket = new TcpSocket({ fd, readable: true, writable: true });
  const inbox = new Inbox();
  const reader = new FrameReader(MAX_TCP_SIZE);
  socket.on('error', () => undefined);
  socket.on('data', (chunk) => {
    reader.push(chunk);
    for (let answer = reader.next(); Buffer.isBuffer(answer); answer = reader.next()) inbox.add(answer);
  });
  return {
    // What no query can be as long as ends the connection: that is another test's subject.
    send: (message) => socket.write(frame(message.subarray(0, 4096))),
    answers: () => inbox.untilMark(),
    close: () => socket.destroy(),
  };
}

class Inbox {
  #answers: Buffer[] = [];
  #marked: ((answers: Buffer[] | undefined) => void) | undefined;
  #complete: Buffer[] | undefined;

  add(answer: Buffer): void {
    if (!isMark(answer)) {
      this.#answers.push(answer);
      return;
    }
    this.#complete = this.#answers;
    this.#answers = [];
    this.#marked?.(this.#complete);
  }

  untilMark(): Promise<Buffer[] | undefined> {
    return new Promise((resolve) => {
      const done = (answers: Buffer[] | undefined) => {
        clearTimeout(timer);
        this.#marked = undefined;
        this.#complete = undefined;
        resolve(answers);
      };
      const timer = setTimeout(() => done(undefined), PATIENCE_MS);
      if (this.#complete) done(this.#complete);
      else this.#marked = done;
    });
  }
}
