import { mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { hostResolvers, parseNameservers } from './resolv-conf.js';

it('takes addresses of nameserver lines, three at most', () => {
  const text =
    '# nameserver 1.1.1.1\nsearch x\nnameserver 192.0.2.1\nnameserver\t2001:db8::1 # why\nnameserver nonsense\n';
  expect(parseNameservers(text)).toEqual(['192.0.2.1', '2001:db8::1']);
  expect(parseNameservers('nameserver 192.0.2.1\n'.repeat(5))).toHaveLength(3);
  expect(parseNameservers('')).toEqual([]);
});

it('sees a change at the next call, and a missing file as none', () => {
  const directory = mkdtempSync(join(tmpdir(), 'berth-resolv-'));
  const path = join(directory, 'resolv.conf');
  try {
    expect(hostResolvers(path)).toEqual([]);
    writeFileSync(path, 'nameserver 192.0.2.1\n');
    expect(hostResolvers(path)).toEqual(['192.0.2.1']);
    writeFileSync(path, 'nameserver 192.0.2.2\n');
    utimesSync(path, 1, 1);
    expect(hostResolvers(path)).toEqual(['192.0.2.2']);
  } finally {
    rmSync(directory, { recursive: true });
  }
});
