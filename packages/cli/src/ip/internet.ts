import { isIPv6 } from 'node:net';
import { IpFailure } from './failure.js';

export type Family = 'inet' | 'inet6';

/** An address with the length of its network's part, as typed. */
export interface Prefix {
  readonly family: Family;
  readonly address: string;
  readonly length: number;
  /** Whether a length was typed; without one it is the whole address. */
  readonly explicitLength: boolean;
}

/** Bits of an address. */
export function width(family: Family): number {
  return family === 'inet' ? 32 : 128;
}

/** The bytes of an address: 4 or 16. */
export function addressBytes(address: string): Buffer {
  if (!address.includes(':')) return Buffer.from(address.split('.').map(Number));
  const [head = '', tail] = ipv4Tail(address.split('%')[0] ?? '').split('::');
  const words = (text: string | undefined) => (text === undefined || text === '' ? [] : text.split(':'));
  const before = words(head);
  const after = words(tail);
  const zeros = Array.from({ length: 8 - before.length - after.length }, () => '0');
  const bytes = Buffer.alloc(16);
  [...before, ...zeros, ...after].forEach((word, at) =>
    bytes.writeUInt16BE(Number.parseInt(word, 16), at * 2),
  );
  return bytes;
}

/** `::ffff:1.2.3.4` with its last 32 bits as two hexadecimal words. */
function ipv4Tail(address: string): string {
  const dotted = /^(.*:)(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(address);
  if (dotted === null) return address;
  const [a = 0, b = 0, c = 0, d = 0] = dotted.slice(2).map(Number);
  return `${dotted[1] ?? ''}${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
}

/** An address as typed, in full; IPv4 may be cut short (`10.1` is 10.1.0.0). `undefined` if it is none of `family`. */
export function parseAddress(text: string, family?: Family): { family: Family; address: string } | undefined {
  if (text.includes(':')) {
    return family !== 'inet' && isIPv6(text) ? { family: 'inet6', address: text } : undefined;
  }
  if (family === 'inet6') return undefined;
  if (!/^\d{1,3}(\.\d{1,3}){0,3}$/.test(text)) return undefined;
  const bytes = text.split('.').map(Number);
  if (bytes.some((byte) => byte > 255)) return undefined;
  while (bytes.length < 4) bytes.push(0);
  return { family: 'inet', address: bytes.join('.') };
}

/** @throws IpFailure in `ip`'s words */
export function address(text: string, family?: Family): { family: Family; address: string } {
  const parsed = parseAddress(text, family);
  if (parsed === undefined) {
    throw new IpFailure(`Error: ${family ?? 'inet'} address is expected rather than "${text}".`, 1);
  }
  return parsed;
}

/** `10.0.0.1/24`, `10.0.0.1`, `default`; @throws IpFailure in `ip`'s words */
export function prefix(text: string, family?: Family): Prefix {
  if (text === 'default' || text === 'all' || text === 'any') {
    const any = family ?? 'inet';
    return { family: any, address: any === 'inet' ? '0.0.0.0' : '::', length: 0, explicitLength: true };
  }
  const [head = '', length, ...others] = text.split('/');
  const parsed = parseAddress(head, family);
  const wrong = new IpFailure(`Error: ${familyWord(family)} prefix is expected rather than "${text}".`, 1);
  if (parsed === undefined || others.length > 0) throw wrong;
  const bits = width(parsed.family);
  if (length === undefined) return { ...parsed, length: bits, explicitLength: false };
  const number = /^\d{1,3}$/.test(length) ? Number(length) : netmaskLength(length, parsed.family);
  if (number === undefined || number > bits) throw wrong;
  return { ...parsed, length: number, explicitLength: true };
}

function familyWord(family: Family | undefined): string {
  return family ?? 'any valid';
}

/** 255.255.0.0 is 16. */
function netmaskLength(text: string, family: Family): number | undefined {
  if (family !== 'inet' || !/^\d+(\.\d+){3}$/.test(text)) return undefined;
  const bits = [...addressBytes(text)].map((byte) => byte.toString(2).padStart(8, '0')).join('');
  return /^1*0*$/.test(bits) ? bits.indexOf('0') : undefined;
}

/** Whether the first `length` bits of two addresses of one family are the same. */
export function samePrefix(a: string, b: string, length: number): boolean {
  const left = addressBytes(a);
  const right = addressBytes(b);
  if (left.length !== right.length) return false;
  const whole = length >> 3;
  if (left.compare(right, 0, whole, 0, whole) !== 0) return false;
  const mask = (0xff00 >> (length & 7)) & 0xff;
  return mask === 0 || ((left[whole] ?? 0) & mask) === ((right[whole] ?? 0) & mask);
}

/** The last address of an IPv4 network, or with `-` its first: what `brd +` and `brd -` mean. */
export function broadcastOf(address: string, length: number, sign: '+' | '-'): string {
  const bytes = addressBytes(address);
  const host = length >= 32 ? 0 : 0xffff_ffff >>> length;
  const value = sign === '+' ? (bytes.readUInt32BE() | host) >>> 0 : (bytes.readUInt32BE() & ~host) >>> 0;
  bytes.writeUInt32BE(value);
  return bytes.join('.');
}
