import type { Stats } from 'node:fs';
import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { isOpaque, isWhiteout, readAttributes } from '@berth/kernel';

export type ChangeKind = 'modified' | 'added' | 'deleted';

export interface FileChange {
  /** As the container sees it. */
  readonly path: string;
  readonly kind: ChangeKind;
}

/** What the start of a container makes in every root; Docker keeps these in a layer of their own, and tells nobody. */
const OF_EVERY_START = new Set([
  ...['/dev', '/dev/console', '/dev/pts', '/dev/shm', '/proc', '/sys', '/.dockerenv'],
  ...['/etc/hosts', '/etc/hostname', '/etc/resolv.conf', '/etc/mtab'],
]);

/**
 * What a container has changed in its root file system, by path: a folder comes before what is in it, and a folder in
 * which something has changed is one that is modified itself.
 *
 * @param upper the overlay's upper folder
 * @param lower the image's layers, from the top down
 */
export async function fileChanges(upper: string, lower: readonly string[]): Promise<FileChange[]> {
  const changes: FileChange[] = [];
  await compare(upper, lower, '/', changes);
  return changes.sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** @param lower the layers that have something to say of this folder */
async function compare(
  upper: string,
  lower: readonly string[],
  folder: string,
  changes: FileChange[],
): Promise<void> {
  const opaque = isOpaque(join(upper, folder));
  const names = await readdir(join(upper, folder));
  for (const name of names) {
    const path = join(folder, name);
    const now = await statsOf(join(upper, path));
    if (now === undefined) continue;
    const old = await lowest(lower, path);
    if (isWhiteout(now)) {
      if (old !== undefined) changes.push({ path, kind: 'deleted' });
      continue;
    }
    if (old === undefined && OF_EVERY_START.has(path)) continue;
    const before = changes.length;
    if (now.isDirectory())
      await compare(upper, old?.stats.isDirectory() === true ? old.layers : [], path, changes);
    if (old === undefined) changes.push({ path, kind: 'added' });
    else if (changes.length > before || differs(old, now, join(upper, path)))
      changes.push({ path, kind: 'modified' });
  }
  // An opaque folder has taken the place of one that was removed: what is not in it any more was deleted.
  if (!opaque) return;
  for (const name of await namesBelow(lower, folder))
    if (!names.includes(name)) changes.push({ path: join(folder, name), kind: 'deleted' });
}

interface Found {
  readonly stats: Stats;
  /** The uppermost layer that has it. */
  readonly file: string;
  /** For a folder: the layers of which it is made. */
  readonly layers: readonly string[];
}

/** What the layers together have at a path. */
async function lowest(layers: readonly string[], path: string): Promise<Found | undefined> {
  const merged: string[] = [];
  let first: { stats: Stats; file: string } | undefined;
  for (const layer of layers) {
    const file = join(layer, path);
    const stats = await statsOf(file);
    if (stats === undefined) continue;
    if (isWhiteout(stats)) break;
    if (first !== undefined && !stats.isDirectory()) break;
    first ??= { stats, file };
    merged.push(layer);
    if (!stats.isDirectory() || isOpaque(file)) break;
  }
  return first === undefined ? undefined : { ...first, layers: merged };
}

async function namesBelow(layers: readonly string[], folder: string): Promise<Set<string>> {
  const names = new Set<string>();
  for (const layer of layers) {
    for (const name of await readdir(join(layer, folder)).catch(() => []))
      if ((await lowest(layers, join(folder, name))) !== undefined) names.add(name);
  }
  return names;
}

/** dockerd's statDifferent: sizes and times of folders say nothing. */
function differs({ stats: old, file }: Found, now: Stats, path: string): boolean {
  if (old.mode !== now.mode || old.uid !== now.uid || old.gid !== now.gid || old.rdev !== now.rdev)
    return true;
  if (now.isDirectory()) return false;
  return old.size !== now.size || old.mtimeMs !== now.mtimeMs || capability(file) !== capability(path);
}

function capability(path: string): string {
  return readAttributes(Buffer.from(path)).get('security.capability')?.toString('hex') ?? '';
}

/** `undefined` for what is not there, which includes what lies below a file. */
async function statsOf(path: string): Promise<Stats | undefined> {
  try {
    return await lstat(path);
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw error;
  }
}
