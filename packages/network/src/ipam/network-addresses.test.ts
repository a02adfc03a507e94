import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { contains, formatAddress, lastOf, parseAddress, parsePrefix, type Family } from './address.js';
import { NetworkAddresses } from './network-addresses.js';

const block = (text: string) => {
  const parsed = parsePrefix(text);
  if (parsed === undefined) throw new Error(text);
  return parsed.prefix;
};
/** Leases `count` addresses; `none` where there is none. */
const lease = (addresses: NetworkAddresses, family: Family, count: number) =>
  Array.from({ length: count }, () => addresses.lease(family)?.address ?? 'none');

describe('a network with several subnets', () => {
  const addresses = () =>
    new NetworkAddresses([
      { subnet: '10.0.0.0/30', gateway: '10.0.0.1' },
      { subnet: 'fd00::/126', gateway: 'fd00::1' },
      { subnet: '10.9.0.0/29', gateway: '10.9.0.6', auxiliaryAddresses: { printer: '10.9.0.2' } },
      { subnet: 'fd00:9::/64', ipRange: 'fd00:9::f0/127' },
    ]);

  it('gives addresses of the second when the first is full, in each family', () => {
    const all = addresses();
    expect(lease(all, 4, 5)).toEqual(['10.0.0.2', '10.9.0.1', '10.9.0.3', '10.9.0.4', '10.9.0.5']);
    expect(lease(all, 4, 1)).toEqual(['none']);
    expect(lease(all, 6, 5)).toEqual(['fd00::2', 'fd00::3', 'fd00:9::f0', 'fd00:9::f1', 'none']);
    all.release('10.0.0.2');
    expect(all.lease(4)).toEqual({ address: '10.0.0.2', prefixLength: 30 });
  });

  it('knows each subnet’s gateway and length', () => {
    const all = addresses();
    expect(all.prefixes(4)).toEqual([block('10.0.0.0/30'), block('10.9.0.0/29')]);
    expect([all.has(4), all.has(6)]).toEqual([true, true]);
    expect(all.gatewayFor('10.9.0.3')).toBe('10.9.0.6');
    expect(all.gatewayFor('fd00::3')).toBe('fd00::1');
    expect(all.gatewayFor('fd00:9::7')).toBeUndefined();
    expect(all.gatewayFor('10.1.0.1')).toBeUndefined();
    expect(all.leaseAddress('fd00:9::7', 'one')).toEqual({ address: 'fd00:9::7', prefixLength: 64 });
  });

  it('tells how full each is, gateways and auxiliary addresses included', () => {
    const all = addresses();
    lease(all, 4, 2);
    all.leaseAddress('fd00:9::7', 'one');
    expect(all.status()).toEqual([
      { subnet: '10.0.0.0/30', used: 2n, available: 0n },
      { subnet: 'fd00::/126', used: 1n, available: 2n },
      { subnet: '10.9.0.0/29', used: 3n, available: 3n },
      { subnet: 'fd00:9::/64', used: 1n, available: 2n },
    ]);
  });

  it('says why an address can’t be had', () => {
    const all = addresses();
    expect(all.leaseAddress('10.0.0.1', 'one')).toBe('taken');
    expect(all.leaseAddress('10.9.0.2', 'one')).toBe('taken');
    expect(all.leaseAddress('10.9.0.7', 'one')).toBe('taken');
    expect(all.leaseAddress('10.1.0.1', 'one')).toBe('outside');
    expect(all.leaseAddress('ten', 'one')).toBe('no address');
    expect(all.reserve('10.1.0.1', 'one')).toBe('outside');
  });

  it('takes an address in any way of writing it', () => {
    const all = addresses();
    expect(all.leaseAddress('FD00:0009:0:0::0007', 'one')).toMatchObject({ address: 'fd00:9::7' });
    expect(all.leaseAddress('fd00:9::7', 'two')).toBe('taken');
    all.release('fd00:9:0::7');
    expect(all.reserve('fd00:9::0:7', 'two')).toBeUndefined();
    expect(all.reservedFor('fd00:9::7')).toBe('two');
  });
});

describe('a reservation', () => {
  const addresses = () => new NetworkAddresses([{ subnet: '10.0.0.0/29', gateway: '10.0.0.1' }]);

  it('keeps an address for its owner, whether that has it or not', () => {
    const all = addresses();
    expect(all.reserve('10.0.0.2', 'one')).toBeUndefined();
    expect(all.reserve('10.0.0.2', 'one')).toBeUndefined();
    expect(all.reserve('10.0.0.2', 'two')).toBe('taken');
    expect(lease(all, 4, 4)).toEqual(['10.0.0.3', '10.0.0.4', '10.0.0.5', '10.0.0.6']);
    expect(all.leaseAddress('10.0.0.2', 'two')).toBe('taken');
    expect(all.leaseAddress('10.0.0.2', 'one')).toMatchObject({ address: '10.0.0.2' });
    all.release('10.0.0.2');
    expect(lease(all, 4, 1)).toEqual(['none']);
    expect(all.leaseAddress('10.0.0.2', 'one')).toMatchObject({ address: '10.0.0.2' });
  });

  it('ends with the address free, or still its owner’s who uses it', () => {
    const all = addresses();
    all.reserve('10.0.0.2', 'one');
    all.unreserve('10.0.0.2', true);
    expect(all.reservedFor('10.0.0.2')).toBeUndefined();
    expect(all.leaseAddress('10.0.0.2', 'two')).toBe('taken');
    all.release('10.0.0.2');
    expect(all.leaseAddress('10.0.0.2', 'two')).toMatchObject({ address: '10.0.0.2' });
    all.unreserve('10.0.0.2', false);
    expect(all.leaseAddress('10.0.0.2', 'three')).toBe('taken');
  });

  it('of an address that somebody has is refused', () => {
    const all = addresses();
    all.leaseAddress('10.0.0.2', 'one');
    expect(all.reserve('10.0.0.2', 'two')).toBe('taken');
    expect(all.reserve('10.0.0.1', 'two')).toBe('taken');
  });
});

