import { readlinkSync } from 'node:fs';
import { posix } from 'node:path';
import { BerthError } from '@berth/core';
import { isErrno, type RootDirectory } from '@berth/kernel';

/** MAXSYMLINKS of include/linux/namei.h is 40; Docker gives up at 255. */
const MOST_LINKS = 255;

/**
 * A path without symbolic links and `..`, as the container sees it; parts that do not exist stay as they are.
 *
 * @param path absolute
 * @throws BerthError `invalid` for links that lead in a circle
 */
export function resolveInRoot(root: RootDirectory, path: string): string {
  const left = parts(path).reverse();
  let resolved = '/';
  let links = 0;
  for (let part = left.pop(); part !== undefined; part = left.pop()) {
    if (part === '..') {
      resolved = posix.dirname(resolved);
      continue;
    }
    const target = linkTarget(root, resolved, part);
    if (target === undefined) {
      resolved = posix.join(resolved, part);
      continue;
    }
    links += 1;
    if (links > MOST_LINKS)
      throw new BerthError('invalid', `too many levels of symbolic links in ${path}`, { subject: path });
    if (target.startsWith('/')) resolved = '/';
    left.push(...parts(target).reverse());
  }
  return resolved;
}

function linkTarget(root: RootDirectory, folder: string, name: string): string | undefined {
  try {
    using held = root.find(Buffer.from(folder), { directory: true });
    return readlinkSync(held.child(Buffer.from(name)), { encoding: 'utf8' });
  } catch (error) {
    // EINVAL: it is there and no link.
    const code = (error as NodeJS.ErrnoException).code ?? '';
    if (isErrno(error, 'ENOENT', 'ENOTDIR') || ['EINVAL', 'ENOENT', 'ENOTDIR'].includes(code))
      return undefined;
    throw error;
  }
}

function parts(path: string): string[] {
  return path.split('/').filter((part) => part !== '' && part !== '.');
}

/** An absolute path without `..`, that keeps a slash or `/.` at its end: they ask for what a link leads to. */
export function cleanPath(path: string): string {
  const clean = posix.join('/', path).replace(/(.)\/$/, '$1');
  const slash = clean === '/' ? '/' : `${clean}/`;
  if (posix.basename(path) === '.') return `${slash}.`;
  return path.endsWith('/') ? slash : clean;
}

/** Go's filepath.Base: `/` for the root, `.` where the path says so. */
export function baseName(path: string): string {
  if (/^\/+$/.test(path)) return '/';
  return posix.basename(path);
}
