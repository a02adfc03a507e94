import fc from 'fast-check';
import { expect, it } from 'vitest';
import { AddressSpace } from './address-space.js';
import { formatPrefix, overlaps, parsePrefix, type Prefix } from './address.js';

function block(text: string): Prefix {
  const parsed = parsePrefix(text);
  if (parsed === undefined) throw new Error(text);
  return parsed.prefix;
}

it('gives the default pools in order, past the host’s routes and other networks', () => {
  const space = new AddressSpace();
  space.take(block('172.18.4.0/24'));
  const avoid = [block('172.16.0.0/15'), block('192.168.0.0/17')];
  const given = Array.from({ length: 21 }, () => formatPrefix(space.takeNext(avoid)));
  expect(given.slice(0, 2)).toEqual(['172.19.0.0/16', '172.20.0.0/16']);
  expect(given.slice(12, 15)).toEqual(['172.31.0.0/16', '192.168.128.0/20', '192.168.144.0/20']);
  expect(() => space.takeNext(avoid)).toThrow('all predefined address pools have been fully subnetted');
});

it('refuses what overlaps, and takes it when the other has gone', () => {
  const space = new AddressSpace();
  space.take(block('10.0.0.0/16'));
  expect(() => space.take(block('10.0.1.0/24'))).toThrow(
    'Pool overlaps with other one on this address space',
  );
  space.release(block('10.0.0.0/16'));
  space.take(block('10.0.1.0/24'));
});

it('never gives two that overlap', () => {
  const prefix = fc.tuple(fc.integer({ min: 0, max: 255 }), fc.integer({ min: 8, max: 30 }));
  fc.assert(
    fc.property(
      fc.array(fc.option(prefix), { maxLength: 40 }),
      fc.array(prefix, { maxLength: 5 }),
      (wishes, routes) => {
        const space = new AddressSpace([
          { base: '10.0.0.0/16', size: 20 },
          { base: '10.1.0.0/24', size: 26 },
        ]);
        const make = ([part, length]: [number, number]) => block(formatPrefix(rounded(part, length)));
        const avoid = routes.map(make);
        const taken: Prefix[] = [];
        for (const wish of wishes) {
          try {
            const wanted = wish === null ? undefined : make(wish);
            if (wanted !== undefined) space.take(wanted);
            const next = wanted ?? space.takeNext(avoid);
            for (const other of wanted === undefined ? [...taken, ...avoid] : taken)
              expect(overlaps(next, other)).toBe(false);
            taken.push(next);
          } catch (error) {
            expect(String(error)).toMatch(/overlaps|fully subnetted/);
          }
        }
      },
    ),
  );
});

function rounded(part: number, length: number): Prefix {
  const hostBits = BigInt(32 - length);
  const value = (10n << 24n) | (BigInt(part) << 8n);
  return { family: 4, base: (value >> hostBits) << hostBits, length };
}

it('refuses pools that are none, with what would be right', () => {
  expect(() => new AddressSpace([{ base: '10.0.0.1/8', size: 16 }])).toThrow('it should be 10.0.0.0/8');
  expect(() => new AddressSpace([{ base: '10.0.0.0/16', size: 8 }])).toThrow('it should be 16 to 30');
  expect(() => new AddressSpace([{ base: 'fd00::/8', size: 64 }])).toThrow('only IPv4');
});
