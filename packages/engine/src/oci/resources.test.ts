import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Resources } from '../host-spec.js';
import { cgroupAbilities, type CgroupAbilities } from './cgroup-abilities.js';
import { checkResources, parseList } from './check-resources.js';
import { runtimeLimit } from './rlimits.js';
import { deviceRules, runtimeResources, swapOf } from './resources.js';

const MIB = 1024 * 1024;
const ABLE: CgroupAbilities = {
  ...{ memoryLimit: true, swapLimit: true, memoryReservation: true, memorySwappiness: true },
  ...{ oomKillDisable: true, pidsLimit: true, cpuShares: true, cpuCfs: true, cpuRealtime: true },
  ...{ cpuset: true, cpus: '0-3', mems: '0', blkioWeight: true, blkioWeightDevice: true },
  ...{ blkioReadBps: true, blkioWriteBps: true, blkioReadIOps: true, blkioWriteIOps: true },
  ...{ cgroupNamespaces: true, version: 1 },
};
const check = (asked: Resources, abilities: Partial<CgroupAbilities> = {}, update = false) =>
  checkResources(asked, { ...ABLE, ...abilities }, update, 4);

describe('checkResources', () => {
  it.each<[Resources, string]>([
    [{ memory: MIB }, 'Minimum memory limit allowed is 6MB'],
    [{ memory: -1 }, 'Minimum memory limit allowed is 6MB'],
    [
      { memory: 20 * MIB, memorySwap: 10 * MIB },
      'Minimum memoryswap limit should be larger than memory limit',
    ],
    [{ memorySwap: 10 * MIB }, 'You should always set the Memory limit when using Memoryswap limit'],
    [{ memorySwappiness: 101 }, 'Invalid value: 101, valid memory swappiness range is 0-100'],
    [{ memoryReservation: MIB }, 'Minimum memory reservation allowed is 6MB'],
    [{ memory: 8 * MIB, memoryReservation: 9 * MIB }, 'can not be less than memory reservation limit'],
    [{ nanoCpus: 1e9, cpuPeriod: 1000 }, 'Nano CPUs and CPU Period cannot both be set'],
    [{ nanoCpus: 1e9, cpuQuota: 1000 }, 'Nano CPUs and CPU Quota cannot both be set'],
    [{ nanoCpus: 5e9 }, 'range of CPUs is from 0.01 to 4.00, as there are only 4 CPUs available'],
    [{ cpuShares: -1 }, 'invalid CPU shares (-1)'],
    [{ cpuPeriod: 999 }, 'CPU cfs period can not be less than 1ms'],
    [{ cpuQuota: 999 }, 'CPU cfs quota can not be less than 1ms'],
    [{ cpusetCpus: '0,4' }, 'Requested CPUs are not available - requested 0,4, available: 0-3'],
    [{ cpusetCpus: '3-1' }, 'Invalid value 3-1 for cpuset cpus'],
    [{ cpusetMems: '1' }, 'Requested memory nodes are not available - requested 1, available: 0'],
    [{ memory: 1e21 }, 'invalid memory: 1e+21 is too large'],
    [{ blkioDeviceReadBps: [{ path: '/x', rate: 1e20 }] }, 'invalid blkioDeviceReadBps'],
    [{ blkioWeight: 9 }, 'Range of blkio weight is from 10 to 1000'],
  ])('refuses %j', (asked, message) => {
    expect(() => check(asked)).toThrow(message);
  });

  it('says what this kernel cannot do, and leaves it out', () => {
    const asked = { memory: 8 * MIB, blkioWeight: 500, pidsLimit: 5, memorySwappiness: 1, cpuShares: 2 };
    const unable = { swapLimit: false, blkioWeight: false, pidsLimit: false, memorySwappiness: false };
    const { resources, warnings } = check(asked, { ...unable, cpuShares: false });
    expect(resources).toEqual({ memory: 8 * MIB, memorySwap: -1 });
    expect(warnings).toEqual([
      'Your kernel does not support swap limit capabilities or the cgroup is not mounted. Memory limited without swap.',
      'Your kernel does not support memory swappiness capabilities or the cgroup is not mounted. Memory swappiness discarded.',
      'Your kernel does not support PIDs limit capabilities or the cgroup is not mounted. PIDs limit discarded.',
      'Your kernel does not support CPU shares or the cgroup is not mounted. Shares discarded.',
      'Your kernel does not support Block I/O weight or the cgroup is not mounted. Weight discarded.',
    ]);
    expect(check({ oomKillDisable: false }, { oomKillDisable: false })).toEqual({
      resources: {},
      warnings: [],
    });
  });

  it('allows what an update changes by itself', () => {
    expect(check({ memorySwap: 10 * MIB }, {}, true).resources).toEqual({ memorySwap: 10 * MIB });
  });

  it('reads lists of numbers', () => {
    expect([...parseList('0-2,5', 'cpus')]).toEqual([0, 1, 2, 5]);
    for (const bad of ['a', '1-', '-1', '1-2-3', '0-999999'])
      expect(() => parseList(bad, 'cpus')).toThrow(bad);
  });
});

