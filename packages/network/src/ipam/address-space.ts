import { createHash } from 'node:crypto';
import { BerthError } from '@berth/core';
import {
  bitsOf,
  formatAddress,
  formatPrefix,
  lastOf,
  overlaps,
  parsePrefix,
  sizeOf,
  type Family,
  type Prefix,
} from './address.js';

/** A block from which networks without a subnet of their own get one of `size` bits. */
export interface DefaultPool {
  readonly base: string;
  readonly size: number;
}

/** 172.17.0.0/16 … 172.31.0.0/16, then 192.168.0.0/16 in /20s: Docker's. */
export const DEFAULT_POOLS: readonly DefaultPool[] = [
  ...Array.from({ length: 15 }, (_, index) => ({ base: `172.${index + 17}.0.0/16`, size: 16 })),
  { base: '192.168.0.0/16', size: 20 },
];

/**
 * The IPv6 block of a host that is given none: a unique local /48 (RFC 4193, section 3.2.2: fd and a 40-bit global id),
 * the same at each start, in /64s.
 *
 * @param host tells this host from others
 */
export function uniqueLocalPool(host: string): DefaultPool {
  const id = createHash('sha256').update(`berth ${host}`).digest().readUIntBE(0, 5);
  const value = (0xfdn << 120n) | (BigInt(id) << 80n);
  return { base: `${formatAddress({ family: 6, value })}/48`, size: 64 };
}

/** Which subnets are taken, and which one comes next. No two taken subnets overlap. */
export class AddressSpace {
  readonly #pools: readonly { base: Prefix; size: number }[];
  readonly #taken = new Map<string, Prefix>();

  /** @throws BerthError `invalid` for a pool that is no block, or whose size does not fit into it */
  constructor(pools: readonly DefaultPool[] = DEFAULT_POOLS) {
    this.#pools = pools.map(({ base, size }) => {
      const parsed = parsePrefix(base);
      if (parsed?.address.value !== parsed?.prefix.base || parsed === undefined) {
        const hint = parsed === undefined ? 'ADDRESS/LENGTH' : formatPrefix(parsed.prefix);
        throw new BerthError('invalid', `invalid default address pool ${base}: it should be ${hint}`);
      }
      const most = bitsOf(parsed.prefix.family) - 2;
      if (!Number.isInteger(size) || size < parsed.prefix.length || size > most) {
        throw new BerthError(
          'invalid',
          `invalid size ${size} of default address pool ${base}: it should be ${parsed.prefix.length} to ${most}`,
        );
      }
      return { base: parsed.prefix, size };
    });
  }

  /** Whether there is any pool of that family. */
  has(family: Family): boolean {
    return this.#pools.some(({ base }) => base.family === family);
  }

  /**
   * Takes a subnet that somebody asked for.
   *
   * @throws BerthError `forbidden` if another network's overlaps it
   */
  take(subnet: Prefix): void {
    for (const other of this.#taken.values()) {
      if (overlaps(subnet, other)) {
        const wanted = formatPrefix(subnet);
        throw new BerthError(
          'forbidden',
          `Pool overlaps with other one on this address space: ${wanted} with ${formatPrefix(other)}`,
          { op: 'reserve subnet', subject: wanted },
        );
      }
    }
    this.#taken.set(formatPrefix(subnet), subnet);
  }

  /**
   * Takes the first subnet of the default pools that overlaps neither a taken one nor one to `avoid`.
   *
   * @param avoid the host's routes
   * @param length of the subnet; default: the pool's own
   * @throws BerthError `exhausted`
   */
  takeNext(family: Family, avoid: readonly Prefix[], length?: number): Prefix {
    const blocked = [...this.#taken.values(), ...avoid].filter((other) => other.family === family);
    for (const { base, size: usual } of this.#pools) {
      const size = length ?? usual;
      if (base.family !== family || size < base.length) continue;
      const step = sizeOf({ ...base, length: size });
      let candidate: Prefix = { ...base, length: size };
      while (candidate.base <= lastOf(base)) {
        const current = candidate;
        const obstacle = blocked.find((other) => overlaps(current, other));
        if (obstacle === undefined) {
          this.#taken.set(formatPrefix(candidate), candidate);
          return candidate;
        }
        // Straight to the first candidate behind the obstacle: each obstacle is met once, however many candidates it covers.
        const behind = lastOf(obstacle) > lastOf(candidate) ? lastOf(obstacle) : lastOf(candidate);
        candidate = { ...candidate, base: base.base + ((behind - base.base) / step + 1n) * step };
      }
    }
    throw new BerthError(
      'exhausted',
      `all predefined IPv${family} address pools have been fully subnetted: give the network a subnet, remove unused networks, ` +
        'or start the daemon with more pools (--default-address-pool)',
    );
  }

  /** Gives a subnet back; one that isn't taken is ignored. */
  release(subnet: Prefix): void {
    this.#taken.delete(formatPrefix(subnet));
  }
}
