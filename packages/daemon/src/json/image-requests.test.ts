import { BerthError } from '@berth/core';
import type { FastifyRequest } from 'fastify';
import { describe, expect, it } from 'vitest';
import { Query } from '../http/query.js';
import { buildOptions } from './build.js';
import { committedConfig } from './images.js';
import { registryAuth } from './registry-auth.js';
import { parseUntil } from './until.js';

const base64 = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64');

describe('X-Registry-Auth', () => {
  it.each([
    [
      { username: 'anna', password: 'p:w' },
      { username: 'anna', password: 'p:w' },
    ],
    [{ auth: Buffer.from('anna:p:w').toString('base64') }, { username: 'anna', password: 'p:w' }],
    [{ identitytoken: 't' }, { identityToken: 't' }],
    [{}, undefined],
    [{ username: '' }, undefined],
  ])('%j', (sent, read) => {
    const found = registryAuth(base64(sent));
    if (read === undefined) expect(found).toBeUndefined();
    else expect(found).toMatchObject(read);
  });

  it('may be for URLs, empty or missing', () => {
    const text = Buffer.from('{"username":"ü>?","password":"~~~"}').toString('base64url');
    expect(registryAuth(text)).toMatchObject({ username: 'ü>?', password: '~~~' });
    expect(registryAuth('')).toBeUndefined();
    expect(registryAuth(undefined)).toBeUndefined();
  });

  it('is refused where it is none', () => {
    expect(() => registryAuth('!!')).toThrow('not base64 of JSON');
    expect(() => registryAuth(base64(7))).toThrow('must be an object');
    expect(() => registryAuth(base64({ username: 7 }))).toThrow('username must be a string');
    expect(() => registryAuth(base64({ registrytoken: 't' }))).toThrow('registrytoken is not supported');
  });
});

describe('the query of a build', () => {
  const read = (query: Record<string, string | string[]>, header?: string) =>
    buildOptions(new Query({ query } as unknown as FastifyRequest), Object.keys(query), header);

  it('is what the docker command sends', () => {
    const options = read(
      {
        buildargs: '{"A":"1","UNSET":null}',
        labels: '{"a":"b"}',
        cachefrom: '[]',
        cgroupparent: '',
        cpuperiod: '0',
        memory: '0',
        networkmode: 'default',
        rm: '1',
        t: ['web:1', 'web:2'],
        ulimits: 'null',
        version: '1',
      },
      base64({ 'https://index.docker.io/v1/': { username: 'anna', password: 'x' } }),
    );
    expect(options).toMatchObject({
      dockerfile: 'Dockerfile',
      names: ['web:1', 'web:2'],
      arguments: { A: '1' },
      labels: { a: 'b' },
      pull: false,
      quiet: false,
      credentials: { 'docker.io': { username: 'anna', password: 'x' } },
    });
  });

  it.each([
    [{ memory: '1000' }, 'memory'],
    [{ squash: '1' }, 'squash'],
    [{ networkmode: 'none' }, 'networkmode none'],
    [{ remote: 'https://example.com/x.git' }, 'remote'],
    [{ version: '2' }, 'BuildKit'],
    [{ buildargs: '{"A":1}' }, 'buildargs'],
    [{ labels: '[' }, 'labels'],
  ])('refuses %j by name', (query, named) => {
    expect(() => read(query)).toThrow(named);
    expect(() => read(query)).toThrow(BerthError);
  });
});

describe('the body of a commit', () => {
  it('replaces what it names', () => {
    expect(committedConfig(undefined)).toEqual({});
    expect(
      committedConfig({ Cmd: ['sh'], Env: null, Hostname: 'x', ExposedPorts: { '80/tcp': {} } }),
    ).toEqual({
      command: ['sh'],
      exposedPorts: [{ port: 80, protocol: 'tcp' }],
    });
    expect(() => committedConfig({ Shell: ['x'] })).toThrow('Shell is not supported');
    expect(() => committedConfig({ Cmd: 'sh' })).toThrow('config.Cmd must be a list');
    expect(() => committedConfig('x')).toThrow('must be an object');
  });
});

describe('until', () => {
  it('is a date, seconds, or a while ago', () => {
    expect(parseUntil('1700000000')).toBe(1_700_000_000_000);
    expect(parseUntil('2026-01-02T03:04:05Z')).toBe(Date.parse('2026-01-02T03:04:05Z'));
    expect(Date.now() - parseUntil('1h30m')).toBeCloseTo(5_400_000, -3);
    expect(() => parseUntil('soon')).toThrow("invalid filter 'until=soon'");
  });
});
