import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatAddress, lastOf, parsePrefix, type Prefix } from './address.js';
import { LeasePool } from './lease-pool.js';

function block(text: string): Prefix {
  const parsed = parsePrefix(text);
  if (parsed === undefined) throw new Error(text);
  return parsed.prefix;
}
const shown = (value: bigint | undefined) => value !== undefined && formatAddress({ family: 4, value });

describe('a pool', () => {
  it('gives addresses in order, and none twice', () => {
    const pool = new LeasePool({ subnet: block('10.0.0.0/29') });
    expect(Array.from({ length: 7 }, () => shown(pool.lease()))).toEqual([
      '10.0.0.1',
      '10.0.0.2',
      '10.0.0.3',
      '10.0.0.4',
      '10.0.0.5',
      '10.0.0.6',
      false,
    ]);
  });

  it('gives both addresses of a /31, and all but the first of an IPv6 block', () => {
    const pair = new LeasePool({ subnet: block('10.0.0.0/31') });
    expect([shown(pair.lease()), shown(pair.lease()), pair.lease()]).toEqual([
      '10.0.0.0',
      '10.0.0.1',
      undefined,
    ]);
    const six = new LeasePool({ subnet: block('fd00::/126') });
    const values = Array.from({ length: 4 }, () => six.lease());
    expect(values.map((value) => value && formatAddress({ family: 6, value }))).toEqual([
      'fd00::1',
      'fd00::2',
      'fd00::3',
      undefined,
    ]);
  });

  it('gives what was freed just now last', () => {
    const pool = new LeasePool({ subnet: block('10.0.0.0/29') });
    for (let count = 0; count < 3; count += 1) pool.lease();
    pool.release(block('10.0.0.3/32').base);
    pool.release(block('10.0.0.1/32').base);
    expect(Array.from({ length: 5 }, () => shown(pool.lease()))).toEqual([
      '10.0.0.4',
      '10.0.0.5',
      '10.0.0.6',
      '10.0.0.3',
      '10.0.0.1',
    ]);
  });

  it('keeps dynamic leases in the range, and takes others by name', () => {
    const pool = new LeasePool({ subnet: block('10.0.0.0/24'), range: block('10.0.0.8/31') });
    expect(pool.leaseAddress(block('10.0.0.200/32').base)).toBe(true);
    expect(pool.leaseAddress(block('10.0.0.200/32').base)).toBe(false);
    expect(pool.leaseAddress(block('10.0.0.255/32').base)).toBe(false);
    expect([shown(pool.lease()), shown(pool.lease()), pool.lease()]).toEqual([
      '10.0.0.8',
      '10.0.0.9',
      undefined,
    ]);
  });

  it('is as quick in a /8 as in a /24', () => {
    const pool = new LeasePool({ subnet: block('10.0.0.0/8') });
    for (let count = 0; count < 1000; count += 1) pool.lease();
    expect(shown(pool.lease())).toBe('10.0.3.233');
  });
});

it('agrees with a list of all addresses, whatever is done', () => {
  const action = fc.oneof(
    fc.constant({ kind: 'lease' as const }),
    fc.record({ kind: fc.constant('name' as const), at: fc.integer({ min: 0, max: 15 }) }),
    fc.record({ kind: fc.constant('free' as const), at: fc.integer({ min: 0, max: 15 }) }),
  );
  fc.assert(
    fc.property(
      fc.constantFrom('10.0.0.0/28', '10.0.0.4/30', '10.0.0.8/29'),
      fc.array(action),
      (rangeText, actions) => {
        const subnet = block('10.0.0.0/28');
        const range = block(rangeText);
        const pool = new LeasePool({ subnet, range });
        const leased = new Set<bigint>();
        let freed: bigint[] = [];
        const isHost = (value: bigint) => value > subnet.base && value < lastOf(subnet);
        const inRange = (value: bigint) => isHost(value) && value >= range.base && value <= lastOf(range);
        for (const step of actions) {
          const address = 'at' in step ? subnet.base + BigInt(step.at) : 0n;
          if (step.kind === 'free') {
            pool.release(address);
            if (leased.delete(address) && inRange(address)) freed.push(address);
            continue;
          }
          if (step.kind === 'name') {
            expect(pool.leaseAddress(address)).toBe(isHost(address) && !leased.has(address));
            if (isHost(address)) leased.add(address);
            freed = freed.filter((value) => value !== address);
            continue;
          }
          const free: bigint[] = [];
          for (let value = range.base; value <= lastOf(range); value += 1n)
            if (inRange(value) && !leased.has(value)) free.push(value);
          const fresh = free.filter((value) => !freed.includes(value));
          const given = pool.lease();
          if (given === undefined) {
            expect(free).toEqual([]);
            continue;
          }
          if (fresh.length > 0) expect(fresh).toContain(given);
          else expect(given).toBe(freed[0]);
          leased.add(given);
          freed = freed.filter((value) => value !== given);
        }
      },
    ),
  );
});
