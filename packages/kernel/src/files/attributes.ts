import { isErrno } from '../errors.js';
import { check, declare } from '../libc/index.js';

const llistxattr = declare<[path: Buffer, list: Buffer, length: number]>('llistxattr', 'long', [
  'void *',
  'void *',
  'unsigned long',
]);
const lgetxattr = declare<[path: Buffer, name: string, value: Buffer, length: number]>('lgetxattr', 'long', [
  'void *',
  'const char *',
  'void *',
  'unsigned long',
]);
const lsetxattr = declare<[path: Buffer, name: string, value: Buffer, length: number, flags: number]>(
  'lsetxattr',
  'int',
  ['void *', 'const char *', 'void *', 'unsigned long', 'int'],
);

/** XATTR_LIST_MAX and XATTR_SIZE_MAX of include/uapi/linux/limits.h, in bytes. */
const LONGEST = 65_536;
const NOT_THERE = ['EOPNOTSUPP', 'ENODATA', 'ENOENT', 'EPERM'] as const;

/**
 * Extended attributes of a file or folder, or of a symbolic link itself, by name; none where the file system has none.
 *
 * @throws KernelError
 */
export function readAttributes(path: Buffer): Map<string, Buffer> {
  const attributes = new Map<string, Buffer>();
  const text = terminated(path);
  const names = asked((buffer) => llistxattr(text, buffer, buffer.length), path);
  for (const name of names?.toString().split('\0') ?? []) {
    if (name === '') continue;
    const value = asked((buffer) => lgetxattr(text, name, buffer, buffer.length), path);
    if (value !== undefined) attributes.set(name, value);
  }
  return attributes;
}

/** lsetxattr(2). @throws KernelError, `EOPNOTSUPP` where the file system keeps no such attribute */
export function setAttribute(path: Buffer, name: string, value: Buffer): void {
  check(lsetxattr(terminated(path), name, value, value.length, 0), 'set attribute', path.toString());
}

/** Most answers are short: a long one is asked for a second time. */
function asked(call: (buffer: Buffer) => number, path: Buffer): Buffer | undefined {
  for (const length of [256, LONGEST]) {
    const buffer = Buffer.alloc(length);
    try {
      return buffer.subarray(0, check(call(buffer), 'read attributes', path.toString()));
    } catch (error) {
      if (isErrno(error, ...NOT_THERE)) return undefined;
      if (!isErrno(error, 'ERANGE')) throw error;
    }
  }
  return undefined;
}

function terminated(path: Buffer): Buffer {
  return Buffer.concat([path, Buffer.alloc(1)]);
}
