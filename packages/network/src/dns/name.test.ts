import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeName, endOfName, endOfPlainName, ipv6Bytes, reverseName, wireName } from './name.js';

const label = fc.string({
  minLength: 1,
  maxLength: 20,
  unit: fc.constantFrom(...'abcXYZ019-_*é '.split('')),
});

describe('names', () => {
  it('encodes labels with their lengths and a root', () => {
    expect(encodeName('web.front')).toEqual(Buffer.from('\x03web\x05front\0', 'latin1'));
    expect(encodeName('web.front.')).toEqual(encodeName('web.front'));
  });

  it('refuses what is no name', () => {
    expect(encodeName('')).toBeUndefined();
    expect(encodeName('a..b')).toBeUndefined();
    expect(encodeName('.')).toBeUndefined();
    expect(encodeName('x'.repeat(63))).toBeDefined();
    expect(encodeName('x'.repeat(64))).toBeUndefined();
    expect(encodeName(Array(127).fill('a').join('.'))?.length).toBe(255);
    expect(encodeName(Array(128).fill('a').join('.'))).toBeUndefined();
  });

  it('ends where it ends, for every name that can be encoded', () => {
    fc.assert(
      fc.property(fc.array(label, { minLength: 1, maxLength: 6 }), fc.nat(20), (labels, before) => {
        const encoded = encodeName(labels.join('.'));
        if (!encoded) return;
        const message = Buffer.concat([Buffer.alloc(before, 0xff), encoded, Buffer.alloc(3, 0xff)]);
        expect(endOfPlainName(message, before, message.length)).toBe(before + encoded.length);
        expect(endOfName(message, before, message.length)).toBe(before + encoded.length);
        expect(endOfPlainName(message, before, before + encoded.length - 1)).toBe(-1);
      }),
    );
  });

  it('does not see the case of ASCII letters, and only theirs', () => {
    expect(wireName('WEB.Front')).toBe(wireName('web.front'));
    expect(wireName('É')).not.toBe(wireName('é'));
  });

  it('has no pointer in a question, and lets one end the name of a record', () => {
    const pointer = Buffer.from([1, 0x61, 0xc0, 0x0c]);
    expect(endOfPlainName(pointer, 0, 4)).toBe(-1);
    expect(endOfName(pointer, 0, 4)).toBe(4);
    expect(endOfName(pointer, 0, 3)).toBe(-1);
    expect(endOfName(Buffer.from([0x40, 0]), 0, 2)).toBe(-1);
  });

  it('knows every spelling of an IPv6 address', () => {
    expect(ipv6Bytes('::').toString('hex')).toBe('0'.repeat(32));
    expect(ipv6Bytes('fd00:1::2').toString('hex')).toBe('fd000001000000000000000000000002');
    expect(ipv6Bytes('::ffff:192.0.2.1').toString('hex')).toBe('00000000000000000000ffffc0000201');
    expect(ipv6Bytes('1:2:3:4:5:6:7:8').toString('hex')).toBe('00010002000300040005000600070008');
  });

  it('knows the reverse name of an address', () => {
    expect(reverseName('172.18.0.3')).toBe('3.0.18.172.in-addr.arpa');
    expect(reverseName('fd00::1')).toBe(`1.${'0.'.repeat(27)}0.0.d.f.ip6.arpa`);
    expect(reverseName('fe80::1%eth0')).toBeUndefined();
    expect(reverseName('web')).toBeUndefined();
  });
});
