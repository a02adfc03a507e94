import { constants } from 'node:fs';
import { chmod, copyFile, lchown, link, lstat, mkdir, readdir, readlink, symlink } from 'node:fs/promises';
import type { BigIntStats } from 'node:fs';
import { deviceParts, isErrno, makeNode, readAttributes, setAttribute, setTimes } from '@berth/kernel';

/**
 * Copies what is in a folder, and what the folder itself is, to an empty one: owners, modes, times, links of both kinds,
 * devices, extended attributes. Sockets, which are nothing without who listens, are left out.
 *
 * @param source held or otherwise safe against being exchanged; so `target`
 */
export async function copyTree(source: Buffer, target: Buffer): Promise<void> {
  const stats = await lstat(source, { bigint: true });
  await copyEntries(source, target, new Map());
  await copyProperties(source, target, stats);
}

/** @param linked where a file with several names has been copied to, by its inode */
async function copyEntries(source: Buffer, target: Buffer, linked: Map<string, Buffer>): Promise<void> {
  for (const name of await readdir(source, { encoding: 'buffer' }))
    await copyEntry(child(source, name), child(target, name), linked);
}

async function copyEntry(source: Buffer, target: Buffer, linked: Map<string, Buffer>): Promise<void> {
  const stats = await lstat(source, { bigint: true });
  const inode = `${stats.dev}:${stats.ino}`;
  const first = stats.nlink > 1n && !stats.isDirectory() ? linked.get(inode) : undefined;
  if (first !== undefined) {
    await link(first, target);
    return;
  }
  if (stats.isDirectory()) {
    await mkdir(target, { mode: 0o700 });
    await copyEntries(source, target, linked);
  } else if (stats.isFile()) {
    await copyFile(source, target, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
  } else if (stats.isSymbolicLink()) {
    await symlink(await readlink(source, { encoding: 'buffer' }), target);
  } else if (stats.isFIFO()) {
    makeNode(target, 'fifo', 0o600);
  } else if (stats.isCharacterDevice() || stats.isBlockDevice()) {
    const kind = stats.isBlockDevice() ? 'block-device' : 'character-device';
    makeNode(target, kind, 0o600, deviceParts(stats.rdev));
  } else {
    return;
  }
  if (stats.nlink > 1n) linked.set(inode, target);
  await copyProperties(source, target, stats);
}

/**
 * Gives a file what the other one is besides its content.
 *
 * In this order: a new owner takes set-user-id bits and capabilities away, and each change is one more of the time.
 */
export async function copyProperties(source: Buffer, target: Buffer, stats: BigIntStats): Promise<void> {
  await lchown(target, Number(stats.uid), Number(stats.gid));
  if (!stats.isSymbolicLink()) await chmod(target, Number(stats.mode & 0o7777n));
  for (const [name, value] of readAttributes(source)) {
    // Bookkeeping of overlayfs, which means nothing outside of it.
    if (name.startsWith('trusted.overlay.')) continue;
    try {
      setAttribute(target, name, value);
    } catch (error) {
      // The file system of the target may keep fewer kinds.
      if (!isErrno(error, 'EOPNOTSUPP', 'EPERM')) throw error;
    }
  }
  setTimes(target, stats.atimeNs, stats.mtimeNs);
}

function child(folder: Buffer, name: Buffer): Buffer {
  return Buffer.concat([folder, Buffer.from('/'), name]);
}
