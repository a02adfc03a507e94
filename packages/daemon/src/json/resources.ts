import type { Resources } from '@berth/engine';
import type { ContainerUpdate, HostConfig } from './schemas.js';

type Rates = HostConfig['BlkioDeviceReadBps'];

/** The limits that a client asks for when it creates a container. */
export function resources(host: HostConfig): Resources {
  const pids = host.PidsLimit ?? 0;
  const swappiness = host.MemorySwappiness ?? -1;
  return {
    ...changedResources({ ...host, PidsLimit: null }),
    // Zero, and anything below, is no limit.
    ...(pids > 0 && { pidsLimit: pids }),
    // -1 is what clients send for what was left alone.
    ...(swappiness !== -1 && { memorySwappiness: swappiness }),
    ...defined('oomKillDisable', host.OomKillDisable ?? undefined),
    ...list(
      'blkioWeightDevice',
      host.BlkioWeightDevice?.map(({ Path, Weight }) => ({ path: Path, weight: Weight })),
    ),
    ...list('blkioDeviceReadBps', rates(host.BlkioDeviceReadBps)),
    ...list('blkioDeviceWriteBps', rates(host.BlkioDeviceWriteBps)),
    ...list('blkioDeviceReadIOps', rates(host.BlkioDeviceReadIOps)),
    ...list('blkioDeviceWriteIOps', rates(host.BlkioDeviceWriteIOps)),
  };
}

/** The limits that a client wants to be changed: what it sends zeros for stays, except that zero processes is no limit. */
export function changedResources(body: ContainerUpdate): Resources {
  return {
    ...defined('memory', body.Memory),
    ...defined('memorySwap', body.MemorySwap),
    ...defined('memoryReservation', body.MemoryReservation),
    ...defined('nanoCpus', body.NanoCpus),
    ...defined('cpuShares', body.CpuShares),
    ...defined('cpuPeriod', body.CpuPeriod),
    ...defined('cpuQuota', body.CpuQuota),
    ...defined('cpuRealtimePeriod', body.CpuRealtimePeriod),
    ...defined('cpuRealtimeRuntime', body.CpuRealtimeRuntime),
    ...defined('cpusetCpus', body.CpusetCpus),
    ...defined('cpusetMems', body.CpusetMems),
    ...defined('blkioWeight', body.BlkioWeight),
    ...(typeof body.PidsLimit === 'number' && { pidsLimit: Math.max(0, body.PidsLimit) }),
  };
}

/** Limits as `inspect` shows them, in Docker's shape. */
export function resourcesJson(limits: Resources) {
  return {
    CpuShares: limits.cpuShares ?? 0,
    Memory: limits.memory ?? 0,
    NanoCpus: limits.nanoCpus ?? 0,
    BlkioWeight: limits.blkioWeight ?? 0,
    BlkioWeightDevice: (limits.blkioWeightDevice ?? []).map(({ path, weight }) => ({
      Path: path,
      Weight: weight,
    })),
    BlkioDeviceReadBps: ratesJson(limits.blkioDeviceReadBps),
    BlkioDeviceWriteBps: ratesJson(limits.blkioDeviceWriteBps),
    BlkioDeviceReadIOps: ratesJson(limits.blkioDeviceReadIOps),
    BlkioDeviceWriteIOps: ratesJson(limits.blkioDeviceWriteIOps),
    CpuPeriod: limits.cpuPeriod ?? 0,
    CpuQuota: limits.cpuQuota ?? 0,
    CpuRealtimePeriod: limits.cpuRealtimePeriod ?? 0,
    CpuRealtimeRuntime: limits.cpuRealtimeRuntime ?? 0,
    CpusetCpus: limits.cpusetCpus ?? '',
    CpusetMems: limits.cpusetMems ?? '',
    MemoryReservation: limits.memoryReservation ?? 0,
    MemorySwap: limits.memorySwap ?? 0,
    MemorySwappiness: limits.memorySwappiness ?? null,
    OomKillDisable: limits.oomKillDisable ?? null,
    PidsLimit: limits.pidsLimit ?? null,
    // Windows' own.
    CpuCount: 0,
    CpuPercent: 0,
    IOMaximumIOps: 0,
    IOMaximumBandwidth: 0,
  };
}

function rates(list: Rates) {
  return list?.map(({ Path, Rate }) => ({ path: Path, rate: Rate }));
}

function ratesJson(list: Resources['blkioDeviceReadBps'] = []) {
  return list.map(({ path, rate }) => ({ Path: path, Rate: rate }));
}

/** Go's zero values ask for nothing. */
function defined<Name extends string, Value>(name: Name, value: Value): object {
  return value === undefined || value === null || value === 0 || value === '' ? {} : { [name]: value };
}

function list(name: string, values: readonly object[] | undefined): object {
  return values === undefined || values.length === 0 ? {} : { [name]: values };
}
