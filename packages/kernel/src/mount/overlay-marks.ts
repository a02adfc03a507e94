import type { Stats } from 'node:fs';
import { isErrno } from '../errors.js';
import { check, declare } from '../libc/index.js';

/** Documentation/filesystems/overlayfs.rst, "whiteouts and opaque directories". */
const OPAQUE = 'trusted.overlay.opaque';
/** S_IFCHR of inode(7). */
const S_IFCHR = 0o020000;
const AT_FDCWD = -100;
/** __NR_mknodat: include/uapi/asm-generic/unistd.h has 33; x86-64 its own table. glibc has a function only since 2.33. */
const SYS_MKNODAT = process.arch === 'x64' ? 259 : 33;

const mknodat = declare<[number: number, folder: number, path: string, mode: number, device: number]>(
  'syscall',
  'long',
  ['long', 'int', 'const char *', 'unsigned int', 'unsigned int'],
);
const lsetxattr = declare<[path: string, name: string, value: Buffer, length: number, flags: number]>(
  'lsetxattr',
  'int',
  ['const char *', 'const char *', 'void *', 'unsigned long', 'int'],
);
const lgetxattr = declare<[path: string, name: string, value: Buffer, length: number]>('lgetxattr', 'long', [
  'const char *',
  'const char *',
  'void *',
  'unsigned long',
]);

/** Hides what lower layers have at this path: a character device 0:0. @throws KernelError */
export function makeWhiteout(path: string): void {
  check(mknodat(SYS_MKNODAT, AT_FDCWD, path, S_IFCHR, 0), 'make whiteout', path);
}

/** Whether that is a whiteout of an overlay's layer. */
export function isWhiteout(stats: Stats): boolean {
  return stats.isCharacterDevice() && stats.rdev === 0;
}

/** Hides what lower layers have in this folder. @throws KernelError */
export function makeOpaque(folder: string): void {
  check(lsetxattr(folder, OPAQUE, Buffer.from('y'), 1, 0), 'make opaque', folder);
}

/** Whether the folder hides what lower layers have in it. @throws KernelError */
export function isOpaque(folder: string): boolean {
  const value = Buffer.alloc(1);
  try {
    return check(lgetxattr(folder, OPAQUE, value, 1), 'read attribute', folder) === 1 && value[0] === 0x79;
  } catch (error) {
    // No such attribute, or (ERANGE) a value that is longer, which is no mark either.
    if (isErrno(error, 'ENODATA', 'ERANGE', 'EOPNOTSUPP')) return false;
    throw error;
  }
}
