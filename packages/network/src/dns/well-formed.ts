import { MAX_LABEL, MAX_NAME } from './name.js';

/** Bytes of a header, RFC 1035 section 4.1.1: no name begins within. */
const HEADER = 12;

/** Where names stand in the data of a record: bytes before the first, and how many (RFC 1035 section 3.3 and 3.4, RFC 2782, RFC 6672). */
const NAMES_IN_DATA: ReadonlyMap<number, { readonly before: number; readonly count: number }> = new Map([
  [2, { before: 0, count: 1 }], // NS
  [5, { before: 0, count: 1 }], // CNAME
  [6, { before: 0, count: 2 }], // SOA
  [12, { before: 0, count: 1 }], // PTR
  [15, { before: 2, count: 1 }], // MX
  [33, { before: 6, count: 1 }], // SRV
  [39, { before: 0, count: 1 }], // DNAME
]);
/** Bytes of an address: A (RFC 1035 section 3.4.1), AAAA (RFC 3596 section 2.2). */
const DATA_LENGTHS: ReadonlyMap<number, number> = new Map([
  [1, 4],
  [28, 16],
]);

/**
 * Whether the records of a message are whole, and its names end: each pointer leads further back than the one before
 * (RFC 1035 section 4.1.4: to a "prior occurrence"). What follows the records is not looked at.
 *
 * @param start offset after the question
 */
export function isWellFormed(message: Buffer, start: number): boolean {
  const records = word(message, 6) + word(message, 8) + word(message, 10);
  let at = start;
  for (let index = 0; index < records; index++) {
    const data = endOfFollowedName(message, at) + 10;
    if (data < 10 || data > message.length) return false;
    const type = word(message, data - 10);
    const length = word(message, data - 2);
    at = data + length;
    if (at > message.length || !isDataWellFormed(message, type, data, at)) return false;
  }
  return true;
}

function isDataWellFormed(message: Buffer, type: number, start: number, end: number): boolean {
  const wanted = DATA_LENGTHS.get(type);
  if (wanted !== undefined) return end - start === wanted;
  const names = NAMES_IN_DATA.get(type);
  if (names === undefined) return true;
  let at = start + names.before;
  for (let index = 0; index < names.count; index++) {
    at = endOfFollowedName(message, at);
    if (at === -1 || at > end) return false;
  }
  return true;
}

/** Where a name ends in the message; -1 if it is cut off, too long or goes round. */
function endOfFollowedName(message: Buffer, start: number): number {
  let at = start;
  let origin = start;
  let end = -1;
  let bytes = 1;
  while (at < message.length) {
    const length = message[at] ?? 0;
    if (length === 0) return end === -1 ? at + 1 : end;
    if (length >= 0xc0) {
      if (at + 2 > message.length) return -1;
      if (end === -1) end = at + 2;
      const target = word(message, at) & 0x3fff;
      if (target < HEADER || target >= origin) return -1;
      origin = target;
      at = target;
      continue;
    }
    bytes += length + 1;
    if (length > MAX_LABEL || bytes > MAX_NAME) return -1;
    at += length + 1;
  }
  return -1;
}

function word(message: Buffer, at: number): number {
  return ((message[at] ?? 0) << 8) | (message[at + 1] ?? 0);
}
