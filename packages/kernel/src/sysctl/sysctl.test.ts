import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { NetworkNamespace, inNamespace } from '../namespace/index.js';
import { readSysctl, writeSysctl } from './index.js';

let directory: string;
let path: string;
let namespace: NetworkNamespace;

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'berth-sysctl-'));
  path = join(directory, 'netns');
  namespace = NetworkNamespace.create(path);
});

afterAll(() => {
  namespace.close();
  NetworkNamespace.remove(path);
  rmSync(directory, { recursive: true });
});

it('reads and writes what belongs to the namespace of the call, by either spelling', () => {
  const outside = readSysctl('net.ipv4.ip_default_ttl');
  inNamespace(namespace, () => {
    writeSysctl('net.ipv4.ip_default_ttl', 33);
    expect(readSysctl('net/ipv4/ip_default_ttl')).toBe('33');
    writeSysctl('net/ipv4/conf/lo/route_localnet', '1');
    expect(readSysctl('net.ipv4.conf.lo.route_localnet')).toBe('1');
  });
  expect(readSysctl('net.ipv4.ip_default_ttl')).toBe(outside);
});

it('tells what the kernel lacks from what it refuses', () => {
  inNamespace(namespace, () => {
    expect(readSysctl('net.ipv4.no_such_thing')).toBeUndefined();
    expect(() => writeSysctl('net.ipv4.no_such_thing', 1)).toThrow(
      expect.objectContaining({
        code: 'unsupported',
        message: 'this kernel has no sysctl net.ipv4.no_such_thing',
      }),
    );
    expect(() => writeSysctl('net.ipv4.ip_default_ttl', 'many')).toThrow(
      expect.objectContaining({ code: 'invalid', subject: 'net.ipv4.ip_default_ttl' }),
    );
  });
});
