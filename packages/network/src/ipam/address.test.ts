import fc from 'fast-check';
import { expect, it } from 'vitest';
import {
  broadcastOf,
  formatAddress,
  formatPrefix,
  overlaps,
  parseAddress,
  parsePrefix,
  prefixOf,
} from './address.js';

it('writes what it has read', () => {
  fc.assert(
    fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), (text) => {
      const address = parseAddress(text);
      const written = address && formatAddress(address);
      expect(written && parseAddress(written)).toEqual(address);
    }),
  );
});

it.each([
  ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
  ['0:0:0:0:0:0:0:0', '::'],
  ['::ffff:10.0.0.1', '::ffff:a00:1'],
  ['1:0:2:3:4:5:6:7', '1:0:2:3:4:5:6:7'],
])('shortens %s to %s (RFC 5952)', (text, short) => {
  const address = parseAddress(text);
  expect(address && formatAddress(address)).toBe(short);
});

it.each(['', '10.0.0', '10.0.0.0.0', '10.0.0.256', 'fe80::1%eth0', 'x'])(
  'finds no address in "%s"',
  (text) => {
    expect(parseAddress(text)).toBeUndefined();
  },
);

it.each(['10.0.0.0', '10.0.0.0/33', '10.0.0.0/08', '10.0.0.0/', '/8', '10.0.0.0/8/8'])(
  'finds no block in "%s"',
  (text) => {
    expect(parsePrefix(text)).toBeUndefined();
  },
);

it('tells a block from the address that it was written with', () => {
  const parsed = parsePrefix('172.17.0.1/16');
  expect(parsed && formatPrefix(parsed.prefix)).toBe('172.17.0.0/16');
  expect(parsed && formatAddress(parsed.address)).toBe('172.17.0.1');
  expect(broadcastOf('172.17.0.1', 16)).toBe('172.17.255.255');
  expect(broadcastOf('10.0.0.0', 31)).toBeUndefined();
});

it('has two blocks overlap only where one holds the other', () => {
  const block = fc.tuple(fc.bigInt({ min: 0n, max: 0xffffffffn }), fc.integer({ min: 0, max: 32 }));
  fc.assert(
    fc.property(block, block, ([one, oneLength], [other, otherLength]) => {
      const a = prefixOf({ family: 4, value: one }, oneLength);
      const b = prefixOf({ family: 4, value: other }, otherLength);
      const shorter = Math.min(oneLength, otherLength);
      const holds =
        prefixOf({ family: 4, value: a.base }, shorter).base ===
        prefixOf({ family: 4, value: b.base }, shorter).base;
      expect(overlaps(a, b)).toBe(holds);
    }),
  );
});
