import { encodeName } from './name.js';

/** Numbers that can't be foretold from one another but are the same for the same seed (mulberry32). */
export class Dice {
  #state: number;

  constructor(seed: number) {
    this.#state = seed | 0;
  }

  /** A whole number from 0 to `below` - 1. */
  below(below: number): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  }

  one<T>(of: readonly T[]): T {
    const chosen = of[this.below(of.length)];
    if (chosen === undefined) throw new Error('nothing to choose from');
    return chosen;
  }
}

/** What a query says besides its name; types by number (RFC 1035 section 3.2.2 and later ones). */
export interface QueryParts {
  readonly id?: number;
  readonly flags?: number;
  readonly type?: number;
  readonly class?: number;
  /** An OPT record: bytes taken over UDP, version, flags and options (RFC 6891 section 6.1). */
  readonly opt?: {
    readonly size?: number;
    readonly version?: number;
    readonly flags?: number;
    readonly options?: Buffer;
  };
}

/** A record of a message. */
export function recordBytes(name: Buffer, type: number, kind: number, ttl: number, data: Buffer): Buffer {
  const head = Buffer.alloc(10);
  head.writeUInt16BE(type, 0);
  head.writeUInt16BE(kind, 2);
  head.writeUInt32BE(ttl >>> 0, 4);
  head.writeUInt16BE(data.length, 8);
  return Buffer.concat([name, head, data]);
}

/** A header: id, flags and the numbers of questions, answers, authorities and additional records. */
export function headerBytes(id: number, flags: number, counts: readonly number[]): Buffer {
  const header = Buffer.alloc(12);
  [id, flags, ...counts].forEach((word, index) => header.writeUInt16BE(word, index * 2));
  return header;
}

/** An OPT record without a fault. */
export function optBytes({
  size = 1232,
  version = 0,
  flags = 0,
  options,
}: NonNullable<QueryParts['opt']>): Buffer {
  const ttl = version * 0x10000 + flags;
  return recordBytes(Buffer.of(0), 41, size, ttl, options ?? Buffer.alloc(0));
}

/** A query for a dotted name, or for a name as it stands in a message. */
export function queryBytes(name: string | Buffer, parts: QueryParts = {}): Buffer {
  const { id = 0x1234, flags = 0x0100, type = 1, class: kind = 1, opt } = parts;
  const wire = typeof name === 'string' ? (name === '.' ? Buffer.of(0) : encodeName(name)) : name;
  if (wire === undefined) throw new Error(`no name: ${String(name)}`);
  const tail = Buffer.alloc(4);
  tail.writeUInt16BE(type, 0);
  tail.writeUInt16BE(kind, 2);
  const header = headerBytes(id, flags, [1, 0, 0, opt ? 1 : 0]);
  return Buffer.concat([header, wire, tail, ...(opt ? [optBytes(opt)] : [])]);
}

const COOKIE = Buffer.from('000a00080123456789abcdef', 'hex');
const LONG = Array.from({ length: 3 }, () => 'x'.repeat(63)).join('.');

/** Valid queries of many kinds: what mutants descend from. The names are `c1` … and `all` of the network `front`. */
export const ANCESTORS: readonly Buffer[] = [
  queryBytes('c1'),
  queryBytes('C2.FRONT', { type: 28 }),
  queryBytes('all', { opt: { size: 512 } }),
  queryBytes('all', { opt: { size: 4096, flags: 0x8000 } }),
  queryBytes('all', { type: 255, opt: { size: 65_535, options: COOKIE } }),
  queryBytes('5.0.0.10.in-addr.arpa', { type: 12 }),
  queryBytes(`1.${'0.'.repeat(27)}0.0.d.f.ip6.arpa`, { type: 12 }),
  queryBytes('_http._tcp.c1', { type: 33 }),
  queryBytes('c1', { type: 15 }),
  queryBytes('www.example.com', { opt: { options: COOKIE } }),
  queryBytes(`${LONG}.${'y'.repeat(61)}`),
  queryBytes(Array<string>(127).fill('a').join('.'), { type: 16 }),
  queryBytes('nobody', { type: 65 }),
  queryBytes('.', { type: 2 }),
  queryBytes('c1', { type: 252 }),
  queryBytes('version.bind', { type: 16, class: 3 }),
];

type Mutation = (message: Buffer, dice: Dice) => Buffer;

function cut(message: Buffer, dice: Dice): Buffer {
  return message.subarray(0, dice.below(message.length + 1));
}

function insert(message: Buffer, dice: Dice, bytes: Buffer): Buffer {
  const at = dice.below(message.length + 1);
  return Buffer.concat([message.subarray(0, at), bytes, message.subarray(at)]);
}

function overwrite(message: Buffer, at: number, ...bytes: number[]): Buffer {
  const changed = Buffer.from(message);
  for (const [index, byte] of bytes.entries()) if (at + index < changed.length) changed[at + index] = byte;
  return changed;
}

const MUTATIONS: readonly Mutation[] = [
  // A bit, a byte.
  (message, dice) => {
    const at = dice.below(message.length);
    return overwrite(message, at, (message[at] ?? 0) ^ (1 << dice.below(8)));
  },
  (message, dice) => overwrite(message, dice.below(message.length), dice.below(256)),
  // Bytes more, bytes fewer, bytes twice.
  (message, dice) =>
    insert(message, dice, Buffer.from(Array.from({ length: 1 + dice.below(8) }, () => dice.below(256)))),
  (message, dice) => {
    const at = dice.below(message.length);
    return Buffer.concat([message.subarray(0, at), message.subarray(at + 1 + dice.below(4))]);
  },
  cut,
  (message, dice) => {
    const at = dice.below(message.length);
    return insert(message, dice, message.subarray(at, at + 1 + dice.below(32)));
  },
  // Counts of the header: none, too many, as many as there can be said to be.
  (message, dice) =>
    overwrite(message, 4 + 2 * dice.below(4), dice.one([0, 0, 0xff]), dice.one([0, 1, 2, 0xff])),
  // Pointers: to itself, back, past the end.
  (message, dice) => {
    const at = 12 + dice.below(Math.max(1, message.length - 12));
    return overwrite(message, at, 0xc0, dice.one([at & 0xff, 12, 0, 0xff]));
  },
  // Lengths of labels, the reserved kinds of labels (RFC 1035 section 4.1.4, RFC 6891 section 5) among them.
  (message, dice) => overwrite(message, 12, dice.one([0, 1, 62, 63, 64, 0x41, 0x80, 0xbf, 0xff])),
  // Flags: an answer, every opcode.
  (message, dice) => overwrite(message, 2, dice.below(256), dice.below(256)),
  // Two messages in one, and one very long.
  (message, dice) => Buffer.concat([message, dice.one(ANCESTORS)]),
  (message, dice) => Buffer.concat([message, Buffer.alloc(dice.one([1, 500, 3000]), dice.below(256))]),
];

/** `count` mutants of valid queries, the same for the same seed. */
export function* mutants(count: number, seed: number): Generator<Buffer> {
  const dice = new Dice(seed);
  for (let index = 0; index < count; index++) {
    let message = dice.one(ANCESTORS);
    for (let left = dice.one([1, 1, 1, 2, 4]); left > 0; left--) {
      if (message.length > 0) message = dice.one(MUTATIONS)(message, dice);
    }
    yield message;
  }
}
