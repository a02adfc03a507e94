import { BerthError } from '@berth/core';
import {
  bitsOf,
  contains,
  formatAddress,
  formatPrefix,
  lastOf,
  parseAddress,
  parsePrefix,
  type Address,
  type Family,
  type Prefix,
} from './address.js';

/** What a user says about a network's addresses, as text. */
export interface SubnetSpec {
  readonly subnet?: string;
  readonly ipRange?: string;
  readonly gateway?: string;
  /** Addresses that containers don't get, by name. */
  readonly auxiliaryAddresses?: Readonly<Record<string, string>>;
}

/** The same, checked. A plan without a subnet gets one from the default pools. */
export interface SubnetPlan {
  readonly family: Family;
  readonly subnet?: Prefix;
  /** Without a subnet: how long the one from the default pools shall be (`0.0.0.0/24`). */
  readonly length?: number;
  readonly range?: Prefix;
  readonly gateway?: Address;
  readonly auxiliary: Readonly<Record<string, Address>>;
}

/** Blocks that no network can live in, and why. */
const UNUSABLE: readonly [block: string, reason: string][] = [
  ['0.0.0.0/8', 'it is "this network" (RFC 1122)'],
  ['127.0.0.0/8', 'it is loopback (RFC 1122)'],
  ['224.0.0.0/4', 'it is multicast (RFC 5771)'],
  ['240.0.0.0/4', 'it is reserved (RFC 1112)'],
  ['::/96', 'it holds the unspecified and the loopback address (RFC 4291)'],
  ['::ffff:0:0/96', 'it stands for IPv4 addresses (RFC 4291)'],
  ['fe80::/10', 'it is for single links (RFC 4291)'],
  ['ff00::/8', 'it is multicast (RFC 4291)'],
];

/**
 * Checks what a user says about a network's addresses. Nothing is reserved.
 *
 * @throws BerthError `invalid` with what would be right
 */
export function planSubnet(spec: SubnetSpec): SubnetPlan {
  const auxiliaryTexts = Object.entries(spec.auxiliaryAddresses ?? {});
  if (spec.subnet === undefined) {
    const orphan =
      (spec.ipRange !== undefined && `ip-range ${spec.ipRange}`) ||
      (spec.gateway !== undefined && `gateway ${spec.gateway}`) ||
      (auxiliaryTexts[0] && `auxiliary address ${auxiliaryTexts[0][1]}`);
    if (orphan) throw invalid(`${orphan} needs a subnet that holds it`);
    return { family: 4, auxiliary: {} };
  }
  const subnet = parseBlock('subnet', spec.subnet);
  const { family } = subnet;
  if (subnet.base === 0n && subnet.length > 0) {
    // Docker's way to ask for a subnet of a size from the default pools.
    if (spec.ipRange !== undefined || spec.gateway !== undefined || auxiliaryTexts.length > 0)
      throw invalid(
        `subnet ${spec.subnet} leaves the choice to Berth: a range, gateway or address can't go with it`,
      );
    if (subnet.length > bitsOf(family) - 2) throw invalid(`subnet ${spec.subnet} has no room for containers`);
    return { family, length: subnet.length, auxiliary: {} };
  }
  checkUsable(subnet);
  const range = spec.ipRange === undefined ? undefined : parseBlock('ip-range', spec.ipRange);
  if (range !== undefined) checkRange(range, subnet);
  const gateway = spec.gateway === undefined ? undefined : addressInside('gateway', spec.gateway, subnet);
  const auxiliary = Object.fromEntries(
    auxiliaryTexts.map(([name, text]) => [name, addressInside('auxiliary address', text, subnet)]),
  );
  const named = [...(gateway === undefined ? [] : [gateway]), ...Object.values(auxiliary)].map(formatAddress);
  const twice = named.find((address, index) => named.indexOf(address) !== index);
  if (twice !== undefined) throw invalid(`Address already in use: ${twice} is given twice`);
  return { family, subnet, ...(range && { range }), ...(gateway && { gateway }), auxiliary };
}

/** The gateway of a network that names none: the first address of its subnet that nothing else was promised. */
export function defaultGateway(subnet: Prefix, auxiliary: Readonly<Record<string, Address>>): Address {
  const promised = new Set(Object.values(auxiliary).map((address) => address.value));
  const first = subnet.length >= bitsOf(subnet.family) - 1 ? subnet.base : subnet.base + 1n;
  let value = first;
  while (promised.has(value)) value += 1n;
  return { family: subnet.family, value };
}

function invalid(problem: string): BerthError {
  return new BerthError('invalid', `invalid network config: ${problem}`, { op: 'check network config' });
}

function parseBlock(kind: 'subnet' | 'ip-range', text: string): Prefix {
  const parsed = parsePrefix(text);
  if (parsed === undefined) {
    throw invalid(`invalid ${kind} ${text}: invalid CIDR block notation, it should look like 10.10.0.0/16`);
  }
  if (parsed.address.value !== parsed.prefix.base) {
    throw invalid(`invalid ${kind} ${text}: it should be ${formatPrefix(parsed.prefix)}`);
  }
  return parsed.prefix;
}

function checkUsable(subnet: Prefix): void {
  const text = formatPrefix(subnet);
  if (subnet.length >= bitsOf(subnet.family)) {
    throw invalid(
      `invalid subnet ${text}: it has no room for a gateway and a container, it should be a /31 or larger`,
    );
  }
  for (const [block, reason] of UNUSABLE) {
    const unusable = parsePrefix(block)?.prefix;
    if (unusable && (contains(unusable, asAddress(subnet)) || contains(subnet, asAddress(unusable)))) {
      throw invalid(`invalid subnet ${text}: containers can't use ${block}, ${reason}`);
    }
  }
}

function checkRange(range: Prefix, subnet: Prefix): void {
  const text = formatPrefix(range);
  const parent = `parent subnet ${formatPrefix(subnet)}`;
  if (range.length < subnet.length)
    throw invalid(`invalid ip-range ${text}: CIDR block is bigger than its ${parent}`);
  if (!contains(subnet, asAddress(range)))
    throw invalid(`invalid ip-range ${text}: ${parent} doesn't contain ip-range`);
}

function addressInside(kind: string, text: string, subnet: Prefix): Address {
  const address = parseAddress(text);
  if (address === undefined)
    throw invalid(`invalid ${kind} ${text}: invalid address, it should look like 10.10.0.1`);
  const parent = `parent subnet ${formatPrefix(subnet)}`;
  if (!contains(subnet, address))
    throw invalid(`invalid ${kind} ${text}: ${parent} doesn't contain this address`);
  // IPv6 has no broadcast address; its first is the routers' anycast one.
  const end = address.value === subnet.base || (subnet.family === 4 && address.value === lastOf(subnet));
  if (end && subnet.length < bitsOf(subnet.family) - 1) {
    throw invalid(`invalid ${kind} ${text}: it is the network or broadcast address of its ${parent}`);
  }
  return address;
}

function asAddress({ family, base }: Prefix): Address {
  return { family, value: base };
}
