import { headerBytes, queryBytes, recordBytes } from './mutate.fixture.js';
import { encodeName, ipv4Bytes } from './name.js';
import { POINTER, answerTo, endOfQuestion } from './upstream.fixture.js';

/** The name that is asked for. */
export const NAME = 'www.Example.com';
const OTHER = queryBytes('evil.example').subarray(12);
const A = (address: string, name: Buffer = POINTER) => recordBytes(name, 1, 1, 60, ipv4Bytes(address));

/** A message that goes astray, and what makes it of a query. */
export const LIES: readonly [string, (query: Buffer) => Buffer][] = [
  [
    'another id',
    (query) => {
      const answer = answerTo(query);
      answer.writeUInt16BE(query.readUInt16BE(0) ^ 0x0100, 0);
      return answer;
    },
  ],
  ['another question', (query) => answerTo(query, { question: OTHER })],
  ['another type', (query) => answerTo(query, { question: queryBytes(NAME, { type: 28 }).subarray(12) })],
  ['another class', (query) => answerTo(query, { question: queryBytes(NAME, { class: 3 }).subarray(12) })],
  [
    'a question more',
    (query) => {
      const answer = answerTo(query, { records: [OTHER, A('203.0.113.6')] });
      answer.writeUInt16BE(2, 4);
      answer.writeUInt16BE(1, 6);
      return answer;
    },
  ],
  [
    'no question',
    (query) => Buffer.concat([headerBytes(query.readUInt16BE(0), 0x8180, [0, 1, 0, 0]), A('203.0.113.6')]),
  ],
  ['a question, not an answer', (query) => answerTo(query, { flags: 0x0100 })],
  ['another opcode', (query) => answerTo(query, { flags: 0xa180 })],
  ['the query itself', (query) => query],
  ['nothing', () => Buffer.alloc(0)],
  ['half a header', (query) => query.subarray(0, 5)],
  ['a header alone', (query) => headerBytes(query.readUInt16BE(0), 0x8180, [0, 0, 0, 0])],
  ['half a question', (query) => answerTo(query).subarray(0, 20)],
  ['garbage', () => Buffer.alloc(300, 0xa5)],
  ['half a record', (query) => answerTo(query).subarray(0, -2)],
  ['more records in its counts than there are', (query) => Buffer.from(answerTo(query)).fill(0xff, 6, 12)],
  [
    'an address of three bytes',
    (query) => answerTo(query, { records: [recordBytes(POINTER, 1, 1, 9, Buffer.of(1, 2, 3))] }),
  ],
  [
    'a pointer to itself',
    (query) => answerTo(query, { records: [A('203.0.113.6', pointerTo(endOfQuestion(query)))] }),
  ],
  [
    'a pointer ahead',
    (query) => answerTo(query, { records: [A('203.0.113.6', pointerTo(endOfQuestion(query) + 4))] }),
  ],
  ['a pointer into the header', (query) => answerTo(query, { records: [A('203.0.113.6', pointerTo(8))] })],
  [
    'a pointer out of the message',
    (query) => answerTo(query, { records: [A('203.0.113.6', pointerTo(0x3fff))] }),
  ],
  [
    'pointers that go round in the data',
    (query) => {
      const at = endOfQuestion(query) + 12;
      return answerTo(query, { records: [recordBytes(POINTER, 5, 1, 9, pointerTo(at))] });
    },
  ],
  [
    'a label that points to its own beginning',
    (query) => {
      const at = endOfQuestion(query) + 12;
      const round = Buffer.concat([Buffer.of(1, 0x61), pointerTo(at)]);
      return answerTo(query, { records: [recordBytes(POINTER, 12, 1, 9, round)] });
    },
  ],
  [
    'a name that grows beyond 255 bytes by its pointer',
    (query) => {
      const at = endOfQuestion(query) + 12;
      const long = encodeName(Array<string>(100).fill('a').join('.')) ?? POINTER;
      const longer = Buffer.concat([long.subarray(0, -1), pointerTo(at)]);
      return answerTo(query, { records: [recordBytes(POINTER, 5, 1, 9, long), A('203.0.113.6', longer)] });
    },
  ],
];

function pointerTo(at: number): Buffer {
  return Buffer.of(0xc0 | (at >> 8), at & 0xff);
}
