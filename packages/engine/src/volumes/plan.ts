import { existsSync } from 'node:fs';
import { posix } from 'node:path';
import { BerthError, toError } from '@berth/core';
import { tmpfsMountOptions } from '../oci/tmpfs.js';
import { anonymousName, ANONYMOUS_LABEL, checkVolumeName } from './names.js';
import { bindOptions, invalidBind, isPropagation, splitBind, splitVolumesFrom } from './bind-text.js';
import type {
  BindMountSpec,
  ContainerMount,
  MountSpec,
  TmpfsMountSpec,
  VolumeMountSpec,
  VolumeSpec,
} from './model.js';

/** A mount of a container that is about to be created. */
export interface PlannedMount {
  readonly mount: ContainerMount;
  /** The volume to make if it is not there. */
  readonly volume?: VolumeSpec;
  /** Put what the image has at this place into the volume, if that is empty. */
  readonly copy?: boolean;
}

export interface PlanInput {
  readonly binds: readonly string[];
  readonly mounts: readonly MountSpec[];
  readonly volumesFrom: readonly string[];
  readonly volumeDriver: string;
  /** Of the image and of the user. */
  readonly volumes: readonly string[];
  /** Destinations of tmpfs mounts that are asked for in another way. */
  readonly tmpfs: readonly string[];
  /** Where a volume's content lies. */
  readonly pathOf: (name: string) => string;
  /** The mounts of another container. @throws BerthError */
  readonly mountsOf: (container: string) => readonly ContainerMount[];
}

/**
 * What is to be mounted in a new container, in Docker's order: another container's mounts, then binds and mounts, which
 * take the places of those, then volumes of image and user where nothing is yet.
 *
 * @throws BerthError `invalid`, in Docker's wording
 */
export function planMounts(input: PlanInput): PlannedMount[] {
  const taken = new Map<string, PlannedMount>();
  for (const text of input.volumesFrom) {
    const { container, readWrite } = splitVolumesFrom(text);
    for (const mount of input.mountsOf(container)) {
      taken.set(mount.destination, {
        mount: { ...mount, mode: '', readWrite: mount.readWrite && readWrite },
        ...(mount.name !== undefined && { volume: { name: mount.name } }),
      });
    }
  }
  const own = [
    ...input.binds.map((text) => planBind(text, input)),
    ...input.mounts.map((spec) => planMount(spec, input)),
  ];
  const seen = new Set(input.tmpfs);
  for (const planned of own) {
    const { destination } = planned.mount;
    if (seen.has(destination)) throw new BerthError('invalid', `Duplicate mount point: ${destination}`);
    seen.add(destination);
    taken.set(destination, planned);
  }
  for (const path of input.volumes) {
    const destination = cleanDestination(path, (why) => invalidBind(path, why));
    if (taken.has(destination) || input.tmpfs.includes(destination)) continue;
    taken.set(destination, planVolume({ destination, mode: '', readWrite: true }, {}, input, true));
  }
  return [...taken.values()];
}

type Common = Pick<ContainerMount, 'destination' | 'mode' | 'readWrite'>;

function planBind(text: string, input: PlanInput): PlannedMount {
  const { source, destination, mode } = splitBind(text);
  const { readWrite, noCopy, propagation } = bindOptions(mode);
  const common = {
    destination: cleanDestination(destination, (why) => invalidBind(text, why)),
    mode,
    readWrite,
  };
  if (source?.startsWith('/') === true) {
    return {
      mount: {
        type: 'bind',
        source: cleanPath(source),
        ...common,
        ...(propagation !== undefined && { propagation }),
      },
    };
  }
  if (propagation !== undefined)
    throw invalidBind(
      text,
      `invalid mount config for type "volume": field BindOptions must not be specified`,
    );
  const spec = { ...(source !== undefined && { name: source }), driver: input.volumeDriver };
  return planVolume({ ...common, mode: mode === '' ? 'z' : mode }, spec, input, !noCopy);
}

function planMount(spec: MountSpec, input: PlanInput): PlannedMount {
  const refuse = (why: string) =>
    new BerthError('invalid', `invalid mount config for type "${spec.type}": ${why}`, {
      subject: spec.target,
    });
  if (spec.target === '') throw refuse('field Target must not be empty');
  const destination = cleanDestination(spec.target, refuse);
  const common = { destination, mode: '', readWrite: spec.readOnly !== true };
  switch (spec.type) {
    case 'bind':
      return { mount: bindMount(spec, common, refuse) };
    case 'volume':
      return volumeMount(spec, common, input, refuse);
    case 'tmpfs':
      checkTmpfs(spec, refuse);
      return { mount: { type: 'tmpfs', source: '', ...common, tmpfs: spec } };
  }
}

