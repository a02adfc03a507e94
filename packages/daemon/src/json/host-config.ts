import { restartPolicy, type HostSpec } from '@berth/engine';
import { API_VERSION } from '../http/version.js';
import { hostSettings, refuseHostSettings } from './host-settings.js';
import { portSpecs } from './ports.js';
import { anything, refuseOthers } from './refuse.js';
import { HostConfig } from './schemas.js';
import { mountSpecs } from './volumes.js';

const HOST_FIELDS = Object.keys(HostConfig.properties);

/** Values that mean what Berth does anyway. */
const HOST_HARMLESS = {
  // For the client's own use, and for Windows.
  ContainerIDFile: anything,
};

/**
 * What a client asks for of the host, in the engine's terms.
 *
 * @param version of the API that the client speaks
 * @throws BerthError `invalid`, naming the first field that Berth does not act on
 */
export function hostSpec(host: HostConfig, version: string = API_VERSION): HostSpec {
  refuseOthers('HostConfig.', host, HOST_FIELDS, HOST_HARMLESS);
  refuseHostSettings(host);
  refuseOthers('HostConfig.LogConfig.', host.LogConfig ?? {}, ['Type', 'Config']);
  return {
    networkMode: host.NetworkMode || 'default',
    portBindings: portSpecs(host.PortBindings),
    publishAllPorts: host.PublishAllPorts ?? false,
    binds: host.Binds ?? [],
    mounts: mountSpecs(host.Mounts, version),
    volumesFrom: host.VolumesFrom ?? [],
    volumeDriver: host.VolumeDriver || undefined,
    autoRemove: host.AutoRemove ?? false,
    restartPolicy: restartPolicy(host.RestartPolicy?.Name ?? '', host.RestartPolicy?.MaximumRetryCount ?? 0),
    dns: host.Dns ?? [],
    dnsSearch: host.DnsSearch ?? [],
    dnsOptions: host.DnsOptions ?? [],
    extraHosts: host.ExtraHosts ?? [],
    links: host.Links ?? [],
    ...hostSettings(host, version),
    logDriver: host.LogConfig?.Type || 'json-file',
    logOptions: host.LogConfig?.Config ?? {},
  };
}
