import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { BerthError } from '@berth/core';
import { mount, overlayOptions, unmount } from '@berth/kernel';
import { mountsBelow } from '../volumes/volume-mounts.js';
import { pathsOf, type ContainerContext } from './context.js';
import type { ContainerPaths } from './paths.js';
import type { ContainerRecord } from './table.js';

/** Mounts a container's root file system: the image's layers, and what the container has changed. The caller holds its lock. */
export function mountRoot(context: ContainerContext, record: Pick<ContainerRecord, 'id' | 'diffIds'>): void {
  const { bundle, rootfs, upper, work } = pathsOf(context, record.id);
  mkdirSync(bundle, { recursive: true, mode: 0o700 });
  mkdirSync(rootfs, { recursive: true, mode: 0o755 });
  const lower = record.diffIds.map((diffId) => context.images.layerPath(diffId)).reverse();
  try {
    mount({
      source: 'overlay',
      target: rootfs,
      type: 'overlay',
      data: overlayOptions({ lower, upper, work }),
    });
  } catch (error) {
    rmSync(bundle, { recursive: true, force: true });
    throw error;
  }
}

/** Takes the root file system away, and with it the bundle. */
export function unmountRoot(paths: ContainerPaths): void {
  const { bundle, rootfs, shm } = paths;
  unmountSubpaths(paths);
  for (const target of [rootfs, shm]) {
    try {
      unmount(target, { detach: true });
    } catch (error) {
      // EINVAL and ENOENT: it is not mounted (any more).
      if (!(error instanceof BerthError) || !['invalid', 'not-found'].includes(error.code)) throw error;
    }
  }
  rmSync(bundle, { recursive: true, force: true });
}

/** Takes away what parts of volumes are shown for a start. They must be gone before their folder is removed. */
export function unmountSubpaths({ subpaths }: ContainerPaths): void {
  if (!existsSync(subpaths)) return;
  for (const mountPoint of mountsBelow(subpaths).reverse()) unmount(mountPoint, { detach: true });
  rmSync(subpaths, { recursive: true });
}
