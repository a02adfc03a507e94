import { closeSync, constants, openSync, type BigIntStats } from 'node:fs';
import { lstat, open, readdir, readlink, statfs } from 'node:fs/promises';
import { BerthError } from '@berth/core';
import { deviceParts, HeldPath, readAttributes } from '@berth/kernel';
import { TAR_END, tarHeader, tarPadding, type TarHeader } from './tar-header.js';

/** Bytes of a read, and of a piece of the archive at least. */
const PIECE = 128 * 1024;
/** Folders within each other: PATH_MAX of include/uapi/linux/limits.h has 4096 bytes, each level takes two. */
const DEEPEST = 2048;
/** include/uapi/asm-generic/fcntl.h */
const O_PATH = 0o10000000;

/**
 * File systems of the kernel's own (include/uapi/linux/magic.h): proc, sysfs, cgroup, cgroup2, devpts, mqueue, debugfs,
 * tracefs, securityfs, bpf. What seems to be in them is no content of the container; as with Docker they look empty.
 */
const PSEUDO = new Set([
  0x9fa0, 0x62656572, 0x27e0eb, 0x63677270, 0x1cd1, 0x19800202, 0x64626720, 0x74726163, 0x73636673,
  0xcafe4a11,
]);

interface Frame {
  readonly folder: HeldPath;
  /** Of the folder, in the archive; ends with a slash unless it is empty. */
  readonly prefix: Buffer;
  readonly names: Buffer[];
}

/**
 * A folder and all that is in it as a tar, piece by piece: nothing is read ahead of who takes the pieces. What
 * vanishes meanwhile is left out.
 *
 * @param name of the folder in the archive; undefined leaves its own entry out
 */
export async function* tarOfFolder(folder: HeldPath, name: Buffer | undefined): AsyncGenerator<Buffer> {
  const prefix = name === undefined ? Buffer.alloc(0) : slashed(name);
  async function* pieces(): AsyncGenerator<Buffer> {
    const self = folder.child(Buffer.from('.'));
    if (name !== undefined)
      yield tarHeader(await headerOf(self, prefix, await lstat(self, { bigint: true })));
    yield* contents(folder, prefix);
    yield TAR_END;
  }
  yield* gathered(pieces());
}

/** What is no folder, as a tar of one entry. @throws Error `ENOENT` */
export async function* tarOfFile(folder: HeldPath, file: Buffer, name: Buffer): AsyncGenerator<Buffer> {
  async function* pieces(): AsyncGenerator<Buffer> {
    yield* entry(folder.child(file), name, new Map());
    yield TAR_END;
  }
  yield* gathered(pieces());
}

async function* contents(top: HeldPath, prefix: Buffer): AsyncGenerator<Buffer> {
  const links = new Map<string, Buffer>();
  const frames: Frame[] = [];
  const enter = async (folder: HeldPath, at: Buffer) => {
    if (frames.length >= DEEPEST) {
      folder.close();
      throw new BerthError(
        'invalid',
        `folders lie within each other ${DEEPEST} deep: no archive is made of that`,
      );
    }
    const frame: Frame = { folder, prefix: at, names: [] };
    frames.push(frame);
    frame.names.push(...(await namesIn(folder)).reverse());
  };
  try {
    await enter(heldFolder(top.child(Buffer.from('.'))), prefix);
    for (let frame = frames.at(-1); frame !== undefined; frame = frames.at(-1)) {
      const child = frame.names.pop();
      if (child === undefined) {
        frames.pop()?.folder.close();
        continue;
      }
      const path = frame.folder.child(child);
      const name = Buffer.concat([frame.prefix, child]);
      const stats = await unlessGone(lstat(path, { bigint: true }));
      if (stats?.isDirectory() !== true) {
        if (stats !== undefined) yield* entry(path, name, links);
        continue;
      }
      const folder = await unlessGone(Promise.resolve().then(() => heldFolder(path)));
      if (folder === undefined) continue;
      await enter(folder, slashed(name));
      yield tarHeader(await headerOf(path, slashed(name), stats));
    }
  } finally {
    for (const { folder } of frames) folder.close();
  }
}

