import { lastOf, type Prefix } from './address.js';

/** How many freed addresses are kept back before they are given out again like any other. */
const RECENTLY_FREED_LIMIT = 1024;

export interface LeasePoolOptions {
  readonly subnet: Prefix;
  /** Dynamic leases come from here only; any address of the subnet can be asked for by name. */
  readonly range?: Prefix;
}

/**
 * The addresses of one subnet. Memory grows with the leases, not with the subnet.
 *
 * Reuse is fair: dynamic leases walk through the range, and what was freed lately is passed over as long as
 * anything else is free, so that a peer's stale neighbour or connection entry for a just-freed address has time to age.
 */
export class LeasePool {
  readonly #first: bigint;
  readonly #last: bigint;
  readonly #rangeFirst: bigint;
  readonly #rangeLast: bigint;
  readonly #leased = new Set<bigint>();
  /** Oldest first; only free addresses of the range. */
  readonly #recentlyFreed = new Set<bigint>();
  #leasedInRange = 0n;
  #next: bigint;

  constructor({ subnet, range = subnet }: LeasePoolOptions) {
    // The all-zeros and all-ones addresses of an IPv4 subnet are not hosts' (RFC 1122, section 3.2.1.3), except in a
    // /31, where both are (RFC 3021); in IPv6 the all-zeros one is the routers' anycast address (RFC 4291, section 2.6.1).
    const pair = sizeBits(subnet) <= 1;
    this.#first = pair ? subnet.base : subnet.base + 1n;
    this.#last = pair || subnet.family === 6 ? lastOf(subnet) : lastOf(subnet) - 1n;
    this.#rangeFirst = range.base > this.#first ? range.base : this.#first;
    this.#rangeLast = lastOf(range) < this.#last ? lastOf(range) : this.#last;
    this.#next = this.#rangeFirst;
  }

  /** How many addresses are leased. */
  get used(): bigint {
    return BigInt(this.#leased.size);
  }

  /** How many can still be leased without being asked for by name. */
  get available(): bigint {
    const free = this.#rangeLast - this.#rangeFirst + 1n - this.#leasedInRange;
    return free > 0n ? free : 0n;
  }

  /** Leases an address of the pool's choice; undefined when none is left. */
  lease(): bigint | undefined {
    const free = this.available;
    if (free === 0n) return undefined;
    const [oldest] = this.#recentlyFreed;
    let address = this.#next;
    if (oldest !== undefined && free === BigInt(this.#recentlyFreed.size)) {
      address = oldest;
    } else {
      while (this.#leased.has(address) || this.#recentlyFreed.has(address)) address = this.#after(address);
    }
    this.#next = this.#after(address);
    this.#take(address);
    return address;
  }

  /** Leases that address. False if it is leased already or is no host's. */
  leaseAddress(address: bigint): boolean {
    if (address < this.#first || address > this.#last || this.#leased.has(address)) return false;
    this.#take(address);
    return true;
  }

  /** Gives an address back; one that isn't leased is ignored. */
  release(address: bigint): void {
    if (!this.#leased.delete(address) || !this.#inRange(address)) return;
    this.#leasedInRange -= 1n;
    this.#recentlyFreed.add(address);
    if (this.#recentlyFreed.size <= RECENTLY_FREED_LIMIT) return;
    const [oldest] = this.#recentlyFreed;
    if (oldest !== undefined) this.#recentlyFreed.delete(oldest);
  }

  /** Continues after `address`, as if it had been the last dynamic lease: for a pool that is filled from a store. */
  continueAfter(address: bigint): void {
    if (this.#inRange(address)) this.#next = this.#after(address);
  }

  #take(address: bigint): void {
    this.#leased.add(address);
    this.#recentlyFreed.delete(address);
    if (this.#inRange(address)) this.#leasedInRange += 1n;
  }

  #inRange(address: bigint): boolean {
    return address >= this.#rangeFirst && address <= this.#rangeLast;
  }

  #after(address: bigint): bigint {
    return address >= this.#rangeLast ? this.#rangeFirst : address + 1n;
  }
}

function sizeBits(prefix: Prefix): number {
  return (prefix.family === 4 ? 32 : 128) - prefix.length;
}
