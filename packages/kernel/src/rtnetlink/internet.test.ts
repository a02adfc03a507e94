import { BlockList, SocketAddress } from 'node:net';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatHardware, formatInternet, parseHardware, parseInternet } from './internet.js';

describe('addresses as text', () => {
  it('come back as the same bytes', () => {
    const bytes = fc.oneof(
      fc.uint8Array({ minLength: 4, maxLength: 4 }),
      // Zeros often, for `::`.
      fc.array(fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 255 })), { minLength: 16, maxLength: 16 }),
    );
    fc.assert(
      fc.property(bytes, (given) => {
        const text = formatInternet(Buffer.from(given));
        expect([...parseInternet(text).bytes]).toEqual([...given]);
      }),
    );
  });

  it('are what Node takes for the same address', () => {
    fc.assert(
      fc.property(fc.ipV6(), (text) => {
        const list = new BlockList();
        list.addAddress(
          new SocketAddress({ address: formatInternet(parseInternet(text).bytes), family: 'ipv6' }),
        );
        expect(list.check(text, 'ipv6')).toBe(true);
      }),
    );
  });

  it.each([
    ['0:0:0:0:0:0:0:0', '::'],
    ['0:0:0:0:0:0:0:1', '::1'],
    ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['::ffff:10.0.0.1', '::ffff:10.0.0.1'],
    ['fe80:0:0:0:0:0:0:0', 'fe80::'],
  ])('%s is written %s', (given, written) => {
    expect(formatInternet(parseInternet(given).bytes)).toBe(written);
  });

  it.each(['', '10.0.0', '10.0.0.256', '10.0.0.1/8', 'fe80::1%eth0', 'x'])('"%s" is none', (text) => {
    expect(() => parseInternet(text)).toThrow(`"${text}" is no IP address`);
  });

  it('of hardware are six bytes', () => {
    expect(formatHardware(parseHardware('2:42:AC:11:0:2'))).toBe('02:42:ac:11:00:02');
    for (const text of ['', '02:42', '02:42:ac:11:00:0g', '02:42:ac:11:00:02:03'])
      expect(() => parseHardware(text)).toThrow(/is no hardware address/);
  });
});
