import { BerthError } from '@berth/core';
import type { HostSpec } from '@berth/engine';
import { compareVersions } from '../http/version.js';
import { resources } from './resources.js';
import type { HostConfig } from './schemas.js';

/** With older versions of the API, containers share their IPC with whoever asks, as with Docker. */
const PRIVATE_IPC_SINCE = '1.40';

/** The part of a request's `HostConfig` that concerns what a container may do and use, in the engine's terms. */
export function hostSettings(host: HostConfig, version: string): Partial<HostSpec> {
  return {
    privileged: host.Privileged ?? false,
    capAdd: host.CapAdd ?? [],
    capDrop: host.CapDrop ?? [],
    readonlyRootfs: host.ReadonlyRootfs ?? false,
    shmSize: host.ShmSize || undefined,
    sysctls: host.Sysctls ?? {},
    resources: resources(host),
    devices: (host.Devices ?? []).map(({ PathOnHost, PathInContainer, CgroupPermissions }) => ({
      pathOnHost: PathOnHost,
      pathInContainer: PathInContainer || PathOnHost,
      permissions: CgroupPermissions || 'rwm',
    })),
    deviceCgroupRules: host.DeviceCgroupRules ?? [],
    ulimits: (host.Ulimits ?? []).map(({ Name, Soft = 0, Hard = 0 }) => ({
      name: Name,
      soft: Soft,
      hard: Hard,
    })),
    cgroupParent: host.CgroupParent || undefined,
    init: host.Init ?? undefined,
    groupAdd: (host.GroupAdd ?? []).map(String),
    tmpfs: host.Tmpfs ?? {},
    securityOptions: host.SecurityOpt ?? [],
    // None is not the same as an empty list.
    maskedPaths: host.MaskedPaths ?? undefined,
    readonlyPaths: host.ReadonlyPaths ?? undefined,
    pidMode: host.PidMode || undefined,
    ipcMode: host.IpcMode || (compareVersions(version, PRIVATE_IPC_SINCE) < 0 ? 'shareable' : undefined),
    utsMode: host.UTSMode || undefined,
    cgroupnsMode: host.CgroupnsMode || undefined,
    usernsMode: host.UsernsMode || undefined,
    oomScoreAdj: host.OomScoreAdj ?? 0,
    annotations: host.Annotations ?? undefined,
  };
}

/** Refuses, in Docker's words, what it refuses on such a host as well. @throws BerthError `invalid` */
export function refuseHostSettings(host: HostConfig): void {
  const { Runtime: runtime, Isolation: isolation, DeviceRequests: requests } = host;
  if (runtime && runtime !== 'runc')
    throw new BerthError('invalid', `unknown or invalid runtime name: ${runtime}`);
  if (isolation && isolation !== 'default')
    throw new BerthError('invalid', `invalid isolation '${isolation}' on linux`);
  if (Object.keys(host.StorageOpt ?? {}).length > 0) {
    throw new BerthError(
      'invalid',
      "--storage-opt is supported only for overlay over xfs with 'pquota' mount option",
    );
  }
  const [request] = requests ?? [];
  if (request !== undefined) {
    const wanted = (request.Capabilities ?? []).map((words) => `[${words.join(' ')}]`).join(' ');
    throw new BerthError(
      'invalid',
      `could not select device driver ${JSON.stringify(request.Driver ?? '')} with capabilities: [${wanted}]`,
    );
  }
}

/** The same part as `inspect` shows it. */
export function hostSettingsJson(host: HostSpec) {
  return {
    CapAdd: orNull(host.capAdd),
    CapDrop: orNull(host.capDrop),
    CgroupnsMode: host.cgroupnsMode ?? '',
    GroupAdd: orNull(host.groupAdd),
    IpcMode: host.ipcMode ?? 'private',
    Cgroup: '',
    OomScoreAdj: host.oomScoreAdj ?? 0,
    PidMode: host.pidMode ?? '',
    Privileged: host.privileged ?? false,
    ReadonlyRootfs: host.readonlyRootfs ?? false,
    SecurityOpt: orNull(host.securityOptions),
    UTSMode: host.utsMode ?? '',
    UsernsMode: host.usernsMode ?? '',
    CgroupParent: host.cgroupParent ?? '',
    Devices: (host.devices ?? []).map(({ pathOnHost, pathInContainer, permissions }) => ({
      PathOnHost: pathOnHost,
      PathInContainer: pathInContainer,
      CgroupPermissions: permissions,
    })),
    DeviceCgroupRules: orNull(host.deviceCgroupRules),
    DeviceRequests: null,
    Ulimits:
      orNull(host.ulimits)?.map(({ name, soft, hard }) => ({ Name: name, Hard: hard, Soft: soft })) ?? null,
    ...(host.init !== undefined && { Init: host.init }),
    ...filled('Tmpfs', host.tmpfs),
    ...filled('Sysctls', host.sysctls),
    ...filled('Annotations', host.annotations),
  };
}

function orNull<T>(list: readonly T[] | undefined): readonly T[] | null {
  return list === undefined || list.length === 0 ? null : list;
}

function filled(name: string, map: Readonly<Record<string, string>> | undefined): object {
  return map === undefined || Object.keys(map).length === 0 ? {} : { [name]: map };
}
