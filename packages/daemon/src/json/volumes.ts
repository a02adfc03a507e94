import { BerthError } from '@berth/core';
import type { MountSpec, Volume, VolumeSpec } from '@berth/engine';
import { hasLabels, type Filters } from '../http/query.js';
import { notSupported } from '../http/errors.js';
import { API_VERSION, compareVersions } from '../http/version.js';
import { isZero, refuseOthers } from './refuse.js';
import type { MountRequest, VolumeCreate } from './schemas/volumes.js';

/** Filters of `GET /volumes` that are acted on. */
export const VOLUME_FILTERS = ['dangling', 'driver', 'label', 'name'];

/** A volume, as both the list and `inspect` show it. */
export function volumeJson(volume: Volume) {
  return {
    CreatedAt: volume.created,
    Driver: volume.driver,
    Labels: volume.labels,
    Mountpoint: volume.mountpoint,
    Name: volume.name,
    Options: volume.options,
    Scope: 'local',
  };
}

/** @throws BerthError `invalid` */
export function volumeSpec(body: VolumeCreate): VolumeSpec {
  if (body.ClusterVolumeSpec !== undefined && body.ClusterVolumeSpec !== null)
    throw notSupported('ClusterVolumeSpec', 'volumes belong to this host alone');
  refuseOthers('', body, ['Name', 'Driver', 'DriverOpts', 'Labels']);
  return {
    name: body.Name ?? '',
    driver: body.Driver ?? '',
    options: body.DriverOpts ?? {},
    labels: body.Labels ?? {},
  };
}

/**
 * The volumes that pass all filters, each by any of its values (but all labels).
 *
 * @throws BerthError `invalid`
 */
export function filterVolumes(volumes: readonly Volume[], filters: Filters): Volume[] {
  const dangling = (filters.get('dangling') ?? []).map((value) => truth('dangling', value));
  const any = (name: string, test: (value: string) => boolean) => {
    const values = filters.get(name) ?? [];
    return values.length === 0 || values.some(test);
  };
  return volumes.filter(
    (volume) =>
      dangling.every((wanted) => wanted === (volume.users.length === 0)) &&
      any('driver', (value) => volume.driver === value) &&
      any('name', (value) => volume.name.includes(value)) &&
      hasLabels(volume.labels, filters.get('label')),
  );
}

/** @throws BerthError `invalid` for what is neither true nor false */
export function truth(name: string, value: string): boolean {
  if (['1', 'true', 'True', 'TRUE', 't', 'T'].includes(value)) return true;
  if (['0', 'false', 'False', 'FALSE', 'f', 'F'].includes(value)) return false;
  throw new BerthError('invalid', `invalid filter '${name}=${value}': it must be true or false`);
}

/** Kinds of mounts that Docker has and Berth has not. */
const OTHER_TYPES = ['cluster', 'image', 'npipe'];

/**
 * `HostConfig.Mounts`.
 *
 * @param version of the API that the client speaks
 * @throws BerthError `invalid`, in Docker's wording, or naming what is not supported
 */
export function mountSpecs(
  mounts: readonly MountRequest[] | null | undefined,
  version: string = API_VERSION,
): MountSpec[] {
  // Before 1.44 what was mounted below a read-only mount could be written to, and there was no way to say otherwise.
  const leaveBelow = compareVersions(version, '1.44') < 0;
  return (mounts ?? []).map((mount) => mountSpec(mount, leaveBelow));
}

