import type { Container } from '@berth/engine';
import { bindingMap } from './ports.js';

/** Bytes of `/dev/shm` where nothing else was asked for. */
const DEFAULT_SHM_SIZE = 64 * 1024 * 1024;

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
    LogConfig: { Type: host.logDriver ?? 'json-file', Config: {} },
    NetworkMode: container.networkMode,
    PortBindings: bindingMap(host.portBindings, foldFrom),
    RestartPolicy: {
      Name: host.restartPolicy?.name ?? 'no',
      MaximumRetryCount: host.restartPolicy?.maximumRetryCount ?? 0,
    },
    AutoRemove: host.autoRemove,
    VolumeDriver: '',
    VolumesFrom: null,
    ConsoleSize: [0, 0],
    CapAdd: orNull(host.capAdd),
    CapDrop: orNull(host.capDrop),
    CgroupnsMode: '',
    Dns: host.dns,
    DnsOptions: host.dnsOptions,
    DnsSearch: host.dnsSearch,
    ExtraHosts: orNull(host.extraHosts),
    GroupAdd: null,
    IpcMode: 'private',
    Cgroup: '',
    Links: orNull(host.links),
    OomScoreAdj: 0,
    PidMode: '',
    Privileged: host.privileged ?? false,
    PublishAllPorts: host.publishAllPorts ?? false,
    ReadonlyRootfs: host.readonlyRootfs ?? false,
    SecurityOpt: null,
    UTSMode: '',
    UsernsMode: '',
    ShmSize: host.shmSize ?? DEFAULT_SHM_SIZE,
    ...(Object.keys(host.sysctls ?? {}).length === 0 ? {} : { Sysctls: host.sysctls }),
    Runtime: 'runc',
    Isolation: '',
    ...NO_LIMITS,
  };
}

function orNull<T>(list: readonly T[] | undefined): readonly T[] | null {
  return list === undefined || list.length === 0 ? null : list;
}

/** Resources that a container may use: Berth limits none, and says so. */
const NO_LIMITS = {
  CpuShares: 0,
  Memory: 0,
  NanoCpus: 0,
  CgroupParent: '',
  BlkioWeight: 0,
  BlkioWeightDevice: [],
  BlkioDeviceReadBps: [],
  BlkioDeviceWriteBps: [],
  BlkioDeviceReadIOps: [],
  BlkioDeviceWriteIOps: [],
  CpuPeriod: 0,
  CpuQuota: 0,
  CpuRealtimePeriod: 0,
  CpuRealtimeRuntime: 0,
  CpusetCpus: '',
  CpusetMems: '',
  Devices: [],
  DeviceCgroupRules: null,
  DeviceRequests: null,
  MemoryReservation: 0,
  MemorySwap: 0,
  MemorySwappiness: null,
  OomKillDisable: null,
  PidsLimit: null,
  Ulimits: null,
  CpuCount: 0,
  CpuPercent: 0,
  IOMaximumIOps: 0,
  IOMaximumBandwidth: 0,
};