describe('runtimeResources', () => {
  it("translates Docker's units", () => {
    expect(runtimeResources({})).toEqual({});
    expect(
      runtimeResources({ memory: 8 * MIB, nanoCpus: 1.5e9, pidsLimit: 0, cpusetCpus: '1', cpuShares: 2 }),
    ).toEqual({
      memory: { limit: 8 * MIB, swap: 16 * MIB },
      cpu: { shares: 2, period: 100_000, quota: 150_000, cpus: '1' },
      pids: { limit: -1 },
    });
    expect(swapOf({ memory: 5, memorySwap: -1 })).toBe(-1);
  });

  it('lets a container use the devices that it was given', () => {
    const host = { networkMode: '', portBindings: [], binds: [], autoRemove: false };
    const spec = { ...host, dns: [], dnsSearch: [], dnsOptions: [], extraHosts: [] };
    const devices = [{ pathOnHost: '/dev/null', pathInContainer: '/dev/other', permissions: 'r' }];
    const rules = deviceRules({ ...spec, devices, deviceCgroupRules: ['c 10:* rw'] });
    expect(rules.slice(-2)).toEqual([
      { allow: true, access: 'r', type: 'c', major: 1, minor: 3 },
      { allow: true, access: 'rw', type: 'c', major: 10 },
    ]);
    expect(rules[0]).toEqual({ allow: false, access: 'rwm' });
    expect(() => deviceRules({ ...spec, deviceCgroupRules: ['c 10 rw'] })).toThrow(
      "invalid device cgroup rule format: 'c 10 rw'",
    );
    const missing = [{ pathOnHost: '/dev/nope', pathInContainer: '/dev/nope', permissions: 'r' }];
    expect(() => deviceRules({ ...spec, devices: missing })).toThrow(
      'error gathering device information while adding custom device "/dev/nope": no such file or directory',
    );
  });
});

describe('runtimeLimit', () => {
  it('reads limits, with -1 for none', () => {
    expect(runtimeLimit({ name: 'nofile', soft: 10, hard: -1 })).toEqual({
      type: 'RLIMIT_NOFILE',
      soft: 10n,
      hard: 0xffff_ffff_ffff_ffffn,
    });
    expect(() => runtimeLimit({ name: 'nofile', soft: 2, hard: 1 })).toThrow(
      'ulimit soft limit must be less than or equal to hard limit: 2 > 1',
    );
    expect(() => runtimeLimit({ name: 'wishes', soft: 1, hard: 1 })).toThrow('invalid ulimit type: wishes');
    expect(() => runtimeLimit({ name: 'core', soft: 1, hard: 1e20 })).toThrow('is too large');
  });
});

describe('cgroupAbilities', () => {
  it('looks into v2, whose root lacks some of the files', () => {
    const root = mkdtempSync(join(tmpdir(), 'berth-cgroup-'));
    try {
      writeFileSync(join(root, 'cgroup.controllers'), 'cpuset cpu io memory pids\n');
      writeFileSync(join(root, 'cpuset.cpus.effective'), '0-7\n');
      mkdirSync(join(root, 'system.slice'));
      writeFileSync(join(root, 'system.slice/memory.swap.max'), 'max\n');
      const mount = { id: 1, parentId: 0, root: '/', mountPoint: root, type: 'cgroup2', source: 'cgroup2' };
      const abilities = cgroupAbilities([{ ...mount, options: [], superOptions: [], propagation: [] }]);
      expect(abilities).toMatchObject({ version: 2, memoryLimit: true, swapLimit: true, cpus: '0-7' });
      expect(abilities).toMatchObject({ memorySwappiness: false, blkioWeight: false, pidsLimit: true });
    } finally {
      rmSync(root, { recursive: true });
    }
  });
});
