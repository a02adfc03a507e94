import { DEFAULT_SHM_SIZE, MASKED_PATHS, READONLY_PATHS, type Container } from '@berth/engine';
import { hostSettingsJson } from './host-settings.js';
import { bindingMap } from './ports.js';
import { resourcesJson } from './resources.js';

import { mountRequest } from './volumes.js';

/**
 * `HostConfig` of `GET /containers/{id}/json`.
 *
 * @param foldFrom how long a run of ports must be to be one entry
 */
export function hostConfig(container: Container, foldFrom: number) {
  const { host } = container.spec;
  return {
    Binds: host.binds.length === 0 ? null : host.binds,
    ContainerIDFile: '',
    LogConfig: { Type: host.logDriver ?? 'json-file', Config: host.logOptions ?? {} },
    NetworkMode: container.networkMode,
    PortBindings: bindingMap(host.portBindings, foldFrom),
    RestartPolicy: {
      Name: host.restartPolicy?.name ?? 'no',
      MaximumRetryCount: host.restartPolicy?.maximumRetryCount ?? 0,
    },
    AutoRemove: host.autoRemove,
    VolumeDriver: host.volumeDriver ?? '',
    VolumesFrom: orNull(host.volumesFrom),
    ...((host.mounts ?? []).length === 0 ? {} : { Mounts: (host.mounts ?? []).map(mountRequest) }),
    ConsoleSize: [0, 0],
    Dns: host.dns,
    DnsOptions: host.dnsOptions,
    DnsSearch: host.dnsSearch,
    ExtraHosts: orNull(host.extraHosts),
    Links: orNull(host.links),
    PublishAllPorts: host.publishAllPorts ?? false,
    ShmSize: host.shmSize ?? DEFAULT_SHM_SIZE,
    Runtime: 'runc',
    Isolation: '',
    ...hostSettingsJson(host),
    ...resourcesJson(host.resources ?? {}),
    // What is hidden of a privileged container is nothing.
    MaskedPaths: host.privileged === true ? null : (host.maskedPaths ?? MASKED_PATHS),
    ReadonlyPaths: host.privileged === true ? null : (host.readonlyPaths ?? READONLY_PATHS),
  };
}

function orNull<T>(list: readonly T[] | undefined): readonly T[] | null {
  return list === undefined || list.length === 0 ? null : list;
}
