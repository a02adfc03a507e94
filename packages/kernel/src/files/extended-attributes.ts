import { isErrno } from '../errors.js';
import { check, lgetxattr, llistxattr, lsetxattr } from '../libc/index.js';

/**
 * The extended attributes of a file, without following a symbolic link; empty where the file system has none.
 *
 * @throws KernelError that names the path
 */
export function extendedAttributes(path: string): Map<string, Buffer> {
  const names = read('list attributes of', path, (buffer, size) => llistxattr(path, buffer, size));
  const list = (names?.toString('utf8') ?? '').split('\0').filter((name) => name !== '');
  const found = new Map<string, Buffer>();
  for (const name of list) {
    const value = read('read an attribute of', path, (buffer, size) => lgetxattr(path, name, buffer, size));
    if (value !== undefined) found.set(name, value);
  }
  return found;
}

/**
 * Gives `target` the attributes of `source`. What its file system cannot hold, or only another kernel part may set, is left out.
 *
 * @throws KernelError that names the path
 */
export function copyAttributes(source: string, target: string): void {
  for (const [name, value] of extendedAttributes(source)) {
    // Bookkeeping of overlayfs, which means nothing outside of it.
    if (name.startsWith('trusted.overlay.')) continue;
    try {
      check(lsetxattr(target, name, value, value.length, 0), `set attribute ${name} of`, target);
    } catch (error) {
      if (!isErrno(error, 'EOPNOTSUPP', 'EPERM')) throw error;
    }
  }
}

/** Asks for the size, then for the content, until it has not grown in between. */
function read(
  op: string,
  path: string,
  call: (buffer: Buffer | null, size: number) => number,
): Buffer | undefined {
  for (;;) {
    try {
      const size = check(call(null, 0), op, path);
      const buffer = Buffer.alloc(size);
      return buffer.subarray(0, size === 0 ? 0 : check(call(buffer, size), op, path));
    } catch (error) {
      if (isErrno(error, 'EOPNOTSUPP', 'ENODATA')) return undefined;
      if (!isErrno(error, 'ERANGE')) throw error;
    }
  }
}
