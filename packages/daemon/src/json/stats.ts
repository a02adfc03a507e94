import type { BlockIoEntry, ContainerStats, CpuStats, InterfaceStats, MemoryStats } from '@berth/engine';
import { NEVER } from './durations.js';

/** What Docker gives for an instant that has no processors yet: the first sample of all. */
const NO_CPU = {
  cpu_usage: { total_usage: 0, usage_in_kernelmode: 0, usage_in_usermode: 0 },
  throttling_data: { periods: 0, throttled_periods: 0, throttled_time: 0 },
};

/**
 * One sample of `GET /containers/{id}/stats`.
 *
 * @param before the sample before; `undefined` for the first
 */
export function statsJson(
  { id, name }: { readonly id: string; readonly name: string },
  stats: ContainerStats | undefined,
  before: ContainerStats | undefined,
) {
  const identity = { id, name: `/${name}` };
  // What does not run uses nothing, and Docker says so.
  if (stats === undefined) {
    return {
      read: NEVER,
      preread: NEVER,
      pids_stats: {},
      blkio_stats: blockIo([], []),
      num_procs: 0,
      storage_stats: {},
      cpu_stats: NO_CPU,
      precpu_stats: NO_CPU,
      memory_stats: {},
      ...identity,
    };
  }
  return {
    read: stats.read,
    preread: before?.read ?? NEVER,
    pids_stats: { current: stats.pids.current, ...(stats.pids.limit > 0 && { limit: stats.pids.limit }) },
    blkio_stats: blockIo(stats.blockIo.serviceBytes, stats.blockIo.serviced),
    num_procs: 0,
    storage_stats: {},
    cpu_stats: cpu(stats.cpu),
    precpu_stats: before === undefined ? NO_CPU : cpu(before.cpu),
    memory_stats: memory(stats.memory),
    ...identity,
    ...(stats.networks && {
      networks: Object.fromEntries(
        Object.entries(stats.networks).map(([interfaceName, counted]) => [interfaceName, network(counted)]),
      ),
    }),
  };
}

function cpu({ total, user, system, perProcessor, host, processors, throttling }: CpuStats) {
  return {
    cpu_usage: {
      total_usage: total,
      ...(perProcessor && { percpu_usage: perProcessor }),
      usage_in_kernelmode: system,
      usage_in_usermode: user,
    },
    system_cpu_usage: host,
    online_cpus: processors,
    throttling_data: {
      periods: throttling.periods,
      throttled_periods: throttling.throttledPeriods,
      throttled_time: throttling.throttledTime,
    },
  };
}

function memory({ usage, maxUsage, failures, limit, details }: MemoryStats) {
  return {
    usage,
    ...(maxUsage !== undefined && { max_usage: maxUsage }),
    stats: details,
    ...(failures !== undefined && { failcnt: failures }),
    limit,
  };
}

function blockIo(serviceBytes: readonly BlockIoEntry[], serviced: readonly BlockIoEntry[]) {
  const entries = (list: readonly BlockIoEntry[]) =>
    list.map(({ major, minor, operation, value }) => ({ major, minor, op: operation, value }));
  return {
    io_service_bytes_recursive: entries(serviceBytes),
    io_serviced_recursive: entries(serviced),
    io_queue_recursive: [],
    io_service_time_recursive: [],
    io_wait_time_recursive: [],
    io_merged_recursive: [],
    io_time_recursive: [],
    sectors_recursive: [],
  };
}

function network(counted: InterfaceStats) {
  return {
    rx_bytes: counted.rxBytes,
    rx_packets: counted.rxPackets,
    rx_errors: counted.rxErrors,
    rx_dropped: counted.rxDropped,
    tx_bytes: counted.txBytes,
    tx_packets: counted.txPackets,
    tx_errors: counted.txErrors,
    tx_dropped: counted.txDropped,
  };
}
