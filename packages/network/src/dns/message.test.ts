import { decode, encode } from 'dns-packet';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkAnswer, truncate } from './message.js';

const asked = encode({
  type: 'query',
  id: 99,
  flags: 0x100,
  questions: [{ name: 'Example.com', type: 'A' }],
});
const answer = encode({
  type: 'response',
  id: 99,
  flags: 0x180,
  questions: [{ name: 'example.COM', type: 'A' }],
  answers: [{ name: 'example.com', type: 'A', ttl: 1, data: '192.0.2.1' }],
});

describe('answers of upstream servers', () => {
  it('belong to a question by id and question, whatever the case of its letters', () => {
    expect(checkAnswer(answer, asked, asked.length)).toBe('good');
    expect(checkAnswer(answer.subarray(0, asked.length - 1), asked, asked.length)).toBe('forged');
    expect(checkAnswer(asked, asked, asked.length)).toBe('forged');
  });

  it('cost nothing when they are malformed, over 20,000 mutated ones', () => {
    const edits = fc.array(fc.tuple(fc.nat(answer.length - 1), fc.nat(255)), { maxLength: 4 });
    fc.assert(
      fc.property(edits, fc.nat(answer.length), (changes, length) => {
        const message = Buffer.from(answer.subarray(0, length));
        for (const [at, byte] of changes) if (at < length) message[at] = byte;
        if (checkAnswer(message, asked, asked.length) !== 'good') return;
        const { id, questions } = decode(truncate(message, asked.length));
        expect({ id, name: questions?.[0]?.name.toLowerCase() }).toEqual({ id: 99, name: 'example.com' });
      }),
      { numRuns: 20_000 },
    );
  });

  it('can be cut to their question', () => {
    const short = truncate(answer, asked.length);
    expect(short.length).toBe(asked.length);
    expect(decode(short)).toMatchObject({ id: 99, type: 'response', flag_tc: true, answers: [] });
  });
});
