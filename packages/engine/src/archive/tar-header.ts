/** Bytes of a block (POSIX.1-2017, pax, "ustar Interchange Format"). */
export const TAR_BLOCK = 512;

/** Type flags of POSIX.1-2017, pax, "ustar Interchange Format". */
export const TAR_TYPE = {
  file: '0',
  link: '1',
  symlink: '2',
  'character-device': '3',
  'block-device': '4',
  directory: '5',
  fifo: '6',
} as const;

export interface TarHeader {
  readonly type: keyof typeof TAR_TYPE;
  /** Bytes: file names need not be text. That of a folder ends with a slash. */
  readonly name: Buffer;
  /** Permissions, with set-id and sticky bits. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Bytes of the content that follows. */
  readonly size: bigint;
  /** Seconds since 1970. */
  readonly modified: bigint;
  /** Of a hard or symbolic link. */
  readonly target?: Buffer;
  /** Of a device. */
  readonly device?: { readonly major: number; readonly minor: number };
  readonly attributes?: ReadonlyMap<string, Buffer>;
}

const NAME_LENGTH = 100;
/** The largest numbers of 7 and 11 octal digits. */
const LARGEST_SHORT = 0o7777777n;
const LARGEST_LONG = 0o77777777777n;

/**
 * The blocks that come before a file's content: a ustar header and, for what does not fit into one, a pax header
 * before it. tar-stream is not used for it: it takes text alone for names and attributes, and neither need be text.
 */
export function tarHeader(header: TarHeader): Buffer {
  const records = paxRecords(header);
  const main = ustar(header, header.name);
  if (records.length === 0) return main;
  const body = Buffer.concat(records);
  const pax: TarHeader = {
    type: 'file',
    name: Buffer.from('PaxHeaders.0/'),
    mode: 0o644,
    uid: 0,
    gid: 0,
    size: BigInt(body.length),
    modified: 0n,
  };
  return Buffer.concat([ustar(pax, pax.name, 'x'), body, tarPadding(body.length), main]);
}

/** What fills the last block of so many bytes. */
export function tarPadding(size: number | bigint): Buffer {
  const rest = Number(BigInt(size) % BigInt(TAR_BLOCK));
  return Buffer.alloc(rest === 0 ? 0 : TAR_BLOCK - rest);
}

/** Two blocks of zeros end an archive. */
export const TAR_END = Buffer.alloc(2 * TAR_BLOCK);

function paxRecords(header: TarHeader): Buffer[] {
  const { name, target, size, uid, gid, modified, attributes } = header;
  const records: Buffer[] = [];
  const add = (key: string, value: Buffer | bigint | number) => {
    records.push(paxRecord(key, Buffer.isBuffer(value) ? value : Buffer.from(String(value))));
  };
  // Readers would take the bytes for UTF-8 otherwise.
  if (!isText(name) || (target !== undefined && !isText(target))) add('hdrcharset', Buffer.from('BINARY'));
  if (!fitsName(name)) add('path', name);
  if (target !== undefined && !fitsName(target)) add('linkpath', target);
  if (size > LARGEST_LONG) add('size', size);
  if (BigInt(uid) > LARGEST_SHORT) add('uid', uid);
  if (BigInt(gid) > LARGEST_SHORT) add('gid', gid);
  if (modified < 0n || modified > LARGEST_LONG) add('mtime', modified);
  for (const [key, value] of attributes ?? []) add(`SCHILY.xattr.${key}`, value);
  return records;
}

/** A length that counts its own digits, a blank, the key, `=`, the value and a newline. */
function paxRecord(key: string, value: Buffer): Buffer {
  const rest = Buffer.concat([Buffer.from(` ${key}=`), value, Buffer.from('\n')]);
  let length = rest.length;
  while (length !== rest.length + String(length).length) length = rest.length + String(length).length;
  return Buffer.concat([Buffer.from(String(length)), rest]);
}

function fitsName(name: Buffer): boolean {
  return name.length <= NAME_LENGTH && name.every((byte) => byte < 0x80);
}

function isText(bytes: Buffer): boolean {
  return Buffer.from(bytes.toString()).equals(bytes);
}

function ustar(header: TarHeader, name: Buffer, flag: string = TAR_TYPE[header.type]): Buffer {
  const block = Buffer.alloc(TAR_BLOCK);
  const octal = (value: bigint | number, at: number, digits: number, largest: bigint) => {
    const number = BigInt(value);
    const fits = number >= 0n && number <= largest ? number : 0n;
    block.write(`${fits.toString(8).padStart(digits, '0')}\0`, at, 'latin1');
  };
  name.copy(block, 0, 0, NAME_LENGTH);
  octal(header.mode & 0o7777, 100, 7, LARGEST_SHORT);
  octal(header.uid, 108, 7, LARGEST_SHORT);
  octal(header.gid, 116, 7, LARGEST_SHORT);
  octal(header.size, 124, 11, LARGEST_LONG);
  octal(header.modified, 136, 11, LARGEST_LONG);
  block.write(flag, 156, 'latin1');
  header.target?.copy(block, 157, 0, NAME_LENGTH);
  block.write('ustar\u000000', 257, 'latin1');
  octal(header.device?.major ?? 0, 329, 7, LARGEST_SHORT);
  octal(header.device?.minor ?? 0, 337, 7, LARGEST_SHORT);
  // The sum is that of the header with eight blanks in the sum's place.
  block.fill(0x20, 148, 156);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return block;
}
