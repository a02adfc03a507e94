import { cpus } from 'node:os';
import { BerthError } from '@berth/core';
import type { Resources } from '../host-spec.js';
import type { CgroupAbilities } from './cgroup-abilities.js';

/** Docker's least limit: with less, runc itself does not get the container started. */
const LEAST_MEMORY = 6 * 1024 * 1024;

export interface CheckedResources {
  /** What this host's kernel can do of what was asked for. */
  readonly resources: Resources;
  /** What it cannot, in Docker's words. */
  readonly warnings: readonly string[];
}

/**
 * Holds what a client asks for against what makes sense, and what this kernel can do.
 *
 * @param update whether this changes a container that has limits already
 * @throws BerthError `invalid`, in Docker's wording
 */
export function checkResources(
  asked: Resources,
  abilities: CgroupAbilities,
  update = false,
  processors: number = cpus().length,
): CheckedResources {
  checkNumbers(asked);
  const check = new Check(asked, abilities);
  check.memory(update);
  check.processors(processors);
  check.cpusets();
  check.blockDevices();
  return { resources: check.resources, warnings: check.warnings };
}

/** Docker's are 64-bit integers, and so are the runtime's. */
const TOO_LARGE = 2 ** 63;

function checkNumbers(asked: Resources): void {
  const numbers = Object.entries(asked).flatMap(([name, value]): [string, unknown][] =>
    Array.isArray(value)
      ? value.flatMap((entry: object) => Object.values(entry).map((part): [string, unknown] => [name, part]))
      : [[name, value]],
  );
  for (const [name, value] of numbers)
    refuse(
      typeof value === 'number' && Math.abs(value) >= TOO_LARGE,
      `invalid ${name}: ${String(value)} is too large`,
    );
}

class Check {
  resources: Resources;
  readonly warnings: string[] = [];
  readonly #can: CgroupAbilities;

  constructor(asked: Resources, abilities: CgroupAbilities) {
    this.resources = asked;
    this.#can = abilities;
  }

  memory(update: boolean): void {
    const can = this.#can;
    refuse(below(this.resources.memory, LEAST_MEMORY), 'Minimum memory limit allowed is 6MB');
    if (!can.memoryLimit && positive(this.resources.memory)) {
      this.#drop(['memory', 'memorySwap'], kernelLacks('memory limit capabilities', 'Limitation discarded.'));
    }
    if (!can.swapLimit && positive(this.resources.memory) && this.resources.memorySwap !== -1) {
      this.#drop([], kernelLacks('swap limit capabilities', 'Memory limited without swap.'));
      this.resources = { ...this.resources, memorySwap: -1 };
    }
    const { memory = 0, memorySwap = 0 } = this.resources;
    refuse(
      memory > 0 && memorySwap > 0 && memorySwap < memory,
      'Minimum memoryswap limit should be larger than memory limit, see usage',
    );
    refuse(
      memory === 0 && memorySwap > 0 && !update,
      'You should always set the Memory limit when using Memoryswap limit, see usage',
    );
    if (!can.memorySwappiness && this.resources.memorySwappiness !== undefined) {
      const lost = kernelLacks('memory swappiness capabilities', 'Memory swappiness discarded.');
      this.#drop(['memorySwappiness'], lost);
    }
    const { memorySwappiness } = this.resources;
    refuse(
      memorySwappiness !== undefined && !within(memorySwappiness, 0, 100),
      `Invalid value: ${memorySwappiness ?? ''}, valid memory swappiness range is 0-100`,
    );
    if (!can.memoryReservation && positive(this.resources.memoryReservation)) {
      const lost = kernelLacks('memory soft limit capabilities', 'Limitation discarded.');
      this.#drop(['memoryReservation'], lost);
    }
    const { memoryReservation = 0 } = this.resources;
    refuse(below(memoryReservation, LEAST_MEMORY), 'Minimum memory reservation allowed is 6MB');
    refuse(
      memoryReservation > 0 && memory > 0 && memory < memoryReservation,
      'Minimum memory limit can not be less than memory reservation limit, see usage',
    );
    this.#outOfMemory();
    if (!can.pidsLimit && this.resources.pidsLimit !== undefined) {
      const lost = kernelLacks('PIDs limit capabilities', 'PIDs limit discarded.');
      this.#drop(['pidsLimit'], positive(this.resources.pidsLimit) ? lost : undefined);
    }
  }

