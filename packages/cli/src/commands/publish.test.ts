import { describe, expect, test } from 'vitest';
import { parseExposed, parsePublished, parseReplacement } from './publish.js';

const binding = (HostIp: string, HostPort: string) => [{ HostIp, HostPort }];

describe('parsePublished', () => {
  test.each([
    ['80', { '80/tcp': binding('', '') }],
    [':80', { '80/tcp': binding('', '') }],
    ['0:80', { '80/tcp': binding('', '') }],
    ['8081:80/udp', { '80/udp': binding('', '8081') }],
    ['8081:80/TCP', { '80/tcp': binding('', '8081') }],
    ['53:53/sctp', { '53/sctp': binding('', '53') }],
    ['127.0.0.1:8081:80', { '80/tcp': binding('127.0.0.1', '8081') }],
    ['127.0.0.1::80', { '80/tcp': binding('127.0.0.1', '') }],
    ['[::1]:8081:80', { '80/tcp': binding('::1', '8081') }],
    ['[::]:53:53/udp', { '53/udp': binding('::', '53') }],
    ['[::1]::80', { '80/tcp': binding('::1', '') }],
    ['2001:db8::1:8081:80', { '80/tcp': binding('2001:db8::1', '8081') }],
    ['8000-8001:80-81', { '80-81/tcp': binding('', '8000-8001') }],
    ['80-81', { '80-81/tcp': binding('', '') }],
    ['80-80:90-90', { '90/tcp': binding('', '80') }],
    ['20000-29999:20000-29999', { '20000-29999/tcp': binding('', '20000-29999') }],
    ['30000-39999:20000-29999/udp', { '20000-29999/udp': binding('', '30000-39999') }],
    ['1025-65535:1025-65535', { '1025-65535/tcp': binding('', '1025-65535') }],
    ['8000-9000:80', { '80/tcp': binding('', '8000-9000') }],
  ])('%s', (spec, bindings) => {
    const published = parsePublished([spec]);
    expect(published.bindings).toEqual(bindings);
    expect(Object.keys(published.exposed)).toEqual(Object.keys(bindings));
  });

  test('a port may be published at several addresses', () => {
    expect(parsePublished(['127.0.0.1:80:80', '[::1]:80:80']).bindings).toEqual({
      '80/tcp': [...binding('127.0.0.1', '80'), ...binding('::1', '80')],
    });
  });

  test.each(['x', '80:', '80:0', '70000:80', '82-80:80', 'a:80:80', '80:80/icmp', '1:2:3:4', '0-5:80', ''])(
    'refuses "%s" by name',
    (spec) => {
      expect(() => parsePublished([spec])).toThrow(`invalid publish opts format (${spec})`);
    },
  );

  test.each([
    ['8080-8081:80-82', '80-82 and 8080-8081'],
    ['80:90-91', '90-91 and 80'],
  ])('%s: the lengths differ', (spec, both) => {
    expect(() => parsePublished([spec])).toThrow(
      `invalid ranges specified for container and host Ports: ${both}`,
    );
  });
});

describe('parseExposed', () => {
  test('exposed ports may be ranges', () => {
    expect(Object.keys(parseExposed(['80', '53/udp', '7000-7999']))).toEqual([
      '80/tcp',
      '53/udp',
      '7000-7999/tcp',
    ]);
  });

  test('a port of the host is refused', () => {
    expect(() => parseExposed(['80:80'])).toThrow('invalid port format for --expose: 80:80');
  });
});

describe('parseReplacement', () => {
  test('none stands for no port', () => {
    expect(parseReplacement(['none'])).toEqual({});
    expect(parseReplacement(['81:80'])).toEqual({ '80/tcp': binding('', '81') });
  });

  test('none and ports contradict each other', () => {
    expect(() => parseReplacement(['none', '80'])).toThrow('-p none');
  });
});
