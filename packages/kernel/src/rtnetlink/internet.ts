import { isIPv4, isIPv6 } from 'node:net';
import { BerthError } from '@berth/core';
import type { Family } from './types.js';

/** include/linux/socket.h */
export const AF_UNSPEC = 0;
export const AF_INET = 2;
export const AF_BRIDGE = 7;
export const AF_INET6 = 10;

/** The family of a number of the kernel's, where it is one of the Internet's. */
export function familyOf(number: number): Family | undefined {
  return number === AF_INET ? 'inet' : number === AF_INET6 ? 'inet6' : undefined;
}

export function familyNumber(family: Family | undefined): number {
  return family === undefined ? AF_UNSPEC : family === 'inet' ? AF_INET : AF_INET6;
}

/**
 * The bytes of an address, and its family.
 *
 * @throws BerthError `invalid` for what is no address
 */
export function parseInternet(text: string): { family: Family; bytes: Buffer } {
  if (isIPv4(text)) return { family: 'inet', bytes: Buffer.from(text.split('.').map(Number)) };
  if (isIPv6(text) && !text.includes('%')) return { family: 'inet6', bytes: ipv6Bytes(text) };
  throw new BerthError('invalid', `"${text}" is no IP address`, { subject: text });
}

function ipv6Bytes(text: string): Buffer {
  const dotted = /^(.*:)(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(text);
  if (dotted !== null) {
    const [, head = '', a, b, c, d] = dotted;
    const group = (high?: string, low?: string): string => (Number(high) * 256 + Number(low)).toString(16);
    return ipv6Bytes(`${head}${group(a, b)}:${group(c, d)}`);
  }
  const [head = '', tail] = text.split('::');
  const groups = (part: string): number[] =>
    part === '' ? [] : part.split(':').map((group) => parseInt(group, 16));
  const [left, right] = [groups(head), groups(tail ?? '')];
  const middle = tail === undefined ? [] : new Array<number>(8 - left.length - right.length).fill(0);
  const bytes = Buffer.alloc(16);
  [...left, ...middle, ...right].forEach((group, index) => bytes.writeUInt16BE(group, index * 2));
  return bytes;
}

/**
 * An address as inet_ntop(3) writes it.
 *
 * @throws BerthError `internal` unless it has 4 or 16 bytes
 */
export function formatInternet(bytes: Buffer): string {
  if (bytes.length === 4) return bytes.join('.');
  if (bytes.length !== 16) throw new BerthError('internal', `an IP address of ${bytes.length} bytes`);
  const groups = Array.from({ length: 8 }, (_, index) => bytes.readUInt16BE(index * 2));
  const { start, length } = longestZeroRun(groups);
  // ::a.b.c.d and ::ffff:a.b.c.d are written with dots (glibc, resolv/inet_ntop.c).
  const dotted = start === 0 && (length === 6 || (length === 5 && groups[5] === 0xffff));
  if (dotted) return `::${length === 5 ? 'ffff:' : ''}${bytes.subarray(12).join('.')}`;
  const hex = (part: number[]): string => part.map((group) => group.toString(16)).join(':');
  if (length < 2) return hex(groups);
  return `${hex(groups.slice(0, start))}::${hex(groups.slice(start + length))}`;
}

function longestZeroRun(groups: readonly number[]): { start: number; length: number } {
  let best = { start: -1, length: 0 };
  let start = -1;
  groups.forEach((group, index) => {
    if (group !== 0) start = -1;
    else {
      if (start === -1) start = index;
      if (index - start + 1 > best.length) best = { start, length: index - start + 1 };
    }
  });
  return best;
}

/** `02:42:ac:11:00:02` */
export function formatHardware(bytes: Buffer): string {
  return bytes.toString('hex').replaceAll(/(..)(?!$)/g, '$1:');
}

/** @throws BerthError `invalid` unless it is six bytes in hex with colons */
export function parseHardware(text: string): Buffer {
  if (!/^([0-9a-f]{1,2}:){5}[0-9a-f]{1,2}$/i.test(text)) {
    throw new BerthError('invalid', `"${text}" is no hardware address; one looks like 02:42:ac:11:00:02`, {
      subject: text,
    });
  }
  return Buffer.from(text.split(':').map((byte) => parseInt(byte, 16)));
}
