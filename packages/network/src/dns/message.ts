import { endOfName, endOfPlainName } from './name.js';
import { isWellFormed } from './well-formed.js';

/** Numbers of RFC 1035 section 3.2 and 4.1.1, RFC 3596 and RFC 6891. */
export const TYPE = { A: 1, PTR: 12, AAAA: 28, OPT: 41, IXFR: 251, AXFR: 252, ANY: 255 } as const;
export const RCODE = {
  NOERROR: 0,
  FORMERR: 1,
  SERVFAIL: 2,
  NXDOMAIN: 3,
  NOTIMP: 4,
  REFUSED: 5,
  BADVERS: 16,
} as const;
export const CLASS_IN = 1;

export const HEADER = 12;
/** Bytes of an OPT record without options. */
const OPT_LENGTH = 11;
/** Bytes of a UDP answer to a client that doesn't speak EDNS, RFC 1035 section 4.2.1. */
const PLAIN_UDP_SIZE = 512;
/** The most that we send over UDP, whatever a client says it takes, and what we say that we take ourselves. */
export const MAX_UDP_SIZE = 4096;
/** The most that the two-byte length before a message over TCP can say. */
export const MAX_TCP_SIZE = 65_535;

const QR = 0x8000;
const OPCODE = 0x7800;
const TC = 0x0200;
const RD = 0x0100;
const RA = 0x0080;
const CD = 0x0010;

/** What the answer to a message must be, apart from its records. */
export type Verdict =
  /** A question that can be answered. */
  | 'ok'
  /** Not worth an answer: an answer itself, or too short to have an id. */
  | 'silence'
  | 'malformed'
  | 'not-implemented'
  | 'bad-version';

/**
 * The parts of a query that matter, read without allocating: one instance serves every query of a thread,
 * since reading, looking up and answering happen in one go.
 */
export class Query {
  message: Buffer = Buffer.alloc(0);
  id = 0;
  flags = 0;
  /** The offset after the question's name; its type and class follow. */
  nameEnd = 0;
  type = 0;
  class = 0;
  edns = false;
  /** Bytes that the client takes over UDP. */
  udpSize = PLAIN_UDP_SIZE;
  dnssecOk = false;

  /** Reads `message`; never throws, whatever is in it. */
  read(message: Buffer): Verdict {
    const length = message.length;
    if (length < HEADER) return 'silence';
    this.message = message;
    this.id = u16(message, 0);
    this.flags = u16(message, 2);
    this.nameEnd = 0;
    this.edns = false;
    this.udpSize = PLAIN_UDP_SIZE;
    this.dnssecOk = false;
    if ((this.flags & QR) !== 0) return 'silence';
    if ((this.flags & OPCODE) !== 0) return 'not-implemented';
    if (u16(message, 4) !== 1) return 'malformed';
    const nameEnd = endOfPlainName(message, HEADER, length);
    if (nameEnd === -1 || nameEnd + 4 > length) return 'malformed';
    this.nameEnd = nameEnd;
    this.type = u16(message, nameEnd);
    this.class = u16(message, nameEnd + 2);
    return length === nameEnd + 4 && u32(message, 6) === 0 && u16(message, 10) === 0
      ? 'ok'
      : this.#readRecords(nameEnd + 4);
  }

  /** Whether the question's name has one label (`web`), or none (the root). */
  get isSingleLabel(): boolean {
    return HEADER + (this.message[HEADER] ?? 0) + 2 >= this.nameEnd;
  }

  /** Walks the records after the question, looking for the one OPT record that a query may have. */
  #readRecords(start: number): Verdict {
    const message = this.message;
    const length = message.length;
    const beforeAdditional = u16(message, 6) + u16(message, 8);
    const records = beforeAdditional + u16(message, 10);
    let at = start;
    let version = 0;
    for (let index = 0; index < records; index++) {
      const end = endOfName(message, at, length);
      if (end === -1 || end + 10 > length) return 'malformed';
      const next = end + 10 + u16(message, end + 8);
      if (next > length) return 'malformed';
      if (u16(message, end) === TYPE.OPT && index >= beforeAdditional) {
        if (this.edns || message[at] !== 0) return 'malformed';
        this.edns = true;
        this.udpSize = Math.max(PLAIN_UDP_SIZE, u16(message, end + 2));
        version = message[end + 5] ?? 0;
        this.dnssecOk = ((message[end + 6] ?? 0) & 0x80) !== 0;
      }
      at = next;
    }
    if (at !== length) return 'malformed';
    return version === 0 ? 'ok' : 'bad-version';
  }
}

/** Records as they stand in an answer, all of one length, so that any whole number of them can be sent. */
export interface RecordSet {
  readonly bytes: Buffer;
  readonly count: number;
}

