import { release } from 'node:os';
import { BerthError } from '@berth/core';
import type { ContainerMount } from './model.js';

/** A mount as the OCI runtime specification has it. */
export interface RuntimeMount {
  readonly destination: string;
  readonly type: string;
  readonly source: string;
  readonly options: readonly string[];
}

/**
 * Binds and volumes for the runtime, parents before what lies below them, so that none covers another.
 *
 * @param sources where a mount's content is by now, by its destination, when that is not its `source`
 * @param recursiveReadOnly whether runtime and kernel can make everything below a mount read-only
 * @throws BerthError `unsupported` where one insists on that and they cannot
 */
export function runtimeMounts(
  mounts: readonly ContainerMount[],
  sources: ReadonlyMap<string, string> = new Map(),
  recursiveReadOnly = canReadOnlyBelow(release()),
): RuntimeMount[] {
  return mounts
    .filter(({ type }) => type !== 'tmpfs')
    .sort((a, b) => depth(a) - depth(b))
    .map((mount) => ({
      destination: mount.destination,
      type: 'bind',
      source: sources.get(mount.destination) ?? mount.source,
      options: [
        mount.nonRecursive === true ? 'bind' : 'rbind',
        mount.propagation ?? 'rprivate',
        access(mount, recursiveReadOnly),
      ],
    }));
}

/** What the container's root must be for its mounts' propagation (dockerd: `withMounts`); the strongest counts. */
export function rootPropagation(mounts: readonly ContainerMount[]): 'shared' | 'rslave' | undefined {
  const kinds = mounts.map(({ propagation }) => propagation?.replace(/^r/, ''));
  if (kinds.includes('shared')) return 'shared';
  return kinds.includes('slave') ? 'rslave' : undefined;
}

function access({ readWrite, readOnlyBelow, source }: ContainerMount, recursiveReadOnly: boolean): string {
  if (readWrite) return 'rw';
  if (readOnlyBelow === 'insist' && !recursiveReadOnly) {
    throw new BerthError(
      'unsupported',
      `${source} cannot be made recursively read-only: that needs Linux 5.12 or newer`,
    );
  }
  // Of runc since 1.1: MOUNT_ATTR_RDONLY with AT_RECURSIVE.
  return recursiveReadOnly && readOnlyBelow !== 'leave' ? 'rro' : 'ro';
}

function depth({ destination }: ContainerMount): number {
  return destination.split('/').length;
}

/** mount_setattr(2) came with Linux 5.12. */
function canReadOnlyBelow(kernel: string): boolean {
  const [major = 0, minor = 0] = kernel.split('.').map(Number);
  return major > 5 || (major === 5 && minor >= 12);
}
