import { beforeEach, describe, expect, it } from 'vitest';
import { TYPE } from './message.js';
import { wireName } from './name.js';
import { Records, type EndpointRecord } from './records.js';

let records: Records;

function endpoint(
  id: string,
  network: string,
  sandbox: string,
  names: string[],
  more: Partial<EndpointRecord>,
) {
  records.set({
    endpointId: id,
    networkId: `id-${network}`,
    networkName: network,
    sandboxId: sandbox,
    names,
    ...more,
  });
}

/** The last byte of each IPv4 address that `sandbox` gets for `name`. */
function asked(sandbox: string, name: string): number[] | undefined {
  const set = records.lookup(sandbox, wireName(name) ?? '', TYPE.A)?.a;
  return set && Array.from({ length: set.count }, (_, index) => set.bytes[index * 16 + 15] ?? -1);
}

beforeEach(() => {
  records = new Records();
  endpoint('e1', 'front', 's1', ['web', 'www'], { ipv4: '10.0.1.1' });
  endpoint('e2', 'front', 's2', ['db', 'www'], { ipv4: '10.0.1.2', ipv6: 'fd00::2' });
  endpoint('e3', 'back', 's2', ['db'], { ipv4: '10.0.2.3' });
  endpoint('e4', 'back', 's3', ['cache'], { ipv4: '10.0.2.4' });
});

describe('records', () => {
  it('are seen only on shared networks', () => {
    expect(asked('s1', 'web')).toEqual([1]);
    expect(asked('s1', 'db')).toEqual([2]);
    expect(asked('s1', 'cache')).toBeUndefined();
    expect(asked('s3', 'web')).toBeUndefined();
    expect(asked('s3', 'db')).toEqual([3]);
    expect(asked('s2', 'cache')).toEqual([4]);
    expect(asked('nobody', 'web')).toBeUndefined();
  });

  it('have a name with the network, also for who is on several', () => {
    expect(asked('s2', 'db.front')).toEqual([2]);
    expect(asked('s2', 'db.back')).toEqual([3]);
    expect(asked('s1', 'db.back')).toBeUndefined();
  });

  it('have all addresses of a shared alias', () => {
    expect(asked('s1', 'WWW')).toEqual([1, 2]);
    records.remove('e1');
    expect(asked('s2', 'www')).toEqual([2]);
    records.remove('e2');
    expect(asked('s2', 'www')).toBeUndefined();
  });

  it('change with the endpoint, which keeps its place', () => {
    endpoint('e2', 'front', 's2', ['sql'], { ipv4: '10.0.1.9' });
    expect(asked('s1', 'db')).toBeUndefined();
    expect(asked('s1', 'sql')).toEqual([9]);
    endpoint('e3', 'back', 's2', ['sql'], { ipv4: '10.0.2.3' });
    expect(asked('s2', 'sql')).toEqual([9]);
  });

  it('prefer the network that has the wanted type', () => {
    endpoint('e5', 'front', 's4', ['six'], { ipv4: '10.0.1.5' });
    endpoint('e6', 'back', 's4', ['six'], { ipv6: 'fd00::6' });
    const name = wireName('six') ?? '';
    expect(records.lookup('s2', name, TYPE.A)?.a.count).toBe(1);
    expect(records.lookup('s2', name, TYPE.AAAA)?.aaaa.count).toBe(1);
    expect(records.lookup('s1', name, TYPE.AAAA)?.aaaa.count).toBe(0);
  });

  it('leave nothing behind', () => {
    for (const id of ['e1', 'e2', 'e3', 'e4', 'e4']) records.remove(id);
    expect(asked('s1', 'web')).toBeUndefined();
    endpoint('e1', 'front', 's1', ['web'], { ipv4: '10.0.1.7' });
    expect(asked('s1', 'web')).toEqual([7]);
  });

  it('bear names that the DNS has no room for', () => {
    endpoint('e7', 'front', 's7', ['x'.repeat(70), 'a..b', '', 'fine'], { ipv4: '10.0.1.7' });
    expect(asked('s1', 'fine')).toEqual([7]);
    records.remove('e7');
    expect(asked('s1', 'fine')).toBeUndefined();
  });
});
