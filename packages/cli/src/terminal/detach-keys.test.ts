import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DEFAULT_DETACH_KEYS, DetachFilter, parseDetachKeys } from './detach-keys.js';

const P = '\x10';
const Q = '\x11';

function type(...words: string[]): { forward: string[]; detached: boolean; held: string } {
  const filter = new DetachFilter(parseDetachKeys(DEFAULT_DETACH_KEYS));
  const steps = words.map((word) => filter.feed(Buffer.from(word)));
  return {
    forward: steps.map(({ forward }) => forward.toString()),
    detached: steps.at(-1)?.detached ?? false,
    held: filter.flush().toString(),
  };
}

describe('parseDetachKeys', () => {
  test.each([
    ['ctrl-p,ctrl-q', [0x10, 0x11]],
    ['a', [0x61]],
    ['ctrl-a,a,b', [1, 0x61, 0x62]],
    ['ctrl-@,ctrl-[,ctrl-\\,ctrl-],ctrl-^,ctrl-_', [0, 0x1b, 0x1c, 0x1d, 0x1e, 0x1f]],
  ])('%s', (text, bytes) => {
    expect([...parseDetachKeys(text)]).toEqual(bytes);
  });

  test.each(['', 'ctrl-', 'ctrl-1', 'ab', 'a,,b', 'ctrl-A'])('refuses "%s"', (text) => {
    expect(() => parseDetachKeys(text)).toThrow(`invalid detach keys (${text})`);
  });
});

describe('DetachFilter', () => {
  test('what is typed goes through', () => {
    expect(type('ls\r', Q, 'x')).toEqual({ forward: ['ls\r', Q, 'x'], detached: false, held: '' });
  });

  test('the keys detach, in one piece or in two; what came before them still goes through', () => {
    expect(type(`ab${P}${Q}`)).toMatchObject({ forward: ['ab'], detached: true });
    expect(type('ab', P, Q)).toMatchObject({ forward: ['ab', '', ''], detached: true });
  });

  test('the first key is held back until the next one shows that it is no detaching', () => {
    expect(type(P)).toEqual({ forward: [''], detached: false, held: P });
    expect(type(P, 'x')).toEqual({ forward: ['', `${P}x`], detached: false, held: '' });
  });

  test('the first key twice: one goes through, the other may still begin the keys', () => {
    expect(type(P, P)).toEqual({ forward: ['', P], detached: false, held: P });
    expect(type(P, P, Q)).toMatchObject({ forward: ['', P, ''], detached: true });
  });

  test('keys that repeat their beginning are found at every place', () => {
    const bytes = fc.array(fc.constantFrom(0x61, 0x62), { maxLength: 20 });
    fc.assert(
      fc.property(bytes, fc.integer({ min: 1, max: 4 }), (typed, size) => {
        const filter = new DetachFilter(Buffer.from('aab'));
        let forward = '';
        let detached = false;
        for (let at = 0; at < typed.length && !detached; at += size) {
          const step = filter.feed(Buffer.from(typed.slice(at, at + size)));
          forward += step.forward.toString();
          detached = step.detached;
        }
        const text = Buffer.from(typed).toString();
        const place = text.indexOf('aab');
        expect(detached).toBe(place >= 0);
        expect(detached ? forward : forward + filter.flush().toString()).toBe(
          detached ? text.slice(0, place) : text,
        );
      }),
    );
  });
});