function mountSpec(mount: MountRequest, leaveBelow: boolean): MountSpec {
  const { Type: type, Source: source, Target: target = '' } = mount;
  const fields = ['Type', 'Source', 'Target', 'ReadOnly', 'BindOptions', 'VolumeOptions', 'TmpfsOptions'];
  refuseOthers('HostConfig.Mounts.', mount, fields, { Consistency: isConsistency });
  if (type !== undefined && OTHER_TYPES.includes(type))
    throw notSupported(`HostConfig.Mounts.Type "${type}"`, 'there are bind, volume and tmpfs');
  const common = { target: target ?? '', readOnly: mount.ReadOnly ?? false };
  const refuseExtra = (name: 'BindOptions' | 'VolumeOptions' | 'TmpfsOptions' | 'Source') => {
    if (mount[name] !== undefined && mount[name] !== null && mount[name] !== '')
      throw invalid(type, `field ${name} must not be specified`);
  };
  switch (type) {
    case 'bind': {
      refuseExtra('VolumeOptions');
      refuseExtra('TmpfsOptions');
      const options = mount.BindOptions ?? {};
      refuseOthers('HostConfig.Mounts.BindOptions.', options, BIND_OPTIONS);
      return {
        type,
        source: source ?? '',
        ...common,
        propagation: options.Propagation || undefined,
        nonRecursive: options.NonRecursive ?? false,
        createMountpoint: options.CreateMountpoint ?? false,
        readOnlyNonRecursive: leaveBelow ? mount.ReadOnly === true : (options.ReadOnlyNonRecursive ?? false),
        readOnlyForceRecursive: !leaveBelow && options.ReadOnlyForceRecursive === true,
      };
    }
    case 'volume': {
      refuseExtra('BindOptions');
      refuseExtra('TmpfsOptions');
      const options = mount.VolumeOptions ?? {};
      refuseOthers('HostConfig.Mounts.VolumeOptions.', options, VOLUME_OPTIONS);
      return {
        type,
        source: source || undefined,
        ...common,
        noCopy: options.NoCopy ?? false,
        labels: options.Labels ?? {},
        driver: options.DriverConfig?.Name || undefined,
        driverOptions: options.DriverConfig?.Options ?? {},
        subpath: options.Subpath || undefined,
      };
    }
    case 'tmpfs': {
      refuseExtra('BindOptions');
      refuseExtra('VolumeOptions');
      refuseExtra('Source');
      const options = mount.TmpfsOptions ?? {};
      refuseOthers('HostConfig.Mounts.TmpfsOptions.', options, ['SizeBytes', 'Mode', 'Options']);
      return {
        type,
        ...common,
        sizeBytes: options.SizeBytes || undefined,
        mode: options.Mode || undefined,
        options: options.Options ?? [],
      };
    }
    case undefined:
    default:
      throw invalid(type, 'mount type unknown');
  }
}

/** An element of `HostConfig.Mounts` as `inspect` shows it: what the client gave. */
export function mountRequest(spec: MountSpec): object {
  const common = { Type: spec.type, Target: spec.target, ...(spec.readOnly === true && { ReadOnly: true }) };
  switch (spec.type) {
    case 'bind':
      return {
        ...common,
        Source: spec.source,
        ...given('BindOptions', {
          Propagation: spec.propagation,
          NonRecursive: spec.nonRecursive,
          CreateMountpoint: spec.createMountpoint,
          ReadOnlyNonRecursive: spec.readOnlyNonRecursive,
          ReadOnlyForceRecursive: spec.readOnlyForceRecursive,
        }),
      };
    case 'volume':
      return {
        ...common,
        ...(spec.source === undefined ? {} : { Source: spec.source }),
        ...given('VolumeOptions', {
          NoCopy: spec.noCopy,
          Labels: spec.labels,
          ...given('DriverConfig', { Name: spec.driver, Options: spec.driverOptions }),
          Subpath: spec.subpath,
        }),
      };
    case 'tmpfs':
      return {
        ...common,
        ...given('TmpfsOptions', { SizeBytes: spec.sizeBytes, Mode: spec.mode, Options: spec.options }),
      };
  }
}

/** What says something of these options; nothing at all where none does. */
function given(name: string, options: Readonly<Record<string, unknown>>): object {
  const said = Object.entries(options).filter(([, value]) => !isZero(value));
  return said.length === 0 ? {} : { [name]: Object.fromEntries(said) };
}

const BIND_OPTIONS = [
  'Propagation',
  'NonRecursive',
  'CreateMountpoint',
  'ReadOnlyNonRecursive',
  'ReadOnlyForceRecursive',
];
const VOLUME_OPTIONS = ['NoCopy', 'Labels', 'DriverConfig', 'Subpath'];

/** For Docker Desktop: on Linux all of them mean the same. */
function isConsistency(value: unknown): boolean {
  return ['default', 'consistent', 'cached', 'delegated'].includes(String(value));
}

function invalid(type: string | null | undefined, why: string): BerthError {
  return new BerthError('invalid', `invalid mount config for type "${type ?? ''}": ${why}`);
}
