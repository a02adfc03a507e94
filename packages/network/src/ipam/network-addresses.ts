import type { EndpointAddress, PoolStatus } from '../model.js';
import type { SubnetRecord } from '../records.js';
import {
  contains,
  formatAddress,
  formatPrefix,
  parseAddress,
  parsePrefix,
  type Address,
  type Family,
  type Prefix,
} from './address.js';
import { LeasePool } from './lease-pool.js';

interface Subnet {
  readonly prefix: Prefix;
  readonly gateway: string | undefined;
  readonly pool: LeasePool;
}

/** Why an address can't be had. */
export type Refusal = 'no address' | 'outside' | 'taken';

/** All subnets of one network: who asks gets an address of the first that has one. */
export class NetworkAddresses {
  readonly #subnets: readonly Subnet[];
  /** Addresses that are kept for an owner whether it is there or not. */
  readonly #reserved = new Map<string, string>();

  constructor(config: readonly SubnetRecord[]) {
    this.#subnets = config.flatMap((record) => {
      const prefix = parsePrefix(record.subnet)?.prefix;
      if (prefix === undefined) return [];
      const range = parsePrefix(record.ipRange ?? '')?.prefix;
      const pool = new LeasePool({ subnet: prefix, ...(range && { range }) });
      // Gateway and auxiliary addresses are nobody's to have.
      for (const text of [record.gateway ?? '', ...Object.values(record.auxiliaryAddresses ?? {})]) {
        const address = parseAddress(text);
        if (address !== undefined) pool.leaseAddress(address.value);
      }
      return [{ prefix, gateway: record.gateway, pool }];
    });
  }

  has(family: Family): boolean {
    return this.#subnets.some(({ prefix }) => prefix.family === family);
  }

  prefixes(family: Family): Prefix[] {
    return this.#subnets.map(({ prefix }) => prefix).filter((prefix) => prefix.family === family);
  }

  /** The gateway of the subnet that an address is in. */
  gatewayFor(text: string): string | undefined {
    const found = this.#find(text);
    return typeof found === 'string' ? undefined : found.subnet.gateway;
  }

  /** An address of the network's choice; undefined when none is left. */
  lease(family: Family): EndpointAddress | undefined {
    for (const subnet of this.#subnets) {
      if (subnet.prefix.family !== family) continue;
      const value = subnet.pool.lease();
      if (value !== undefined) return endpointAddress(subnet, { family, value });
    }
    return undefined;
  }

  /**
   * That address.
   *
   * @param owner whose reservation of it holds
   */
  leaseAddress(text: string, owner: string): EndpointAddress | Refusal {
    const found = this.#find(text);
    if (typeof found === 'string') return found;
    const { subnet, address } = found;
    const reservedFor = this.#reserved.get(formatAddress(address));
    if (reservedFor === owner) return endpointAddress(subnet, address);
    return subnet.pool.leaseAddress(address.value) ? endpointAddress(subnet, address) : 'taken';
  }

  /** Gives an address back; one that is reserved stays with its owner. */
  release(text: string): void {
    const found = this.#find(text);
    if (typeof found === 'string' || this.#reserved.has(formatAddress(found.address))) return;
    found.subnet.pool.release(found.address.value);
  }

  /** Keeps an address for an owner until {@link unreserve}; undefined where that is so now. */
  reserve(text: string, owner: string): Refusal | undefined {
    const found = this.#find(text);
    if (typeof found === 'string') return found;
    const key = formatAddress(found.address);
    const other = this.#reserved.get(key);
    if (other !== undefined) return other === owner ? undefined : 'taken';
    if (!found.subnet.pool.leaseAddress(found.address.value)) return 'taken';
    this.#reserved.set(key, owner);
    return undefined;
  }

  /** Whose reservation an address is. */
  reservedFor(text: string): string | undefined {
    const address = parseAddress(text);
    return address && this.#reserved.get(formatAddress(address));
  }

  /** Ends a reservation; the address is free then, unless `inUse`. */
  unreserve(text: string, inUse: boolean): void {
    const found = this.#find(text);
    if (typeof found === 'string' || !this.#reserved.delete(formatAddress(found.address))) return;
    if (!inUse) found.subnet.pool.release(found.address.value);
  }

  /** As if the address had been the last that was given out: for what is read from a store. */
  continueAfter(text: string): void {
    const found = this.#find(text);
    if (typeof found !== 'string') found.subnet.pool.continueAfter(found.address.value);
  }

  status(): PoolStatus[] {
    return this.#subnets.map(({ prefix, pool }) => ({
      subnet: formatPrefix(prefix),
      used: pool.used,
      available: pool.available,
    }));
  }

  #find(text: string): { subnet: Subnet; address: Address } | 'no address' | 'outside' {
    const address = parseAddress(text);
    if (address === undefined) return 'no address';
    const subnet = this.#subnets.find(({ prefix }) => contains(prefix, address));
    return subnet === undefined ? 'outside' : { subnet, address };
  }
}

function endpointAddress({ prefix }: Subnet, address: Address): EndpointAddress {
  return { address: formatAddress(address), prefixLength: prefix.length };
}
