import { describe, expect, test } from 'vitest';
import { parseExposed, parsePublished } from './publish.js';

const binding = (HostIp: string, HostPort: string) => [{ HostIp, HostPort }];

describe('parsePublished', () => {
  test.each([
    ['80', { '80/tcp': binding('', '') }],
    [':80', { '80/tcp': binding('', '') }],
    ['0:80', { '80/tcp': binding('', '') }],
    ['8081:80/udp', { '80/udp': binding('', '8081') }],
    ['8081:80/TCP', { '80/tcp': binding('', '8081') }],
    ['127.0.0.1:8081:80', { '80/tcp': binding('127.0.0.1', '8081') }],
    ['127.0.0.1::80', { '80/tcp': binding('127.0.0.1', '') }],
    ['[::1]:8081:80', { '80/tcp': binding('::1', '8081') }],
    ['8000-8001:80-81', { '80/tcp': binding('', '8000'), '81/tcp': binding('', '8001') }],
    ['80-81', { '80/tcp': binding('', ''), '81/tcp': binding('', '') }],
  ])('%s', (spec, bindings) => {
    expect(parsePublished([spec]).bindings).toEqual(bindings);
  });

  test.each([
    'x',
    '80:',
    '80:0',
    '70000:80',
    '82-80:80',
    'a:80:80',
    '80:80/icmp',
    '1:2:3:4',
    '80-82:80-81',
    '',
  ])('refuses "%s" by name', (spec) => {
    expect(() => parsePublished([spec])).toThrow(`invalid publish opts format (${spec})`);
  });

  test('a range for one port is refused', () => {
    expect(() => parsePublished(['80-82:80'])).toThrow('a range of host ports (80-82) for one port');
  });
});

test('exposed ports may be ranges', () => {
  expect(Object.keys(parseExposed(['80', '53/udp', '90-91']))).toEqual([
    '80/tcp',
    '53/udp',
    '90/tcp',
    '91/tcp',
  ]);
});
