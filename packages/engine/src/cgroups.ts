import { rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { mounts } from '@berth/kernel';

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
