import { readFileSync } from 'node:fs';
import { totalmem } from 'node:os';
import { NetworkNamespace, RouteSocket } from '@berth/kernel';
import { now } from '../clock.js';
import type { CgroupFiles } from './cgroup-files.js';
import type {
  BlockIoEntry,
  BlockIoStats,
  ContainerStats,
  CpuStats,
  InterfaceStats,
  MemoryStats,
} from './model.js';

/** A tick of /proc/stat and cpuacct.stat in nanoseconds: USER_HZ is 100 on every architecture that Node runs on (time(7)). */
const TICK = 10_000_000;
const MICROSECOND = 1_000;

/** How the host's processors have spent their time since the boot: the parts of it that count, in Docker's reckoning. */
export interface HostCpu {
  readonly total: number;
  readonly processors: number;
}

/** Reads /proc/stat: user, nice, system, idle, iowait, irq, softirq (proc(5)); guests are in user already. */
export function hostCpu(text = readFileSync('/proc/stat', 'utf8')): HostCpu {
  const [first = '', ...rest] = text.split('\n');
  const ticks = first.trim().split(/\s+/).slice(1, 8).map(Number);
  return {
    total: ticks.reduce((sum, value) => sum + value, 0) * TICK,
    processors: rest.filter((line) => /^cpu\d/.test(line)).length,
  };
}

/** @param networks see {@link interfaceStats} */
export function sampleOf(
  files: CgroupFiles,
  host: HostCpu,
  networks: Readonly<Record<string, InterfaceStats>> | undefined,
): ContainerStats {
  const second = files.version === 2;
  return {
    read: now(),
    cgroupVersion: files.version,
    cpu: second ? cpuOfSecond(files, host) : cpuOfFirst(files, host),
    memory: second ? memoryOfSecond(files) : memoryOfFirst(files),
    pids: {
      current: files.number('pids', 'pids.current') ?? 0,
      limit: files.number('pids', 'pids.max') ?? 0,
    },
    blockIo: second ? blockIoOfSecond(files) : blockIoOfFirst(files),
    ...(networks && { networks }),
  };
}

/** What has passed some interfaces of a network namespace. */
export function interfaceStats(path: string, names: readonly string[]): Record<string, InterfaceStats> {
  using namespace = NetworkNamespace.open(path);
  using socket = RouteSocket.open(namespace);
  return Object.fromEntries(
    socket.links().flatMap(({ name, stats64: counted }) => {
      if (counted === undefined || !names.includes(name)) return [];
      const stats: InterfaceStats = {
        rxBytes: Number(counted.rxBytes),
        rxPackets: Number(counted.rxPackets),
        rxErrors: Number(counted.rxErrors),
        rxDropped: Number(counted.rxDropped),
        txBytes: Number(counted.txBytes),
        txPackets: Number(counted.txPackets),
        txErrors: Number(counted.txErrors),
        txDropped: Number(counted.txDropped),
      };
      return [[name, stats] as const];
    }),
  );
}

/** Documentation/admin-guide/cgroup-v1/cpuacct.rst and Documentation/scheduler/sched-bwc.rst. */
function cpuOfFirst(files: CgroupFiles, host: HostCpu): CpuStats {
  const { user = 0, system = 0 } = files.table('cpuacct', 'cpuacct.stat');
  const { nr_periods = 0, nr_throttled = 0, throttled_time = 0 } = files.table('cpu', 'cpu.stat');
  const perProcessor = files.text('cpuacct', 'cpuacct.usage_percpu')?.split(' ').map(Number);
  return {
    total: files.number('cpuacct', 'cpuacct.usage') ?? 0,
    user: user * TICK,
    system: system * TICK,
    ...(perProcessor && { perProcessor }),
    host: host.total,
    processors: host.processors,
    throttling: { periods: nr_periods, throttledPeriods: nr_throttled, throttledTime: throttled_time },
  };
}

/** Documentation/admin-guide/cgroup-v2.rst, as the other ones of version 2. */
function cpuOfSecond(files: CgroupFiles, host: HostCpu): CpuStats {
  const stat = files.table('', 'cpu.stat');
  const time = (name: string) => (stat[name] ?? 0) * MICROSECOND;
  return {
    total: time('usage_usec'),
    user: time('user_usec'),
    system: time('system_usec'),
    host: host.total,
    processors: host.processors,
    throttling: {
      periods: stat['nr_periods'] ?? 0,
      throttledPeriods: stat['nr_throttled'] ?? 0,
      throttledTime: time('throttled_usec'),
    },
  };
}

/** Documentation/admin-guide/cgroup-v1/memory.rst. */
function memoryOfFirst(files: CgroupFiles): MemoryStats {
  const number = (name: string) => files.number('memory', `memory.${name}`) ?? 0;
  return {
    usage: number('usage_in_bytes'),
    maxUsage: number('max_usage_in_bytes'),
    failures: number('failcnt'),
    limit: Math.min(number('limit_in_bytes') || Infinity, totalmem()),
    details: files.table('memory', 'memory.stat'),
  };
}

function memoryOfSecond(files: CgroupFiles): MemoryStats {
  return {
    usage: files.number('', 'memory.current') ?? 0,
    limit: Math.min(files.number('', 'memory.max') ?? Infinity, totalmem()),
    details: files.table('', 'memory.stat'),
  };
}

/** Lines like `8:0 Read 4096` (Documentation/admin-guide/cgroup-v1/blkio-controller.rst); the last one is a total of all. */
function blockIoOfFirst(files: CgroupFiles): BlockIoStats {
  const entries = (name: string) =>
    (files.text('blkio', `blkio.throttle.${name}_recursive`) ?? '')
      .split('\n')
      .flatMap((line): BlockIoEntry[] => {
        const match = /^(\d+):(\d+) (\w+) (\d+)$/.exec(line);
        if (match === null) return [];
        const [, major, minor, operation = '', value] = match;
        return [{ major: Number(major), minor: Number(minor), operation, value: Number(value) }];
      });
  return { serviceBytes: entries('io_service_bytes'), serviced: entries('io_serviced') };
}

/** Lines like `8:0 rbytes=4096 wbytes=0 rios=1 wios=0 …`. */
function blockIoOfSecond(files: CgroupFiles): BlockIoStats {
  const lines = (files.text('', 'io.stat') ?? '').split('\n').filter((line) => line !== '');
  const entries = (read: string, write: string) =>
    lines.flatMap((line): BlockIoEntry[] => {
      const [device = '', ...pairs] = line.split(' ');
      const [major = 0, minor = 0] = device.split(':').map(Number);
      const values = new Map(pairs.map((pair) => [pair.split('=')[0], Number(pair.split('=')[1])]));
      const entry = (operation: string, name: string) => ({
        major,
        minor,
        operation,
        value: values.get(name) ?? 0,
      });
      return [entry('read', read), entry('write', write)];
    });
  return { serviceBytes: entries('rbytes', 'wbytes'), serviced: entries('rios', 'wios') };
}
