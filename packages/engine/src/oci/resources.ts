import type { DeviceRate, HostSpec, Resources } from '../host-spec.js';
import {
  ALL_DEVICES,
  DEFAULT_DEVICE_RULES,
  blockDevice,
  mappedDevices,
  parseDeviceRule,
  rulesFor,
  type DeviceRule,
} from './devices.js';

/** `linux.resources` of an OCI configuration. */
export interface RuntimeResources {
  readonly devices?: readonly DeviceRule[];
  readonly memory?: {
    readonly limit?: number;
    readonly reservation?: number;
    readonly swap?: number;
    readonly swappiness?: number;
    readonly disableOOMKiller?: boolean;
  };
  readonly cpu?: {
    readonly shares?: number;
    readonly quota?: number;
    readonly period?: number;
    readonly realtimeRuntime?: number;
    readonly realtimePeriod?: number;
    readonly cpus?: string;
    readonly mems?: string;
  };
  readonly pids?: { readonly limit: number };
  readonly blockIO?: {
    readonly weight?: number;
    readonly weightDevice?: readonly { major: number; minor: number; weight: number }[];
    readonly throttleReadBpsDevice?: readonly Throttle[];
    readonly throttleWriteBpsDevice?: readonly Throttle[];
    readonly throttleReadIOPSDevice?: readonly Throttle[];
    readonly throttleWriteIOPSDevice?: readonly Throttle[];
  };
}

interface Throttle {
  readonly major: number;
  readonly minor: number;
  readonly rate: number;
}

/** Microseconds; Docker's for `--cpus`, and the kernel's own (Documentation/scheduler/sched-bwc.rst). */
const PERIOD = 100_000;

/** What a container's cgroup shall limit. @throws BerthError `invalid`: a device that is not there */
export function runtimeResources(resources: Resources): RuntimeResources {
  const { pidsLimit } = resources;
  return {
    ...part('memory', memory(resources)),
    ...part('cpu', cpu(resources)),
    // Zero and less mean no limit with Docker; with runc -1 does.
    ...(pidsLimit === undefined ? {} : { pids: { limit: pidsLimit > 0 ? pidsLimit : -1 } }),
    ...part('blockIO', blockIO(resources)),
  };
}

/** What devices a container may use. */
export function deviceRules(host: HostSpec): readonly DeviceRule[] {
  if (host.privileged === true) return ALL_DEVICES;
  return [
    ...DEFAULT_DEVICE_RULES,
    ...(host.devices ?? []).flatMap((mapping) => rulesFor(mappedDevices(mapping), mapping.permissions)),
    ...(host.deviceCgroupRules ?? []).map(parseDeviceRule),
  ];
}

/** Memory and swap together: twice the memory where nothing else was asked for, as with Docker; -1: no limit. */
export function swapOf({ memory = 0, memorySwap = 0 }: Resources): number {
  return memorySwap === 0 && memory > 0 ? memory * 2 : memorySwap;
}

function memory(resources: Resources): RuntimeResources['memory'] {
  const { memory: limit = 0, memoryReservation = 0, memorySwappiness, oomKillDisable } = resources;
  const swap = swapOf(resources);
  return {
    ...(limit > 0 && { limit }),
    ...(memoryReservation > 0 && { reservation: memoryReservation }),
    ...(swap !== 0 && { swap }),
    ...(memorySwappiness !== undefined && { swappiness: memorySwappiness }),
    ...(oomKillDisable === true && { disableOOMKiller: true }),
  };
}

function cpu(resources: Resources): RuntimeResources['cpu'] {
  const { nanoCpus = 0, cpuShares = 0, cpusetCpus = '', cpusetMems = '' } = resources;
  const { cpuRealtimePeriod = 0, cpuRealtimeRuntime = 0 } = resources;
  const period = nanoCpus > 0 ? PERIOD : (resources.cpuPeriod ?? 0);
  const quota = nanoCpus > 0 ? Math.floor((nanoCpus * PERIOD) / 1e9) : (resources.cpuQuota ?? 0);
  return {
    ...(cpuShares > 0 && { shares: cpuShares }),
    ...(period > 0 && { period }),
    ...(quota !== 0 && { quota }),
    ...(cpuRealtimePeriod > 0 && { realtimePeriod: cpuRealtimePeriod }),
    ...(cpuRealtimeRuntime !== 0 && { realtimeRuntime: cpuRealtimeRuntime }),
    ...(cpusetCpus !== '' && { cpus: cpusetCpus }),
    ...(cpusetMems !== '' && { mems: cpusetMems }),
  };
}

function blockIO(resources: Resources): RuntimeResources['blockIO'] {
  const { blkioWeight = 0, blkioWeightDevice = [] } = resources;
  return {
    ...(blkioWeight > 0 && { weight: blkioWeight }),
    ...(blkioWeightDevice.length > 0 && {
      weightDevice: blkioWeightDevice.map(({ path, weight }) => ({ ...blockDevice(path), weight })),
    }),
    ...throttle('throttleReadBpsDevice', resources.blkioDeviceReadBps),
    ...throttle('throttleWriteBpsDevice', resources.blkioDeviceWriteBps),
    ...throttle('throttleReadIOPSDevice', resources.blkioDeviceReadIOps),
    ...throttle('throttleWriteIOPSDevice', resources.blkioDeviceWriteIOps),
  };
}

function throttle(name: string, rates: readonly DeviceRate[] = []): Record<string, Throttle[]> {
  return rates.length === 0
    ? {}
    : { [name]: rates.map(({ path, rate }) => ({ ...blockDevice(path), rate })) };
}

function part(name: string, value: object | undefined): object {
  return value === undefined || Object.keys(value).length === 0 ? {} : { [name]: value };
}
