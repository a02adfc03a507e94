import { closeSync, constants, fstatSync, openSync } from 'node:fs';
import { chmod, lchown, lstat, lutimes, mkdir, readdir, rmdir, unlink, utimes } from 'node:fs/promises';
import { BerthError } from '@berth/core';
import { HeldPath, isErrno, setAttribute, type RootDirectory } from '@berth/kernel';

/** include/uapi/asm-generic/fcntl.h */
const O_PATH = 0o10000000;
/** For folders that an archive implies without naming them; dockerd's ImpliedDirectoryMode. */
const IMPLIED_MODE = 0o755;

export interface Ownership {
  readonly uid: number;
  readonly gid: number;
}

export interface Metadata extends Ownership {
  readonly mode: number;
  readonly modified: Date;
  readonly attributes: ReadonlyMap<string, Buffer>;
}

/** The parts of a path: its folder and its name there. */
export function split(path: Buffer): { folder: Buffer; name: Buffer } {
  const slash = path.lastIndexOf(0x2f);
  return { folder: path.subarray(0, Math.max(slash, 0)), name: path.subarray(slash + 1) };
}

/**
 * The folder at a path below `root`; those that are missing are made.
 *
 * @throws KernelError `ENOTDIR`, `ENOENT` where a link that leads nowhere is in the way
 */
export async function folderAt(root: RootDirectory, path: Buffer, owner: Ownership): Promise<HeldPath> {
  try {
    return root.find(path, { directory: true });
  } catch (error) {
    if (!isErrno(error, 'ENOENT') || path.length === 0) throw error;
  }
  const { folder, name } = split(path);
  using parent = await folderAt(root, folder, owner);
  const child = parent.child(name);
  try {
    await mkdir(child, { mode: IMPLIED_MODE });
    await lchown(child, owner.uid, owner.gid);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  return root.find(path, { directory: true });
}

/**
 * Removes what has this name, with all that is in it. Folders are held while they are emptied: a container that puts
 * a link in the place of one gains nothing.
 */
export async function removeTree(parent: HeldPath, name: Buffer): Promise<void> {
  const path = parent.child(name);
  try {
    await unlink(path);
    return;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return;
    // EPERM is POSIX's word for a folder, EISDIR Linux's.
    if (code !== 'EISDIR' && code !== 'EPERM') throw error;
  }
  {
    using folder = held(path);
    if (!fstatSync(folder.fd).isDirectory())
      throw new BerthError('conflict', `cannot remove ${name.toString()}: it changes while it is removed`);
    for (const child of await readdir(`${folder.path}/.`, { encoding: 'buffer' }))
      await removeTree(folder, child);
  }
  await rmdir(path);
}

/** Gives what was made the owner, permissions, attributes and time that the archive has. Times of folders come last. */
export async function settle(parent: HeldPath, name: Buffer, data: Metadata, withTime = true): Promise<void> {
  const path = parent.child(name);
  await lchown(path, data.uid, data.gid);
  using itself = held(path);
  if (fstatSync(itself.fd).isSymbolicLink()) {
    await lutimes(path, data.modified, data.modified);
    return;
  }
  // After the change of owner, which takes set-id bits and capabilities away.
  await chmod(itself.path, data.mode);
  for (const [key, value] of data.attributes) setWherePossible(path, key, value);
  if (withTime) await utimes(itself.path, data.modified, data.modified);
}

/** As Docker does: what this file system does not keep, or keeps from everybody, is left out. */
function setWherePossible(path: Buffer, key: string, value: Buffer): void {
  try {
    setAttribute(path, key, value);
  } catch (error) {
    if (!isErrno(error, 'EOPNOTSUPP', 'EPERM')) throw error;
  }
}

/** Sets the time of a folder, if it is still one. */
export async function settleTime(parent: HeldPath, name: Buffer, modified: Date): Promise<void> {
  using itself = held(parent.child(name));
  if (fstatSync(itself.fd).isDirectory()) await utimes(itself.path, modified, modified);
}

/** What has this name now: itself, should it be a symbolic link. */
export async function present(parent: HeldPath, name: Buffer): Promise<'folder' | 'other' | undefined> {
  try {
    return (await lstat(parent.child(name))).isDirectory() ? 'folder' : 'other';
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

function held(path: Buffer): HeldPath {
  const fd = openSync(path, O_PATH | constants.O_NOFOLLOW);
  try {
    return new HeldPath(fd);
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}
