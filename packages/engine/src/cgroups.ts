import { rmdirSync } from 'node:fs';
import { join, posix } from 'node:path';
import { mounts } from '@berth/kernel';
import type { ContainerSpec } from './model.js';

/**
 * The cgroup of a container, as in an OCI configuration: below the daemon's, or the one that was asked for.
 *
 * @param parent the daemon's: `/berth`
 */
export function cgroupPathOf(
  parent: string,
  { id, spec }: { readonly id: string; readonly spec: Pick<ContainerSpec, 'host'> },
): string {
  // A root of its own, so that `..` leads nowhere.
  return posix.join(posix.resolve('/', spec.host.cgroupParent ?? parent), id);
}

/**
 * Removes the cgroup below which containers have theirs, in every hierarchy; one that still holds a container stays.
 *
 * @param parent as in an OCI configuration: `/berth`
 */
export function removeEmptyCgroups(parent: string): void {
  for (const { type, mountPoint } of mounts()) {
    if (type !== 'cgroup' && type !== 'cgroup2') continue;
    try {
      rmdirSync(join(mountPoint, parent));
    } catch {
      // ENOENT: this hierarchy has none; EBUSY: it is in use.
    }
  }
}
