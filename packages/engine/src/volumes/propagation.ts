import { realpathSync } from 'node:fs';
import { dirname } from 'node:path';
import { BerthError } from '@berth/core';
import { mounts as hostMounts, type MountInfo } from '@berth/kernel';
import type { ContainerMount } from './model.js';

/**
 * A bind with its propagation settled: `rprivate` unless the user said otherwise. What holds the data root, or lies in it,
 * shows mounts of other containers, which must go from there when those end (dockerd: `validateBindDaemonRoot`).
 *
 * @throws BerthError `invalid`, in Docker's wording
 */
export function withPropagation(mount: ContainerMount, dataRoot: string): ContainerMount {
  const { source, propagation, type } = mount;
  if (type !== 'bind') return mount;
  const near = isBelow(source, dataRoot) || isBelow(dataRoot, source);
  if (!near) return { ...mount, propagation: propagation ?? 'rprivate' };
  if (propagation === undefined) {
    const spreads = mountOf(source, hostMounts())?.propagation.length !== 0;
    return { ...mount, propagation: spreads ? 'rslave' : 'rprivate' };
  }
  if (!propagation.endsWith('private')) return mount;
  throw new BerthError(
    'invalid',
    `invalid mount config: must use either propagation mode "rslave" or "rshared" when mount source is within the daemon root, daemon root: "${dataRoot}", bind mount source: "${source}", propagation: "${propagation}"`,
    { subject: source },
  );
}

/**
 * Checks that the host's mounts can do what shared and slave binds ask for.
 *
 * @throws BerthError `invalid`, in Docker's wording
 */
export function checkPropagation(mounts: readonly ContainerMount[]): void {
  let host: readonly MountInfo[] | undefined;
  for (const { source, propagation, type } of mounts) {
    if (type !== 'bind' || propagation === undefined || propagation.endsWith('private')) continue;
    host ??= hostMounts();
    const found = mountOf(source, host);
    const shared = found?.propagation.some((field) => field.startsWith('shared:')) === true;
    const slave = found?.propagation.some((field) => field.startsWith('master:')) === true;
    const where = `path ${source} is mounted on ${found?.mountPoint ?? '/'} but it is not a`;
    if (propagation.endsWith('shared') && !shared)
      throw new BerthError('invalid', `${where} shared mount`, { subject: source });
    if (!shared && !slave)
      throw new BerthError('invalid', `${where} shared or slave mount`, { subject: source });
  }
}

/** The mount that a path, or what is there of it, lies in. */
function mountOf(path: string, all: readonly MountInfo[]): MountInfo | undefined {
  let real = existing(path);
  for (;;) {
    // Of several at one place the last covers the others.
    const found = all.findLast(({ mountPoint }) => mountPoint === real);
    if (found !== undefined || real === '/') return found;
    real = dirname(real);
  }
}

function existing(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path === '/' ? path : existing(dirname(path));
  }
}

function isBelow(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder === '/' ? '/' : `${folder}/`);
}