it.each(['10.0.0.0/8', '10.0.0.0/20', 'fd00::/64', '10.0.0.0/22'])(
  'gives a thousand of %s, each once, and all of them again',
  (subnet) => {
    const all = new NetworkAddresses([{ subnet }]);
    const { family } = block(subnet);
    const given = lease(all, family, 1000);
    expect(new Set(given).size).toBe(1000);
    expect(given).not.toContain('none');
    for (const address of given) all.release(address);
    expect(all.status()[0]?.used).toBe(0n);
    expect(new Set(lease(all, family, 1000)).size).toBe(1000);
  },
);

/** As naive as can be: every address of the network in a list. */
class Model {
  readonly hosts: string[];
  readonly leased = new Map<string, string>();
  readonly reserved = new Map<string, string>();
  /** Oldest first. */
  freed: string[] = [];

  constructor(readonly config: readonly { subnet: string; gateway: string; ipRange?: string }[]) {
    this.hosts = config.flatMap(({ subnet, gateway }) => {
      const prefix = block(subnet);
      const { family, base } = prefix;
      const all: string[] = [];
      for (let value = base + 1n; value <= lastOf(prefix) - (family === 4 ? 1n : 0n); value += 1n)
        all.push(formatAddress({ family, value }));
      return all.filter((address) => address !== gateway);
    });
  }

  isFree(address: string): boolean {
    return this.hosts.includes(address) && !this.leased.has(address) && !this.reserved.has(address);
  }

  /** What may be given to who asks for none by name; of the first subnet that has any. */
  candidates(family: Family): string[] {
    for (const { subnet, ipRange = subnet } of this.config) {
      const range = block(ipRange);
      if (range.family !== family) continue;
      const free = this.hosts.filter((text) => {
        const address = parseAddress(text);
        return address !== undefined && contains(range, address) && this.isFree(text);
      });
      const fresh = free.filter((address) => !this.freed.includes(address));
      if (fresh.length > 0) return fresh;
      if (free.length > 0) return this.freed.filter((address) => free.includes(address)).slice(0, 1);
    }
    return [];
  }

  take(address: string, owner: string): void {
    this.leased.set(address, owner);
    this.freed = this.freed.filter((other) => other !== address);
  }

  /** An address that is nobody's any more comes last. */
  settle(address: string): void {
    this.freed = this.freed.filter((other) => other !== address);
    this.freed.push(address);
  }
}

it('agrees with a list of all addresses, whatever is done', () => {
  const config = [
    { subnet: '10.0.0.0/29', gateway: '10.0.0.1' },
    { subnet: 'fd00::/125', gateway: 'fd00::1' },
    { subnet: '10.9.0.0/29', gateway: '10.9.0.6', ipRange: '10.9.0.4/30' },
    { subnet: 'fd00:9::/126', gateway: 'fd00:9::3' },
  ];
  const { hosts } = new Model(config);
  const address = fc.constantFrom(...hosts, '10.0.0.1', '10.0.0.7', 'fd00:9::3', '10.1.0.1');
  const owner = fc.constantFrom('one', 'two');
  const kind = fc.constantFrom('lease', 'leaseAddress', 'release', 'reserve', 'unreserve');
  const step = fc.record({ kind, address, owner, family: fc.constantFrom<Family>(4, 6) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
      const all = new NetworkAddresses(config);
      const model = new Model(config);
      for (const { kind: what, address: text, owner: who, family } of steps) {
        const reservedFor = model.reserved.get(text);
        if (what === 'lease') {
          const given = all.lease(family)?.address;
          const candidates = model.candidates(family);
          if (given === undefined) expect(candidates).toEqual([]);
          else {
            expect(candidates).toContain(given);
            model.take(given, who);
          }
        } else if (what === 'leaseAddress') {
          // The owner of a reservation has it once: the manager attaches a sandbox once to a network.
          const possible = reservedFor === who || model.isFree(text);
          expect(typeof all.leaseAddress(text, who) === 'object').toBe(possible);
          if (possible) model.take(text, who);
        } else if (what === 'release') {
          // What was never given out is never given back.
          if (!hosts.includes(text)) continue;
          all.release(text);
          if (model.leased.delete(text) && reservedFor === undefined) model.settle(text);
        } else if (what === 'reserve') {
          const possible = reservedFor === who || model.isFree(text);
          expect(all.reserve(text, who) === undefined).toBe(possible);
          if (possible) {
            model.reserved.set(text, who);
            model.freed = model.freed.filter((other) => other !== text);
          }
        } else {
          const inUse = model.leased.has(text);
          all.unreserve(text, inUse);
          if (model.reserved.delete(text) && !inUse) model.settle(text);
        }
        expect(all.reservedFor(text)).toBe(model.reserved.get(text));
      }
      const used = new Set([...model.leased.keys(), ...model.reserved.keys()]);
      const sum = all.status().reduce((total, status) => total + status.used, 0n);
      expect(sum).toBe(BigInt(used.size + config.length));
    }),
  );
});
