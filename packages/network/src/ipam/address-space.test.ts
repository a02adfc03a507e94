import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AddressSpace, uniqueLocalPool, type DefaultPool } from './address-space.js';
import {
  bitsOf,
  formatPrefix,
  overlaps,
  parseAddress,
  parsePrefix,
  prefixOf,
  sizeOf,
  type Family,
  type Prefix,
} from './address.js';

function block(text: string): Prefix {
  const parsed = parsePrefix(text);
  if (parsed === undefined) throw new Error(text);
  return parsed.prefix;
}

it('gives the default pools in order, past the host’s routes and other networks', () => {
  const space = new AddressSpace();
  space.take(block('172.18.4.0/24'));
  const avoid = [block('172.16.0.0/15'), block('192.168.0.0/17')];
  const given = Array.from({ length: 21 }, () => formatPrefix(space.takeNext(4, avoid)));
  expect(given.slice(0, 2)).toEqual(['172.19.0.0/16', '172.20.0.0/16']);
  expect(given.slice(12, 15)).toEqual(['172.31.0.0/16', '192.168.128.0/20', '192.168.144.0/20']);
  expect(() => space.takeNext(4, avoid)).toThrow(
    'all predefined IPv4 address pools have been fully subnetted',
  );
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

describe.each<[Family, string, DefaultPool[]]>([
  [
    4,
    '10.0.0.0',
    [
      { base: '10.0.0.0/16', size: 20 },
      { base: '10.1.0.0/24', size: 26 },
    ],
  ],
  [
    6,
    'fd00::',
    [
      { base: 'fd00::/120', size: 124 },
      { base: 'fd00::100/124', size: 125 },
    ],
  ],
])('of IPv%d, which', (family, base, pools) => {
  /** Blocks of the neighbourhood of the pools: by number, of 2^bits addresses each. */
  const prefix = fc.tuple(fc.integer({ min: 0, max: 600 }), fc.integer({ min: 0, max: 10 }));
  const scale = family === 4 ? 8 : 0;
  const make = ([part, bits]: [number, number]): Prefix => {
    const value = (parseAddress(base)?.value ?? 0n) + (BigInt(part) << BigInt(scale));
    return prefixOf({ family, value }, bitsOf(family) - bits - scale);
  };
  const wish = fc.oneof(
    fc.record({ kind: fc.constant('take' as const), of: prefix }),
    fc.record({ kind: fc.constant('next' as const), longer: fc.option(fc.integer({ min: 0, max: 2 })) }),
    fc.record({ kind: fc.constant('release' as const), at: fc.nat({ max: 20 }) }),
  );

  it('gives none that overlaps another or a route to avoid, and refuses one only where there is none', () => {
    fc.assert(
      fc.property(fc.array(wish, { maxLength: 60 }), fc.array(prefix, { maxLength: 5 }), (wishes, routes) => {
        const space = new AddressSpace(pools);
        const avoid = routes.map(make);
        let taken: Prefix[] = [];
        for (const action of wishes) {
          if (action.kind === 'release') {
            const gone = taken[action.at];
            if (gone !== undefined) space.release(gone);
            taken = taken.filter((other) => other !== gone);
          } else if (action.kind === 'take') {
            const wanted = make(action.of);
            if (taken.some((other) => overlaps(wanted, other))) {
              expect(() => space.take(wanted)).toThrow('Pool overlaps');
            } else {
              space.take(wanted);
              taken.push(wanted);
            }
          } else {
            const length = action.longer === null ? undefined : bitsOf(family) - 2 - action.longer - scale;
            const free = candidates(pools, length).filter(
              (one) => ![...taken, ...avoid].some((other) => overlaps(one, other)),
            );
            const [first] = free;
            if (first === undefined) {
              expect(() => space.takeNext(family, avoid, length)).toThrow('fully subnetted');
            } else {
              expect(space.takeNext(family, avoid, length)).toEqual(first);
              taken.push(first);
            }
          }
        }
      }),
    );
  });
});

/** All subnets that the pools are made of, in order. */
function candidates(pools: readonly DefaultPool[], length?: number): Prefix[] {
  return pools.flatMap(({ base, size: usual }) => {
    const pool = block(base);
    const size = length ?? usual;
    if (size < pool.length) return [];
    return Array.from({ length: 2 ** (size - pool.length) }, (_, index) => {
      const step = sizeOf({ ...pool, length: size });
      return { ...pool, base: pool.base + BigInt(index) * step, length: size };
    });
  });
}

it('gives a host the same unique local IPv6 subnets at each start, and other hosts others', () => {
  const first = (host: string) => formatPrefix(new AddressSpace([uniqueLocalPool(host)]).takeNext(6, []));
  expect(first('one')).toBe(first('one'));
  expect(first('one')).not.toBe(first('other'));
  expect(first('one')).toMatch(/^fd[0-9a-f]{2}:[0-9a-f:]+\/64$/);
});

it('takes the family’s pools only, and a subnet of the length asked for', () => {
  const space = new AddressSpace([{ base: '10.0.0.0/8', size: 24 }]);
  expect([space.has(4), space.has(6)]).toEqual([true, false]);
  expect(formatPrefix(space.takeNext(4, [], 28))).toBe('10.0.0.0/28');
  expect(formatPrefix(space.takeNext(4, []))).toBe('10.0.1.0/24');
  expect(() => space.takeNext(6, [])).toThrow('all predefined IPv6 address pools');
});

it('refuses pools that are none, with what would be right', () => {
  expect(() => new AddressSpace([{ base: '10.0.0.1/8', size: 16 }])).toThrow('it should be 10.0.0.0/8');
  expect(() => new AddressSpace([{ base: '10.0.0.0/16', size: 8 }])).toThrow('it should be 16 to 30');
  expect(() => new AddressSpace([{ base: 'fd00::/48', size: 127 }])).toThrow('it should be 48 to 126');
});