async function* entry(path: Buffer, name: Buffer, links: Map<string, Buffer>): AsyncGenerator<Buffer> {
  const stats = await lstat(path, { bigint: true });
  // A socket means nothing without the process that made it; a folder has come in the place of something else.
  if (stats.isSocket() || stats.isDirectory()) return;
  const key = `${stats.dev}:${stats.ino}`;
  const first = links.get(key);
  if (first !== undefined) {
    yield tarHeader({ ...(await headerOf(path, name, stats)), type: 'link', target: first, size: 0n });
    return;
  }
  if (stats.nlink > 1n) links.set(key, name);
  if (stats.isFile()) yield* file(path, name);
  else yield tarHeader(await headerOf(path, name, stats));
}

async function* file(path: Buffer, name: Buffer): AsyncGenerator<Buffer> {
  // Non-blocking: should a fifo have come in its place, nobody waits for its writer.
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
  const handle = await unlessGone(open(path, flags));
  if (handle === undefined) return;
  try {
    const stats = await handle.stat({ bigint: true });
    if (!stats.isFile()) return;
    yield tarHeader(await headerOf(path, name, stats));
    // The header has told the size: what is written to the file meanwhile is cut, what is cut off is filled up.
    for (let left = stats.size; left > 0n;) {
      const buffer = Buffer.allocUnsafe(Number(left < BigInt(PIECE) ? left : BigInt(PIECE)));
      const { bytesRead } = await handle.read(buffer, 0, buffer.length, null);
      const piece = bytesRead === 0 ? buffer.fill(0) : buffer.subarray(0, bytesRead);
      left -= BigInt(piece.length);
      yield piece;
    }
    yield tarPadding(stats.size);
  } finally {
    await handle.close();
  }
}

async function headerOf(path: Buffer, name: Buffer, stats: BigIntStats): Promise<TarHeader> {
  const symlink = stats.isSymbolicLink();
  const device = stats.isCharacterDevice() || stats.isBlockDevice();
  return {
    type: typeOf(stats),
    name,
    mode: Number(stats.mode & 0o7777n),
    uid: Number(stats.uid),
    gid: Number(stats.gid),
    size: stats.isFile() ? stats.size : 0n,
    modified: stats.mtimeNs / 1_000_000_000n,
    ...(symlink && { target: await readlink(path, { encoding: 'buffer' }) }),
    ...(device && { device: deviceParts(stats.rdev) }),
    ...((stats.isFile() || stats.isDirectory()) && { attributes: portableAttributes(path) }),
  };
}

function typeOf(stats: BigIntStats): TarHeader['type'] {
  if (stats.isDirectory()) return 'directory';
  if (stats.isSymbolicLink()) return 'symlink';
  if (stats.isCharacterDevice()) return 'character-device';
  if (stats.isBlockDevice()) return 'block-device';
  return stats.isFIFO() ? 'fifo' : 'file';
}

/** Those that mean the same anywhere: capabilities and what users have set. */
function portableAttributes(path: Buffer): Map<string, Buffer> {
  const all = [...readAttributes(path)];
  return new Map(all.filter(([name]) => name === 'security.capability' || name.startsWith('user.')));
}

async function namesIn(folder: HeldPath): Promise<Buffer[]> {
  if (await isPseudo(folder)) return [];
  const names = await readdir(`${folder.path}/.`, { encoding: 'buffer' });
  return names.sort((a, b) => Buffer.compare(a, b));
}

/** Whether that lies on a file system that the kernel makes up. */
export async function isPseudo(held: HeldPath): Promise<boolean> {
  return PSEUDO.has((await statfs(held.path)).type);
}

/** A folder, and not what a symbolic link leads to. */
function heldFolder(path: Buffer): HeldPath {
  const fd = openSync(path, O_PATH | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  try {
    return new HeldPath(fd);
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

async function unlessGone<T>(found: Promise<T>): Promise<T | undefined> {
  try {
    return await found;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // ELOOP, ENOTDIR, ENXIO: something else is there now.
    if (['ENOENT', 'ELOOP', 'ENOTDIR', 'ENXIO'].includes(code ?? '')) return undefined;
    throw error;
  }
}

function slashed(name: Buffer): Buffer {
  return name.at(-1) === 0x2f ? name : Buffer.concat([name, Buffer.from('/')]);
}

/** Headers are small: they travel together. */
async function* gathered(pieces: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let waiting: Buffer[] = [];
  let length = 0;
  for await (const piece of pieces) {
    waiting.push(piece);
    length += piece.length;
    if (length < PIECE) continue;
    yield Buffer.concat(waiting, length);
    waiting = [];
    length = 0;
  }
  if (length > 0) yield Buffer.concat(waiting, length);
}
