import { isIP } from 'node:net';

/** 4 or 6. */
export type Family = 4 | 6;

/** An IP address as a number, so that IPv4 and IPv6 share all arithmetic. */
export interface Address {
  readonly family: Family;
  readonly value: bigint;
}

/** A block of addresses; no host bits are set in `base`. */
export interface Prefix {
  readonly family: Family;
  readonly base: bigint;
  readonly length: number;
}

/** Bits of an address: 32 or 128. */
export function bitsOf(family: Family): number {
  return family === 4 ? 32 : 128;
}

/** The address that `text` writes, or undefined if it writes none. Zone ids (`%eth0`) are not accepted. */
export function parseAddress(text: string): Address | undefined {
  if (text.includes('%')) return undefined;
  switch (isIP(text)) {
    case 4:
      return { family: 4, value: joinGroups(text.split('.').map(Number), 8n) };
    case 6:
      return { family: 6, value: joinGroups(groupsOfIPv6(text), 16n) };
    default:
      return undefined;
  }
}

/** The usual text of an address (for IPv6 that of RFC 5952, section 4). */
export function formatAddress({ family, value }: Address): string {
  if (family === 4) return splitGroups(value, 8n, 4).join('.');
  const groups = splitGroups(value, 16n, 8);
  const { start, length } = longestZeroRun(groups);
  const hex = (part: number[]) => part.map((group) => group.toString(16)).join(':');
  if (length < 2) return hex(groups);
  return `${hex(groups.slice(0, start))}::${hex(groups.slice(start + length))}`;
}

/**
 * What `text` (`address/length`) writes: the block, and the address as it was given, host bits included.
 * Undefined if it writes none.
 */
export function parsePrefix(text: string): { prefix: Prefix; address: Address } | undefined {
  const match = /^([^/]+)\/(0|[1-9]\d{0,2})$/.exec(text);
  const address = parseAddress(match?.[1] ?? '');
  const length = Number(match?.[2]);
  if (address === undefined || length > bitsOf(address.family)) return undefined;
  return { prefix: prefixOf(address, length), address };
}

/** The block of `length` bits that holds `address`. */
export function prefixOf(address: Address, length: number): Prefix {
  const hostBits = BigInt(bitsOf(address.family) - length);
  return { family: address.family, base: (address.value >> hostBits) << hostBits, length };
}

export function formatPrefix({ family, base, length }: Prefix): string {
  return `${formatAddress({ family, value: base })}/${length}`;
}

/** How many addresses a block has. */
export function sizeOf(prefix: Prefix): bigint {
  return 1n << BigInt(bitsOf(prefix.family) - prefix.length);
}

/** The last address of a block. */
export function lastOf(prefix: Prefix): bigint {
  return prefix.base + sizeOf(prefix) - 1n;
}

export function contains(prefix: Prefix, { family, value }: Address): boolean {
  return family === prefix.family && value >= prefix.base && value <= lastOf(prefix);
}

export function overlaps(one: Prefix, other: Prefix): boolean {
  return one.family === other.family && one.base <= lastOf(other) && other.base <= lastOf(one);
}

/** The broadcast address of the IPv4 subnet that `address` is in; one of two addresses or fewer has none (RFC 3021). */
export function broadcastOf(address: string, prefixLength: number): string | undefined {
  const parsed = parseAddress(address);
  if (parsed?.family !== 4 || prefixLength >= 31) return undefined;
  return formatAddress({ family: 4, value: lastOf(prefixOf(parsed, prefixLength)) });
}

function joinGroups(groups: readonly number[], bits: bigint): bigint {
  return groups.reduce((value, group) => (value << bits) | BigInt(group), 0n);
}

function splitGroups(value: bigint, bits: bigint, count: number): number[] {
  const mask = (1n << bits) - 1n;
  return Array.from({ length: count }, (_, index) =>
    Number((value >> (bits * BigInt(count - 1 - index))) & mask),
  );
}

/** The eight groups of a text that `isIP` has accepted, `::` and a dotted tail (RFC 4291, section 2.2) resolved. */
function groupsOfIPv6(text: string): number[] {
  const side = (part: string): number[] =>
    part === ''
      ? []
      : part.split(':').flatMap((group) => {
          if (!group.includes('.')) return [Number.parseInt(group, 16)];
          const [a = 0, b = 0, c = 0, d = 0] = group.split('.').map(Number);
          return [a * 256 + b, c * 256 + d];
        });
  const [left = '', right] = text.split('::');
  if (right === undefined) return side(left);
  const head = side(left);
  const tail = side(right);
  return [...head, ...new Array<number>(8 - head.length - tail.length).fill(0), ...tail];
}

function longestZeroRun(groups: readonly number[]): { start: number; length: number } {
  let best = { start: 0, length: 0 };
  let start = 0;
  for (let index = 0; index <= groups.length; index += 1) {
    if (groups[index] === 0) continue;
    if (index - start > best.length) best = { start, length: index - start };
    start = index + 1;
  }
  return best;
}
