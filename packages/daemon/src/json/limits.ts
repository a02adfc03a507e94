import type { CgroupAbilities } from '@berth/engine';

/** What `info` tells of the limits that this kernel has. */
export function limitsJson(can: CgroupAbilities) {
  return {
    MemoryLimit: can.memoryLimit,
    SwapLimit: can.swapLimit,
    CpuCfsPeriod: can.cpuCfs,
    CpuCfsQuota: can.cpuCfs,
    CPUShares: can.cpuShares,
    CPUSet: can.cpuset,
    PidsLimit: can.pidsLimit,
    OomKillDisable: can.oomKillDisable,
  };
}

/** The limits that it lacks, as Docker warns of them. */
export function limitWarnings(can: CgroupAbilities): string[] {
  const lacking: [boolean, string][] = [
    [can.memoryLimit, 'No memory limit support'],
    [can.swapLimit, 'No swap limit support'],
    // cgroups of the second kind never have it.
    [can.oomKillDisable || can.version === 2, 'No oom kill disable support'],
    [can.cpuCfs, 'No cpu cfs quota support'],
    [can.cpuCfs, 'No cpu cfs period support'],
    [can.cpuShares, 'No cpu shares support'],
    [can.cpuset, 'No cpuset support'],
  ];
  return lacking.filter(([has]) => !has).map(([, text]) => `WARNING: ${text}`);
}
