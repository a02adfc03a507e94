import { isIPv4, isIPv6 } from 'node:net';
import { BerthError } from '@berth/core';

/** Bytes of a label, RFC 1035 section 2.3.4. */
export const MAX_LABEL = 63;
/** Bytes of a whole name with its length octets and the root label, RFC 1035 section 2.3.4. */
export const MAX_NAME = 255;

/**
 * A name as it stands in a message (length octets, labels, root), ASCII letters lower-cased, one character a
 * byte. It is what the index is keyed by, so that a question needs no decoding into text. Length octets are
 * at most 63 and so never mistaken for the letters A to Z (65 to 90).
 */
export type WireName = string;

/**
 * The wire form of a dotted name, letters as given.
 *
 * @returns undefined for what can't be a name in the DNS: empty, an empty label, a label above 63 bytes, a
 *   name above 255 bytes
 */
export function encodeName(text: string): Buffer | undefined {
  const out = Buffer.allocUnsafe(MAX_NAME);
  let at = 0;
  for (const label of (text.endsWith('.') ? text.slice(0, -1) : text).split('.')) {
    const length = Buffer.byteLength(label);
    if (length === 0 || length > MAX_LABEL || at + length + 2 > MAX_NAME) return undefined;
    out[at] = length;
    at += 1 + out.write(label, at + 1);
  }
  out[at] = 0;
  return Buffer.from(out.subarray(0, at + 1));
}

/**
 * Checks a name that a container is to be found by.
 *
 * @param kind what it is, in the message: `alias`
 * @throws BerthError `invalid` with what would be right
 */
export function checkDnsName(kind: string, text: string): void {
  const good = /^[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?$/i.test(text) && encodeName(text) !== undefined;
  if (good) return;
  throw new BerthError(
    'invalid',
    `invalid ${kind} "${text}": it should be made of letters, digits, "-", "_" and ".", ` +
      `begin and end with a letter or digit, and have at most ${MAX_LABEL} characters between dots`,
    { subject: text },
  );
}

/** The index key of a dotted name; undefined as for {@link encodeName}. */
export function wireName(text: string): WireName | undefined {
  const encoded = encodeName(text);
  return encoded && wireNameAt(encoded, 0, encoded.length);
}

/** The index key of the name at `start` … `end` of a message; the caller has checked its shape. */
export function wireNameAt(message: Buffer, start: number, end: number): WireName {
  let folded: Buffer | undefined;
  for (let at = start; at < end; at++) {
    const byte = message[at] ?? 0;
    if (byte < 0x41 || byte > 0x5a) continue;
    folded ??= Buffer.from(message.subarray(start, end));
    folded[at - start] = byte + 0x20;
  }
  return folded ? folded.toString('latin1') : message.toString('latin1', start, end);
}

/**
 * Where an uncompressed name ends (the offset after its root label), or -1 if it is cut off, longer than 255
 * bytes or has a compression pointer: in a question there is nothing yet that a pointer could mean.
 */
export function endOfPlainName(message: Buffer, start: number, end: number): number {
  let at = start;
  while (at < end && at - start < MAX_NAME) {
    const length = message[at] ?? 0;
    if (length === 0) return at + 1;
    if (length > MAX_LABEL) return -1;
    at += length + 1;
  }
  return -1;
}

/** Where a name of a record ends, a pointer (RFC 1035 section 4.1.4) being its end; -1 if it is malformed. */
export function endOfName(message: Buffer, start: number, end: number): number {
  let at = start;
  while (at < end && at - start < MAX_NAME) {
    const length = message[at] ?? 0;
    if (length === 0) return at + 1;
    if (length >= 0xc0) return at + 2 <= end ? at + 2 : -1;
    if (length > MAX_LABEL) return -1;
    at += length + 1;
  }
  return -1;
}

/** The 16 bytes of an IPv6 address in any of its spellings. */
export function ipv6Bytes(address: string): Buffer {
  let text = address;
  const dotted = /^(.*:)(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(text);
  if (dotted) {
    const [a = 0, b = 0, c = 0, d = 0] = dotted.slice(2).map(Number);
    text = `${dotted[1] ?? ''}${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
  }
  const [head = '', tail] = text.split('::');
  const groups = (part: string | undefined) => (part ? part.split(':') : []);
  const before = groups(head);
  const after = groups(tail);
  const zeros = Array<string>(8 - before.length - after.length).fill('0');
  const out = Buffer.alloc(16);
  [...before, ...zeros, ...after].forEach((group, index) =>
    out.writeUInt16BE(parseInt(group, 16), index * 2),
  );
  return out;
}

/** The four bytes of a dotted IPv4 address. */
export function ipv4Bytes(address: string): Buffer {
  return Buffer.from(address.split('.').map(Number));
}

/** The name under in-addr.arpa or ip6.arpa (RFC 1035 section 3.5, RFC 3596 section 2.5) of an address. */
export function reverseName(address: string): string | undefined {
  if (isIPv4(address)) return `${address.split('.').reverse().join('.')}.in-addr.arpa`;
  if (!isIPv6(address) || address.includes('%')) return undefined;
  return `${Array.from(ipv6Bytes(address).toString('hex')).reverse().join('.')}.ip6.arpa`;
}
