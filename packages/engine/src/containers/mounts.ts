import { existsSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { BerthError, isBerthError, toError } from '@berth/core';
import { bindMount, isErrno, RootDirectory, type HeldPath } from '@berth/kernel';
import type { ContainerMount, ContainerSpec } from '../model.js';
import { tmpfsDestination } from '../oci/tmpfs.js';
import { missingSource, planMounts, type PlannedMount } from '../volumes/plan.js';
import { checkPropagation, withPropagation } from '../volumes/propagation.js';
import { pathsOf, type ContainerContext } from './context.js';
import { mountRoot, unmountRoot, unmountSubpaths } from './root.js';
import type { ContainerRecord } from './table.js';

/**
 * What is to be mounted in a new container; see {@link planMounts}. Nothing is made yet.
 *
 * @throws BerthError `invalid`, in Docker's wording
 */
export function plannedMounts(
  { table, volumes, options }: ContainerContext,
  spec: ContainerSpec,
): PlannedMount[] {
  const { host } = spec;
  const plan = planMounts({
    binds: host.binds,
    mounts: host.mounts ?? [],
    volumesFrom: host.volumesFrom ?? [],
    volumeDriver: host.volumeDriver ?? '',
    volumes: spec.volumes ?? [],
    tmpfs: Object.keys(host.tmpfs ?? {}).map(tmpfsDestination),
    pathOf: (name) => volumes.path(name),
    mountsOf: (container) => {
      try {
        return table.find(container).mounts;
      } catch (error) {
        // Not `not-found`: clients take that for the image, and go and pull it.
        throw new BerthError('invalid', toError(error).message, { subject: container });
      }
    },
  });
  return plan.map((planned) => ({ ...planned, mount: withPropagation(planned.mount, options.dataRoot) }));
}

/**
 * Makes the volumes that are not there, within one turn, so that none is removed before the container is recorded.
 *
 * @throws BerthError `invalid`; none that was made for this container alone is left then
 */
export function makeVolumes(context: ContainerContext, plan: readonly PlannedMount[]): void {
  try {
    for (const { volume } of plan) if (volume !== undefined) context.volumes.create(volume);
  } catch (error) {
    void removeAnonymousVolumes(context, { mounts: plan.map(({ mount }) => mount) });
    // Not `not-found`, which clients take for the image.
    if (isBerthError(error, 'not-found')) throw new BerthError('invalid', error.message, { cause: error });
    throw error;
  }
}

/** Puts what the image has into empty volumes, as Docker does when it creates a container. The caller holds its lock. */
export async function fillVolumes(
  context: ContainerContext,
  record: ContainerRecord,
  plan: readonly PlannedMount[],
): Promise<void> {
  const { volumes } = context;
  const wanted = plan.filter(({ copy }) => copy === true).map(({ mount }) => mount);
  const open = wanted.filter(({ name = '' }) => volumes.mayBeEmpty(name));
  if (open.length === 0) return;
  const paths = pathsOf(context, record.id);
  mountRoot(context, record);
  try {
    using root = RootDirectory.at(paths.rootfs);
    for (const { name = '', destination } of open) {
      using source = folderIn(root, destination);
      if (source === undefined) continue;
      const volume = volumes.get(name);
      await volumes.mounts.use(volume, record.id);
      try {
        await volumes.fill(name, Buffer.from(`${source.path}/.`), record.id);
      } finally {
        await volumes.mounts.release(volume, record.id);
      }
    }
  } finally {
    unmountRoot(paths);
  }
}

/** Links of the image lead nowhere out of it. */
function folderIn(root: RootDirectory, path: string): HeldPath | undefined {
  try {
    return root.find(Buffer.from(path), { directory: true });
  } catch (error) {
    if (isErrno(error, 'ENOENT', 'ENOTDIR')) return undefined;
    throw error;
  }
}

/** What a run has of its mounts, until the container is created. */
export interface RunMounts {
  /** Where the content is, by destination, when that is not the mount's own source. */
  readonly sources: ReadonlyMap<string, string>;
  /** To be called when the runtime has mounted everything. */
  close(): void;
}

/**
 * Makes everything that a container mounts ready for its start: folders for `Binds`, file systems of volumes. To be taken
 * back by {@link releaseMounts}.
 *
 * @throws BerthError, in Docker's wording, naming what is missing; nothing is in use then
 */
export async function useMounts(context: ContainerContext, record: ContainerRecord): Promise<RunMounts> {
  const { volumes } = context;
  const sources = new Map<string, string>();
  const close = () => {
    unmountSubpaths(pathsOf(context, record.id));
  };
  try {
    for (const mount of record.mounts) {
      if (mount.type === 'bind') {
        prepareBind(mount);
      } else if (mount.type === 'volume' && mount.name !== undefined) {
        // One that was recorded by an older daemon may not be there.
        const volume = volumes.create({ name: mount.name });
        await volumes.mounts.use(volume, record.id);
        const { destination, readWrite, propagation = '', subpath } = mount;
        volumes.publishMount('mount', mount.name, {
          container: record.id,
          destination,
          propagation,
          'read/write': String(readWrite),
        });
        if (subpath === undefined) continue;
        const path = join(pathsOf(context, record.id).subpaths, String(sources.size));
        mountSubpath(volume.mountpoint, subpath, path);
        sources.set(destination, path);
      }
    }
    checkPropagation(record.mounts);
    return { sources, close };
  } catch (error) {
    close();
    await releaseMounts(context, record);
    throw error;
  }
}

/** What {@link useMounts} has made is not needed any more: the run has ended, or did not come to be. */
export async function releaseMounts(
  { volumes, logger }: ContainerContext,
  { id, mounts }: Pick<ContainerRecord, 'id' | 'mounts'>,
): Promise<void> {
  for (const name of new Set(mounts.map((mount) => mount.name))) {
    if (name === undefined || !volumes.has(name) || !volumes.mounts.isUser(name, id)) continue;
    try {
      await volumes.mounts.release(volumes.get(name), id);
      volumes.publishMount('unmount', name, { container: id });
    } catch (error) {
      logger.warn('cannot release a volume', { name, id, error: toError(error) });
    }
  }
}

/** Removes the volumes that were made for a container alone. Those that others use by now stay. */
export async function removeAnonymousVolumes(
  { volumes, logger }: ContainerContext,
  { mounts }: Pick<ContainerRecord, 'mounts'>,
): Promise<void> {
  for (const { name, anonymous } of mounts) {
    if (name === undefined || anonymous !== true || !volumes.has(name)) continue;
    try {
      if (volumes.get(name).users.length === 0) await volumes.remove(name, { force: true });
    } catch (error) {
      logger.warn('cannot remove a volume', { name, error: toError(error) });
    }
  }
}

/** Shows a part of a volume at a place that no container can change, so that the runtime mounts what was found here. */
function mountSubpath(volume: string, subpath: string, target: string): void {
  using root = RootDirectory.at(volume);
  try {
    using found = root.find(Buffer.from(subpath));
    mkdirSync(dirname(target), { recursive: true, mode: 0o700 });
    if (statSync(found.path).isDirectory()) mkdirSync(target);
    else writeFileSync(target, '');
    bindMount(found.path, target, { recursive: true });
  } catch (cause) {
    throw new BerthError(
      'invalid',
      `cannot access path ${volume}/${subpath} of the volume: ${toError(cause).message}`,
      { subject: subpath, cause },
    );
  }
}

function prepareBind({ source, mustExist }: ContainerMount): void {
  if (existsSync(source)) return;
  if (mustExist !== true) makeDirectories(source);
  else throw new BerthError('invalid', `invalid mount config for type "bind": ${missingSource(source)}`);
}

/** One level at a time: Node's own `recursive` never returns where the kernel refuses with ENOENT, as below /proc. */
function makeDirectories(path: string): void {
  const parent = dirname(path);
  if (!existsSync(parent)) makeDirectories(parent);
  try {
    mkdirSync(path, { mode: 0o755 });
  } catch (cause) {
    throw new BerthError('invalid', `error while creating mount source path '${path}': ${String(cause)}`, {
      subject: path,
      cause,
    });
  }
}
