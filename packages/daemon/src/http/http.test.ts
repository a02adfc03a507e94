import { BerthError } from '@berth/core';
import { describe, expect, it } from 'vitest';
import { DetachKeys, parseDetachKeys } from './detach-keys.js';
import { httpError, malformedRequest } from './errors.js';
import { frame } from './framing.js';
import { hasLabels, Query } from './query.js';
import { splitPath, versionRefusal } from './version.js';

const query = (values: Record<string, unknown>) => new Query({ query: values } as never);

describe('errors', () => {
  it.each([
    ['invalid', 400],
    ['not-found', 404],
    ['conflict', 409],
    ['forbidden', 403],
    ['not-modified', 304],
    ['unsupported', 501],
    ['exhausted', 500],
    ['unavailable', 503],
    ['internal', 500],
  ] as const)('%s is status %i', (code, status) => {
    expect(httpError(new BerthError(code, 'why'))).toEqual({ status, message: 'why' });
  });

  it('anything else is our own fault, unless it carries a status', () => {
    expect(httpError(new Error('oops')).status).toBe(500);
    expect(httpError(Object.assign(new Error('large'), { statusCode: 413 })).status).toBe(413);
  });

  it('answers bytes that are no HTTP with a whole response', () => {
    expect(malformedRequest({ code: 'HPE_HEADER_OVERFLOW' })).toMatch(
      /^HTTP\/1\.1 431 .*\r\n\r\n\{"message"/s,
    );
    expect(malformedRequest({})).toMatch(/^HTTP\/1\.1 400 Bad Request/);
  });
});

describe('versions', () => {
  it('takes the version off the path', () => {
    expect(splitPath('GET', '/v1.43/containers/json?all=1')).toEqual({
      version: '1.43',
      path: '/containers/json?all=1',
    });
    expect(splitPath('GET', '/_ping').version).toBe('1.51');
  });

  it('makes an image name with slashes one segment', () => {
    expect(splitPath('GET', '/images/a/b:c/json').path).toBe('/images/a%2Fb:c/json');
    expect(splitPath('DELETE', '/v1.40/images/a/b?force=1').path).toBe('/images/a%2Fb?force=1');
    expect(splitPath('GET', '/images/json').path).toBe('/images/json');
  });

  it('refuses what is too new or too old, in the words that clients know', () => {
    expect(versionRefusal('1.52')?.message).toBe(
      'client version 1.52 is too new. Maximum supported API version is 1.51',
    );
    expect(versionRefusal('1.9')?.message).toContain('Minimum supported API version is 1.24');
    expect(versionRefusal('1.24')).toBeUndefined();
    expect(versionRefusal('1.51')).toBeUndefined();
  });
});

describe('queries', () => {
  it('reads flags as Docker does', () => {
    for (const value of ['1', 'true', 'True', 'yes']) expect(query({ all: value }).flag('all')).toBe(true);
    for (const value of ['', '0', 'false', 'no', 'none'])
      expect(query({ all: value }).flag('all')).toBe(false);
  });

  it('reads instants to the nanosecond', () => {
    expect(query({ since: '1136073600.000000001' }).instant('since')).toBe(1136073600000000001n);
    expect(query({ since: '1136073600.5' }).instant('since')).toBe(1136073600500000000n);
    expect(query({ since: '0' }).instant('since')).toBeUndefined();
    expect(() => query({ since: 'yesterday' }).instant('since')).toThrow('since must be seconds since 1970');
  });

  it('reads filters in both of their shapes and refuses unknown ones by name', () => {
    const lists = query({ filters: '{"name":["a","b"]}' }).filters(['name']);
    expect(lists.get('name')).toEqual(['a', 'b']);
    const sets = query({ filters: '{"name":{"a":true,"b":false}}' }).filters(['name']);
    expect(sets.get('name')).toEqual(['a']);
    expect(() => query({ filters: '{"health":["x"]}' }).filters(['name'])).toThrow("invalid filter 'health'");
    for (const bad of ['{', '[]', 'null', '{"name":1}']) {
      expect(() => query({ filters: bad }).filters(['name'])).toThrow(BerthError);
    }
  });

  it('compares labels by key or by key and value', () => {
    expect(hasLabels({ a: 'b=c' }, ['a', 'a=b=c'])).toBe(true);
    expect(hasLabels({ a: 'b' }, ['a=c'])).toBe(false);
    expect(hasLabels({}, ['toString'])).toBe(false);
  });
});

describe('framing', () => {
  it('puts stream and length before the payload', () => {
    expect(frame('stderr', Buffer.from('hey')).toString('hex')).toBe('0200000000000003686579');
    expect(frame('stdout', Buffer.alloc(0x10203)).subarray(0, 8).toString('hex')).toBe('0100000000010203');
  });
});

describe('detach keys', () => {
  it('finds the sequence however it is cut', () => {
    const keys = new DetachKeys(parseDetachKeys('ctrl-p,ctrl-q'));
    expect(keys.feed(Buffer.from('ls\x10'))).toEqual({ input: Buffer.from('ls'), detached: false });
    expect(keys.feed(Buffer.from('\x11rest'))).toEqual({ input: Buffer.alloc(0), detached: true });
  });

  it('gives back what only began like it', () => {
    const keys = new DetachKeys(parseDetachKeys('ctrl-p,ctrl-q'));
    expect(keys.feed(Buffer.from('\x10')).input.length).toBe(0);
    expect(keys.feed(Buffer.from('\x10x')).input.toString()).toBe('\x10\x10x');
  });

  it('refuses what is no key', () => {
    expect(() => parseDetachKeys('ctrl-1')).toThrow('invalid detach keys');
    expect(() => parseDetachKeys('ab')).toThrow('invalid detach keys');
    expect([...parseDetachKeys('a,ctrl-@,ctrl-_')]).toEqual([97, 0, 31]);
  });
});
