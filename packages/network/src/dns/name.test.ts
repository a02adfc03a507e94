import { BerthError } from '@berth/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  checkDnsName,
  encodeName,
  endOfName,
  endOfPlainName,
  ipv6Bytes,
  reverseName,
  wireName,
} from './name.js';

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

const LABEL = 'x'.repeat(63);
/** 255 bytes on the wire: three labels of 63, one of 61, four more for lengths, one for the root. */
const LONGEST = `${LABEL}.${LABEL}.${LABEL}.${'y'.repeat(61)}`;

describe('names that users give', () => {
  it.each([
    'web',
    'w',
    '7',
    'Web-1',
    'my_app',
    '_dmarc',
    'proj-web-1',
    'proj_web_1',
    'a.b.c',
    'db.front',
    '0a1b2c3d4e5f',
    'x--y',
    'xn--bro-hoa',
    LABEL,
    LONGEST,
  ])('%s is one', (text) => {
    expect(() => checkDnsName('alias', text)).not.toThrow();
    expect(encodeName(text)?.length).toBe(text.length + 2);
  });

  it.each([
    ['', 'nothing'],
    [' ', 'a space'],
    ['my web', 'a space within'],
    [' web', 'a space before'],
    ['web ', 'a space after'],
    ['web\n', 'a line feed'],
    ['web\n203.0.113.6 db', 'a line of a hosts file'],
    ['web\t', 'a tab'],
    ['web\0', 'a NUL'],
    ['*', 'a star'],
    ['*.web', 'a star as a label'],
    ['-web', 'a leading -'],
    ['web-', 'a - at the end'],
    ['--help', 'an option'],
    ['.', 'the root'],
    ['.web', 'a dot before'],
    ['web.', 'a dot after'],
    ['web..', 'two dots after'],
    ['a..b', 'an empty label'],
    [`${LABEL}x`, 'a label of 64 bytes'],
    [`a.${LABEL}x.b`, 'a label of 64 bytes among others'],
    [`${LONGEST}y`, 'a name of 256 bytes on the wire'],
    [Array(128).fill('a').join('.'), 'more labels than fit'],
    ['büro', 'a letter that is not ASCII'],
    ['☃', 'no letter at all'],
    ['web\u200b', 'a letter that is not seen'],
    ['\u212aelvin', 'a sign that is folded to k'],
    ['a/b', 'a slash'],
    ['a:b', 'a colon'],
    ['a#b', 'a comment'],
    ['"web"', 'quotes'],
    ['a\\b', 'a backslash'],
    ['$(id)', 'a command'],
  ])('%j is none: %s', (text) => {
    expect(() => checkDnsName('alias', text)).toThrow(BerthError);
    try {
      checkDnsName('alias', text);
    } catch (error) {
      expect(error).toMatchObject({ code: 'invalid', subject: text });
      expect((error as Error).message).toContain(`invalid alias "${text}": it should be`);
    }
  });

  it('can all be asked for, and no others are let in', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (text) => {
        try {
          checkDnsName('alias', text);
        } catch {
          return;
        }
        expect(text).toMatch(/^[A-Za-z0-9_.-]+$/);
        expect(wireName(text)).toBeDefined();
      }),
    );
  });
});