/**
 * Writes the answer to a query: header, question, records from the `turn`-th on, and OPT if the query had
 * one. Records that don't fit in `limit` bytes are left out whole; over UDP the TC bit then says so.
 *
 * @param out at least as long as `limit`
 * @returns the bytes written
 */
export function writeAnswer(
  query: Query,
  rcode: number,
  sets: readonly RecordSet[],
  turn: number,
  out: Buffer,
  limit: number,
): number {
  // A question that could not be read is not repeated.
  const questionEnd = query.nameEnd === 0 ? HEADER : query.nameEnd + 4;
  for (let at = HEADER; at < questionEnd; at++) out[at] = query.message[at] ?? 0;
  const room = limit - questionEnd - (query.edns ? OPT_LENGTH : 0);
  let at = questionEnd;
  let answers = 0;
  let truncated = 0;
  for (const { bytes, count } of sets) {
    if (count === 0) continue;
    const size = bytes.length / count;
    const fitting = Math.min(count, Math.floor((room - (at - questionEnd)) / size));
    if (fitting < count) truncated = TC;
    const first = (turn % count) * size;
    const tail = Math.min(fitting * size, bytes.length - first);
    bytes.copy(out, at, first, first + tail);
    if (tail < fitting * size) bytes.copy(out, at + tail, 0, fitting * size - tail);
    at += fitting * size;
    answers += fitting;
  }
  putU16(out, 0, query.id);
  putU16(out, 2, QR | (query.flags & (OPCODE | RD | CD)) | RA | truncated | (rcode & 0xf));
  putU16(out, 4, query.nameEnd === 0 ? 0 : 1);
  putU16(out, 6, answers);
  putU16(out, 8, 0);
  putU16(out, 10, query.edns ? 1 : 0);
  return query.edns ? writeOpt(out, at, rcode, query.dnssecOk) : at;
}

/** RFC 6891 section 6.1: root name, type, our size, upper rcode bits, version 0, DO as asked, no options. */
function writeOpt(out: Buffer, at: number, rcode: number, dnssecOk: boolean): number {
  out.fill(0, at, at + OPT_LENGTH);
  putU16(out, at + 1, TYPE.OPT);
  putU16(out, at + 3, MAX_UDP_SIZE);
  out[at + 5] = rcode >> 4;
  out[at + 7] = dnssecOk ? 0x80 : 0;
  return at + OPT_LENGTH;
}

/** How far an upstream's message can be believed to be the answer to `asked` (which has the id sent). */
export type AnswerCheck = 'good' | 'failure' | 'forged';

/**
 * Checks that `answer` belongs to `asked`: an answer, same id, same opcode, same question (RFC 5452 section
 * 9.1), and that its records can be read. A server's refusal is a `failure`, with or without the question repeated.
 */
export function checkAnswer(answer: Buffer, asked: Buffer, questionEnd: number): AnswerCheck {
  if (answer.length < HEADER || u16(answer, 0) !== u16(asked, 0)) return 'forged';
  const flags = u16(answer, 2);
  if ((flags & QR) === 0 || (flags & OPCODE) !== (u16(asked, 2) & OPCODE)) return 'forged';
  const rcode = flags & 0xf;
  const failed = rcode === RCODE.SERVFAIL || rcode === RCODE.REFUSED;
  if (u16(answer, 4) === 0 && answer.length === HEADER) {
    return failed || rcode === RCODE.FORMERR || rcode === RCODE.NOTIMP ? 'failure' : 'forged';
  }
  if (u16(answer, 4) !== 1 || answer.length < questionEnd) return 'forged';
  for (let at = HEADER; at < questionEnd; at++) {
    if (fold(answer[at] ?? 0) !== fold(asked[at] ?? 0)) return 'forged';
  }
  if (failed) return 'failure';
  // What is cut may be cut anywhere: its reader asks again over TCP.
  return (flags & TC) !== 0 || isWellFormed(answer, questionEnd) ? 'good' : 'forged';
}

/** Cuts a message down to its header and question and sets TC: its reader asks again over TCP. */
export function truncate(message: Buffer, questionEnd: number): Buffer {
  const short = Buffer.from(message.subarray(0, questionEnd));
  putU16(short, 2, u16(short, 2) | TC);
  short.fill(0, 6, HEADER);
  return short;
}

export function u16(buffer: Buffer, at: number): number {
  return ((buffer[at] ?? 0) << 8) | (buffer[at + 1] ?? 0);
}

export function putU16(buffer: Buffer, at: number, value: number): void {
  buffer[at] = value >> 8;
  buffer[at + 1] = value;
}

function u32(buffer: Buffer, at: number): number {
  return u16(buffer, at) * 65_536 + u16(buffer, at + 2);
}

function fold(byte: number): number {
  return byte >= 0x41 && byte <= 0x5a ? byte + 0x20 : byte;
}