  #outOfMemory(): void {
    const { oomKillDisable, memory = 0 } = this.resources;
    if (!this.#can.oomKillDisable && oomKillDisable !== undefined) {
      const lost = 'Your kernel does not support OomKillDisable. OomKillDisable discarded.';
      this.#drop(['oomKillDisable'], oomKillDisable ? lost : undefined);
    } else if (oomKillDisable === true && memory === 0) {
      this.warnings.push(
        'OOM killer is disabled for the container, but no memory limit is set, this can result in the system running out of resources.',
      );
    }
  }

  processors(count: number): void {
    const can = this.#can;
    const { nanoCpus = 0, cpuShares = 0 } = this.resources;
    refuse(
      nanoCpus > 0 && positive(this.resources.cpuPeriod),
      'Conflicting options: Nano CPUs and CPU Period cannot both be set',
    );
    refuse(
      nanoCpus > 0 && positive(this.resources.cpuQuota),
      'Conflicting options: Nano CPUs and CPU Quota cannot both be set',
    );
    refuse(
      nanoCpus > 0 && !can.cpuCfs,
      'NanoCPUs can not be set, as your kernel does not support CPU CFS scheduler or the cgroup is not mounted',
    );
    refuse(
      !within(nanoCpus, 0, count * 1e9),
      `range of CPUs is from 0.01 to ${count}.00, as there are only ${count} CPUs available`,
    );
    refuse(cpuShares < 0, `invalid CPU shares (${cpuShares}): value must be a positive integer`);
    if (cpuShares > 0 && !can.cpuShares)
      this.#drop(['cpuShares'], kernelLacks('CPU shares', 'Shares discarded.'));
    const { cpuPeriod = 0, cpuQuota = 0 } = this.resources;
    if ((cpuPeriod !== 0 || cpuQuota !== 0) && !can.cpuCfs) {
      this.#drop(
        ['cpuPeriod', 'cpuQuota'],
        'Your kernel does not support CPU CFS scheduler. CPU period/quota discarded.',
      );
    }
    refuse(
      cpuPeriod !== 0 && !within(cpuPeriod, 1000, 1_000_000),
      'CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s (i.e. 1000000)',
    );
    refuse(cpuQuota > 0 && cpuQuota < 1000, 'CPU cfs quota can not be less than 1ms (i.e. 1000)');
    const { cpuRealtimePeriod = 0, cpuRealtimeRuntime = 0 } = this.resources;
    refuse(
      (cpuRealtimePeriod !== 0 || cpuRealtimeRuntime !== 0) && !can.cpuRealtime,
      'Your kernel does not support CPU real-time scheduler',
    );
    refuse(
      cpuRealtimePeriod > 0 && cpuRealtimeRuntime > cpuRealtimePeriod,
      'cpu real-time runtime cannot be higher than cpu real-time period',
    );
  }

  cpusets(): void {
    const { cpusetCpus = '', cpusetMems = '' } = this.resources;
    if (cpusetCpus === '' && cpusetMems === '') return;
    if (!this.#can.cpuset) {
      this.#drop(['cpusetCpus', 'cpusetMems'], kernelLacks('cpuset', 'Cpuset discarded.'));
      return;
    }
    const { cpus: available, mems } = this.#can;
    refuse(
      !contains(available, cpusetCpus, 'cpus'),
      `Requested CPUs are not available - requested ${cpusetCpus}, available: ${available}`,
    );
    refuse(
      !contains(mems, cpusetMems, 'mems'),
      `Requested memory nodes are not available - requested ${cpusetMems}, available: ${mems}`,
    );
  }

  blockDevices(): void {
    const can = this.#can;
    const { blkioWeight = 0 } = this.resources;
    if (blkioWeight > 0 && !can.blkioWeight)
      this.#drop(['blkioWeight'], kernelLacks('Block I/O weight', 'Weight discarded.'));
    else
      refuse(blkioWeight !== 0 && !within(blkioWeight, 10, 1000), 'Range of blkio weight is from 10 to 1000');
    const lists = [
      ['blkioWeightDevice', can.blkioWeightDevice, 'Block I/O weight_device', 'Weight-device discarded.'],
      [
        'blkioDeviceReadBps',
        can.blkioReadBps,
        'BPS Block I/O read limit',
        'Block I/O BPS read limit discarded.',
      ],
      [
        'blkioDeviceWriteBps',
        can.blkioWriteBps,
        'BPS Block I/O write limit',
        'Block I/O BPS write limit discarded.',
      ],
      [
        'blkioDeviceReadIOps',
        can.blkioReadIOps,
        'IOPS Block read limit',
        'Block I/O IOPS read limit discarded.',
      ],
      [
        'blkioDeviceWriteIOps',
        can.blkioWriteIOps,
        'IOPS Block write limit',
        'Block I/O IOPS write limit discarded.',
      ],
    ] as const;
    for (const [field, able, what, lost] of lists)
      if (!able && (this.resources[field]?.length ?? 0) > 0) this.#drop([field], kernelLacks(what, lost));
  }

  #drop(fields: readonly (keyof Resources)[], warning: string | undefined): void {
    this.resources = Object.fromEntries(
      Object.entries(this.resources).filter(([field]) => !fields.includes(field as keyof Resources)),
    );
    if (warning !== undefined) this.warnings.push(warning);
  }
}

/**
 * The numbers of a list like `0-2,4` (cpuset(7)).
 *
 * @throws BerthError `invalid`
 */
export function parseList(text: string, what: string): Set<number> {
  const numbers = new Set<number>();
  for (const part of text.split(',')) {
    if (part === '') continue;
    const [, first = '', last = first] = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(part.trim()) ?? [];
    refuse(first === '' || Number(last) < Number(first), `Invalid value ${text} for cpuset ${what}`);
    for (let number = Number(first); number <= Number(last); number += 1) numbers.add(number);
  }
  return numbers;
}

function contains(available: string, wanted: string, what: string): boolean {
  const have = parseList(available, what);
  return [...parseList(wanted, what)].every((number) => have.has(number));
}

function refuse(wrong: boolean, message: string): void {
  if (wrong) throw new BerthError('invalid', message);
}

/** Asked for, but less than what makes sense. */
const below = (value: number | undefined, least: number): boolean =>
  value !== undefined && value !== 0 && value < least;
const positive = (value: number | undefined): boolean => value !== undefined && value > 0;
const within = (value: number, least: number, most: number): boolean => value >= least && value <= most;
const kernelLacks = (what: string, so: string): string =>
  `Your kernel does not support ${what} or the cgroup is not mounted. ${so}`;
