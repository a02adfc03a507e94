import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { mounts, type MountInfo } from '@berth/kernel';

/** What this host's kernel can limit: Docker's `sysinfo`. */
export interface CgroupAbilities {
  readonly memoryLimit: boolean;
  readonly swapLimit: boolean;
  readonly memoryReservation: boolean;
  readonly memorySwappiness: boolean;
  readonly oomKillDisable: boolean;
  readonly pidsLimit: boolean;
  readonly cpuShares: boolean;
  readonly cpuCfs: boolean;
  readonly cpuRealtime: boolean;
  readonly cpuset: boolean;
  /** `0-3`; empty without cpusets. */
  readonly cpus: string;
  readonly mems: string;
  readonly blkioWeight: boolean;
  readonly blkioWeightDevice: boolean;
  readonly blkioReadBps: boolean;
  readonly blkioWriteBps: boolean;
  readonly blkioReadIOps: boolean;
  readonly blkioWriteIOps: boolean;
  readonly cgroupNamespaces: boolean;
  readonly version: 1 | 2;
}

/** Looks what cgroups (v1, v2 or both, cgroups(7)) are mounted here and can do. */
export function cgroupAbilities(mounted: readonly MountInfo[] = mounts()): CgroupAbilities {
  const cgroupNamespaces = existsSync('/proc/self/ns/cgroup');
  const hierarchies = mounted.filter(({ type }) => type === 'cgroup');
  const abilities =
    hierarchies.length > 0
      ? version1(hierarchies)
      : version2(mounted.find(({ type }) => type === 'cgroup2')?.mountPoint ?? '');
  return { ...abilities, cgroupNamespaces };
}

let known: CgroupAbilities | undefined;

/** The same, looked up once: a kernel does not learn. */
export function hostAbilities(): CgroupAbilities {
  known ??= cgroupAbilities();
  return known;
}

type Found = Omit<CgroupAbilities, 'cgroupNamespaces'>;

function version1(hierarchies: readonly MountInfo[]): Found {
  const place = (controller: string) => {
    const hierarchy = hierarchies.find(({ superOptions }) => superOptions.includes(controller));
    return hierarchy === undefined ? '' : hierarchy.mountPoint;
  };
  const [memory, cpu, cpuset, blkio] = ['memory', 'cpu', 'cpuset', 'blkio'].map(place);
  return {
    version: 1,
    memoryLimit: has(memory, 'memory.limit_in_bytes'),
    swapLimit: has(memory, 'memory.memsw.limit_in_bytes'),
    memoryReservation: has(memory, 'memory.soft_limit_in_bytes'),
    memorySwappiness: has(memory, 'memory.swappiness'),
    oomKillDisable: has(memory, 'memory.oom_control'),
    pidsLimit: place('pids') !== '',
    cpuShares: has(cpu, 'cpu.shares'),
    cpuCfs: has(cpu, 'cpu.cfs_quota_us'),
    cpuRealtime: has(cpu, 'cpu.rt_period_us'),
    cpuset: has(cpuset, 'cpuset.cpus'),
    cpus: content(cpuset, 'cpuset.cpus'),
    mems: content(cpuset, 'cpuset.mems'),
    // The CFQ scheduler's, then BFQ's.
    blkioWeight: has(blkio, 'blkio.weight') || has(blkio, 'blkio.bfq.weight'),
    blkioWeightDevice: has(blkio, 'blkio.weight_device') || has(blkio, 'blkio.bfq.weight_device'),
    blkioReadBps: has(blkio, 'blkio.throttle.read_bps_device'),
    blkioWriteBps: has(blkio, 'blkio.throttle.write_bps_device'),
    blkioReadIOps: has(blkio, 'blkio.throttle.read_iops_device'),
    blkioWriteIOps: has(blkio, 'blkio.throttle.write_iops_device'),
  };
}

function version2(root: string): Found {
  const controllers = new Set(content(root, 'cgroup.controllers').split(' '));
  const [memory, cpu, io, cpuset] = ['memory', 'cpu', 'io', 'cpuset'].map((name) => controllers.has(name));
  return {
    version: 2,
    memoryLimit: memory === true,
    swapLimit: memory === true && has(root, 'memory.swap.max'),
    memoryReservation: memory === true,
    // Neither is there in v2.
    memorySwappiness: false,
    oomKillDisable: false,
    pidsLimit: controllers.has('pids'),
    cpuShares: cpu === true,
    cpuCfs: cpu === true,
    cpuRealtime: false,
    cpuset: cpuset === true,
    cpus: content(root, 'cpuset.cpus.effective'),
    mems: content(root, 'cpuset.mems.effective'),
    blkioWeight: io === true && (has(root, 'io.weight') || has(root, 'io.bfq.weight')),
    blkioWeightDevice: io === true && (has(root, 'io.weight') || has(root, 'io.bfq.weight')),
    blkioReadBps: io === true,
    blkioWriteBps: io === true,
    blkioReadIOps: io === true,
    blkioWriteIOps: io === true,
  };
}

/** Whether cgroups of a hierarchy have a file: some are not at its root, but in those below. */
function has(hierarchy: string | undefined, file: string): boolean {
  if (hierarchy === undefined || hierarchy === '') return false;
  if (existsSync(join(hierarchy, file))) return true;
  try {
    const below = readdirSync(hierarchy, { withFileTypes: true }).find((entry) => entry.isDirectory());
    return below !== undefined && existsSync(join(hierarchy, below.name, file));
  } catch {
    return false;
  }
}

function content(hierarchy: string | undefined, file: string): string {
  if (hierarchy === undefined || hierarchy === '') return '';
  try {
    return readFileSync(join(hierarchy, file), 'utf8').trim();
  } catch {
    return '';
  }
}
