import { createSocket, type Socket } from 'node:dgram';
import { median, percentile } from './statistics.js';

// Runs in the namespace of a container: asks name servers for A records, and prints what it saw as JSON.

/** Round trips in milliseconds of questions at a steady rate. */
export interface SteadyResult {
  readonly median: number;
  readonly p99: number;
  readonly lost: number;
  /** Questions sent per second: fewer than asked for where the machine did not let the client. */
  readonly perSecond: number;
}

/** Questions are spread over so many sockets: each has a queue of its own in the kernel, as those of programs have. */
const SOCKETS = 8;
/** Ids in flight are told apart by their number alone (RFC 1035 section 4.1.1: 16 bits). */
const IDS = 0x10000;
const SLEEP_MS = 0.05;
const MAX_BURST = 20;
const WARM_UP_MS = 500;
/** How long the last questions are waited for. */
const LINGER_MS = 500;

const [, , what = '', name = '', ...rest] = process.argv;
const question = questionOf(name);
process.stdout.write(JSON.stringify(await (what === 'steady' ? steady(rest) : byTurns(rest))));

/**
 * `steady NAME ADDRESS PORT RATE SECONDS`. Sleeps less than a timer's resolution of 1 ms between its turns, which would
 * make bursts of what is to be steady; and does sleep, since a program that never does is the first to be interrupted.
 */
async function steady([address = '', port = '', rate = '', seconds = '']: string[]): Promise<SteadyResult> {
  const sent = new Float64Array(IDS).fill(Number.NaN);
  const times: number[] = [];
  let counting = false;
  const sockets = await connected(SOCKETS, address, Number(port), (id) => {
    const asked = sent[id] ?? Number.NaN;
    sent[id] = Number.NaN;
    if (counting && !Number.isNaN(asked)) times.push(performance.now() - asked);
  });
  const never = new Int32Array(new SharedArrayBuffer(4));
  let id = 0;
  const send = async (milliseconds: number): Promise<number> => {
    const began = performance.now();
    let last = began;
    let due = 0;
    let count = 0;
    for (let now = began; now - began < milliseconds; now = performance.now()) {
      // What a pause of this program has left out is not made up for: the flood would measure the pause.
      due = Math.min(due + ((now - last) * Number(rate)) / 1000, MAX_BURST);
      last = now;
      for (; due >= 1; due--, count++) {
        id = (id + 1) % IDS;
        question.writeUInt16BE(id);
        sent[id] = performance.now();
        sockets[id % SOCKETS]?.send(question);
      }
      Atomics.wait(never, 0, 0, SLEEP_MS);
      await new Promise((resolve) => setImmediate(resolve));
    }
    return count;
  };
  await send(WARM_UP_MS);
  await pause(LINGER_MS);
  counting = true;
  const count = await send(Number(seconds) * 1000);
  await pause(LINGER_MS);
  for (const socket of sockets) socket.close();
  const perSecond = count / Number(seconds);
  return { median: median(times), p99: percentile(times, 0.99), lost: count - times.length, perSecond };
}

/** `by-turns NAME COUNT ADDRESS…`: one question after the other, to each by turns; the median in milliseconds of each. */
async function byTurns([count = '', ...addresses]: string[]): Promise<number[]> {
  const asked = await Promise.all(
    addresses.map(async (address) => {
      let answered: (id: number) => void = () => undefined;
      const [socket] = await connected(1, address, 53, (id) => {
        answered(id);
      });
      const ask = (id: number): Promise<number> =>
        new Promise((resolve, reject) => {
          const began = performance.now();
          const timer = setTimeout(() => {
            reject(new Error(`${address} does not answer`));
          }, 5000);
          answered = (of) => {
            if (of !== id) return;
            clearTimeout(timer);
            resolve(performance.now() - began);
          };
          question.writeUInt16BE(id);
          socket?.send(question);
        });
      return { ask, close: () => socket?.close(), times: [] as number[] };
    }),
  );
  const warmUp = Number(count) / 10;
  for (let round = 0; round < Number(count) + warmUp; round++) {
    for (const { ask, times } of asked) {
      const time = await ask(round % IDS);
      if (round >= warmUp) times.push(time);
    }
  }
  for (const { close } of asked) close();
  return asked.map(({ times }) => median(times));
}

function connected(
  count: number,
  address: string,
  port: number,
  onAnswer: (id: number) => void,
): Promise<Socket[]> {
  return Promise.all(
    Array.from({ length: count }, async () => {
      const socket = createSocket('udp4');
      socket.on('message', (answer) => {
        onAnswer(answer.readUInt16BE());
      });
      await new Promise<void>((resolve) => {
        socket.connect(port, address, resolve);
      });
      return socket;
    }),
  );
}

/** A query for the A record, recursion desired, its id 0 (RFC 1035 section 4.1). */
function questionOf(asked: string): Buffer {
  const labels = asked.split('.').map((label) => Buffer.from(`${String.fromCharCode(label.length)}${label}`));
  const header = Buffer.from([0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
  return Buffer.concat([header, ...labels, Buffer.from([0, 0, 1, 0, 1])]);
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