function bindMount(spec: BindMountSpec, common: Common, refuse: (why: string) => BerthError): ContainerMount {
  const { source, propagation } = spec;
  if (source === '') throw refuse('field Source must not be empty');
  if (propagation !== undefined && !isPropagation(propagation))
    throw refuse(`invalid propagation mode: ${propagation}`);
  if (!source.startsWith('/')) throw refuse(notAbsolute(source));
  const { readOnlyNonRecursive: leave = false, readOnlyForceRecursive: insist = false } = spec;
  if (insist && leave) throw refuse('ReadOnlyForceRecursive and ReadOnlyNonRecursive are in conflict');
  if (insist && common.readWrite) throw refuse('ReadOnlyForceRecursive needs ReadOnly');
  // Docker's reason: what is mounted later would come in writable.
  if (insist && (propagation ?? 'rprivate') !== 'rprivate')
    throw refuse('ReadOnlyForceRecursive needs Propagation rprivate');
  if (spec.createMountpoint !== true && !existsSync(source)) throw refuse(missingSource(source));
  return {
    type: 'bind',
    source: cleanPath(source),
    ...common,
    ...(propagation !== undefined && { propagation }),
    nonRecursive: spec.nonRecursive ?? false,
    mustExist: spec.createMountpoint !== true,
    ...(leave && { readOnlyBelow: 'leave' as const }),
    ...(insist && { readOnlyBelow: 'insist' as const }),
  };
}

function volumeMount(
  spec: VolumeMountSpec,
  common: Common,
  input: PlanInput,
  refuse: (why: string) => BerthError,
): PlannedMount {
  const { source = '', subpath = '' } = spec;
  if (subpath !== '' && source === '') throw refuse('must not set Subpath when using anonymous volumes');
  if (!isLocal(subpath)) throw refuse('subpath must be a relative path within the volume');
  if (!common.readWrite && source === '')
    throw refuse('must not set ReadOnly mode when using anonymous volumes');
  const volume: VolumeSpec = {
    ...(source !== '' && { name: source }),
    driver: spec.driver ?? '',
    options: spec.driverOptions ?? {},
    labels: spec.labels ?? {},
  };
  const planned = planVolume({ ...common, mode: 'z' }, volume, input, spec.noCopy !== true && subpath === '');
  return subpath === '' ? planned : { ...planned, mount: { ...planned.mount, subpath } };
}

function planVolume(common: Common, spec: VolumeSpec, input: PlanInput, copy: boolean): PlannedMount {
  const anonymous = spec.name === undefined;
  const name = spec.name === undefined ? anonymousName() : checkVolumeName(spec.name);
  const labels = anonymous ? { [ANONYMOUS_LABEL]: '', ...spec.labels } : spec.labels;
  return {
    mount: { type: 'volume', name, source: input.pathOf(name), ...common, ...(anonymous && { anonymous }) },
    volume: { ...spec, name, labels },
    copy,
  };
}

function cleanDestination(path: string, refuse: (why: string) => BerthError): string {
  if (!path.startsWith('/')) throw refuse(notAbsolute(path));
  const clean = cleanPath(path);
  if (clean === '/') throw refuse("invalid specification: destination can't be '/'");
  return clean;
}

function cleanPath(path: string): string {
  // A zero byte would end the path where the kernel reads it.
  if (path.includes('\0')) throw new BerthError('invalid', `invalid mount path: ${JSON.stringify(path)}`);
  return posix.normalize(path).replace(/(.)\/$/, '$1');
}

function checkTmpfs(spec: TmpfsMountSpec, refuse: (why: string) => BerthError): void {
  try {
    tmpfsMountOptions(spec);
  } catch (error) {
    throw refuse(toError(error).message);
  }
}

/** Docker's words for a source of `Mounts` that is not there; those of `Binds` are made. */
export function missingSource(path: string): string {
  return `bind source path does not exist: ${path}`;
}

function notAbsolute(path: string): string {
  return `invalid mount path: '${path}' mount path must be absolute`;
}

/** Go's `filepath.IsLocal`. */
function isLocal(path: string): boolean {
  return !path.startsWith('/') && !path.includes('\0') && !/^\.\.(\/|$)/.test(posix.normalize(path));
}
