import { describe, expect, it } from 'vitest';
import { NLM_F_ACK, NLM_F_DUMP, NLM_F_DUMP_INTR, NLM_F_MULTI, type NetlinkRequest } from './messages.js';
import { Acknowledgements, readReply } from './replies.js';

const ERROR = 2;
const DONE = 3;
const NEWLINK = 16;
const ECHO_LEFT_OUT_AND_TEXT = 0x300;

function message(type: number, flags: number, sequence: number, payload: Buffer): Buffer {
  const header = Buffer.alloc(16);
  header.writeUInt32LE(16 + payload.length, 0);
  header.writeUInt16LE(type, 4);
  header.writeUInt16LE(flags, 6);
  header.writeUInt32LE(sequence, 8);
  return Buffer.concat([header, payload, Buffer.alloc(-payload.length & 3)]);
}

const i32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32LE(value);
  return bytes;
};
const item = (sequence: number, value: number, flags = NLM_F_MULTI) =>
  message(NEWLINK, flags, sequence, i32(value));
const done = (sequence: number, flags = NLM_F_MULTI) => message(DONE, flags, sequence, i32(0));
/** An acknowledgement: the result, the header of the request, and what the kernel says of it. */
function ack(sequence: number, result: number, text?: string): Buffer {
  const echo = Buffer.alloc(16);
  if (text === undefined) return message(ERROR, 0x100, sequence, Buffer.concat([i32(result), echo]));
  const words = Buffer.from(`${text}\0`);
  const attribute = Buffer.from([4 + words.length, 0, 1, 0, ...words]);
  return message(ERROR, ECHO_LEFT_OUT_AND_TEXT, sequence, Buffer.concat([i32(result), echo, attribute]));
}

/** A kernel that has only these datagrams to say. */
function says(...datagrams: Buffer[]): () => Buffer {
  return () => {
    const next = datagrams.shift();
    if (next === undefined) throw new Error('asked for more than there is');
    return next;
  };
}

const listing: NetlinkRequest = { type: 18, flags: NLM_F_DUMP, payload: Buffer.alloc(0), op: 'list links' };
const change = (subject: string): NetlinkRequest => ({
  type: 16,
  flags: NLM_F_ACK,
  payload: Buffer.alloc(0),
  op: 'add link',
  subject,
});

/** Reads a list from a kernel that answers with these datagrams; the questions are numbered 1, 2, … */
function list(...datagrams: Buffer[]): { found: number[]; asked: number } {
  let [found, asked]: [number[], number] = [[], 0];
  readReply(
    listing,
    () => ++asked,
    says(...datagrams),
    ({ payload }) => found.push(payload.readInt32LE()),
    () => (found = []),
  );
  return { found, asked };
}

describe('a list', () => {
  it('is read over several datagrams to its end', () => {
    expect(list(Buffer.concat([item(1, 10), item(1, 11)]), item(1, 12), done(1))).toEqual({
      found: [10, 11, 12],
      asked: 1,
    });
  });

  it('leaves out what answers other questions', () => {
    const stale = Buffer.concat([item(99, 5), done(99), ack(98, -1)]);
    expect(list(stale, item(1, 10), done(1)).found).toEqual([10]);
  });

  it('is read again when it changed meanwhile, marked on any of its messages or on the last', () => {
    const interrupted = NLM_F_MULTI | NLM_F_DUMP_INTR;
    expect(list(item(1, 1, interrupted), done(1), item(2, 2), done(2))).toEqual({ found: [2], asked: 2 });
    expect(list(item(1, 1), done(1, interrupted), item(2, 2), done(2))).toEqual({ found: [2], asked: 2 });
  });

  it('is given up when it never holds still', () => {
    const restless = Array.from({ length: 20 }, (_, index) => done(index + 1, NLM_F_MULTI | NLM_F_DUMP_INTR));
    expect(() => list(...restless)).toThrow(
      "list links: the kernel's list changed 8 times while it was read",
    );
  });

  it('fails with what the kernel says at its start or its end', () => {
    expect(() => list(ack(1, -22, 'Invalid header'))).toThrow(
      'list links: Invalid argument (Invalid header)',
    );
    expect(() => list(item(1, 1), message(DONE, NLM_F_MULTI, 1, i32(-105)))).toThrow(
      'list links: No buffer space available',
    );
  });
});

describe('an answer that is cut short', () => {
  it('is refused', () => {
    const short = message(ERROR, 0, 1, Buffer.alloc(2));
    expect(() => list(short)).toThrow(/an acknowledgement of 2 bytes instead of 4/);
    expect(() => new Acknowledgements([change('a')], 1).collect(says(short))).toThrow(
      expect.objectContaining({ code: 'internal' }),
    );
  });
});

describe('acknowledgements', () => {
  const requests = ['a', 'b', 'c'].map(change);
  const collect = (...datagrams: Buffer[]) => new Acknowledgements(requests, 5).collect(says(...datagrams));

  it('are waited for until the last, in whatever pieces they come', () => {
    expect(() => collect(Buffer.concat([ack(5, 0), ack(6, 0)]), ack(7, 0))).not.toThrow();
    expect(() => collect(ack(5, 0), ack(6, 0))).toThrow('asked for more');
  });

  it('fail with the first that failed, after all have come', () => {
    let thrown: unknown;
    try {
      collect(ack(5, 0), Buffer.concat([ack(7, -1), ack(6, -17, 'There is one.')]));
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toMatchObject({
      errno: 'EEXIST',
      code: 'conflict',
      subject: 'b',
      extack: 'There is one',
      message: 'add link b: File exists (There is one)',
    });
  });

  it('of earlier requests count for nothing', () => {
    expect(() => collect(ack(4, -1), ack(5, 0), ack(5, 0), ack(6, 0), ack(7, 0))).not.toThrow();
  });
});
