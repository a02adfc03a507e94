import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { registryAuth, registryOf } from './registry-credentials.js';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'berth-docker-'));
  const auth = Buffer.from('anna:se:cret').toString('base64');
  writeFileSync(join(folder, 'config.json'), JSON.stringify({ auths: { 'localhost:5000': { auth } } }));
});
afterAll(() => rmSync(folder, { recursive: true }));

const decoded = (image: string) =>
  JSON.parse(Buffer.from(registryAuth(image, folder), 'base64url').toString()) as unknown;

describe('credentials', () => {
  it.each([
    ['busybox', 'https://index.docker.io/v1/'],
    ['library/busybox', 'https://index.docker.io/v1/'],
    ['localhost:5000/busybox', 'localhost:5000'],
    ['registry.example/a/b:1', 'registry.example'],
    ['localhost/x', 'localhost'],
  ])('of %s are those of %s', (image, registry) => expect(registryOf(image)).toBe(registry));

  it('are what docker login has stored', () => {
    expect(decoded('localhost:5000/x')).toEqual({
      username: 'anna',
      password: 'se:cret',
      serveraddress: 'localhost:5000',
    });
    expect(decoded('busybox')).toEqual({ serveraddress: 'https://index.docker.io/v1/' });
    expect(registryAuth('busybox', '/nowhere')).not.toBe('');
  });
});
