import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { totalmem, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { CgroupFiles } from './cgroup-files.js';
import { hostCpu, sampleOf } from './sample.js';

const folder = mkdtempSync(join(tmpdir(), 'berth-stats-'));
afterAll(() => {
  rmSync(folder, { recursive: true });
});

/** A cgroup's directory with these files. */
function directory(name: string, files: Readonly<Record<string, string>>): string {
  const path = join(folder, name);
  mkdirSync(path, { recursive: true });
  for (const [file, text] of Object.entries(files)) writeFileSync(join(path, file), `${text}\n`);
  return path;
}

const HOST = hostCpu('cpu  10 0 20 60 5 1 2 3 4 5\ncpu0 5 0 10 30 2 0 1\ncpu1 5 0 10 30 3 1 1\nintr 1\n');

it('counts what processors do in the ticks of seven columns', () => {
  expect(HOST).toEqual({ total: 980_000_000, processors: 2 });
});

describe('a cgroup of version 1', () => {
  const files = CgroupFiles.of(1, {
    cpuacct: directory('v1/cpuacct', {
      'cpuacct.usage': '5000000000',
      'cpuacct.stat': 'user 300\nsystem 200',
      'cpuacct.usage_percpu': '2000000000 3000000000',
    }),
    cpu: directory('v1/cpu', { 'cpu.stat': 'nr_periods 5\nnr_throttled 2\nthrottled_time 700' }),
    memory: directory('v1/memory', {
      'memory.usage_in_bytes': '4096000',
      'memory.max_usage_in_bytes': '8192000',
      'memory.failcnt': '3',
      'memory.limit_in_bytes': '9223372036854771712',
      'memory.stat': 'cache 1000\ntotal_inactive_file 500',
    }),
    pids: directory('v1/pids', { 'pids.current': '4', 'pids.max': 'max', 'cgroup.procs': '12\n7' }),
    blkio: directory('v1/blkio', {
      'blkio.throttle.io_service_bytes_recursive': '8:0 Read 4096\n8:0 Write 0\n8:0 Total 4096\nTotal 4096',
    }),
  });

  it('tells what is used', () => {
    expect(sampleOf(files, HOST, {})).toMatchObject({
      cgroupVersion: 1,
      cpu: {
        total: 5_000_000_000,
        user: 3_000_000_000,
        system: 2_000_000_000,
        perProcessor: [2_000_000_000, 3_000_000_000],
        processors: 2,
        throttling: { periods: 5, throttledPeriods: 2, throttledTime: 700 },
      },
      memory: {
        usage: 4_096_000,
        maxUsage: 8_192_000,
        failures: 3,
        limit: totalmem(),
        details: { cache: 1000, total_inactive_file: 500 },
      },
      pids: { current: 4, limit: 0 },
      blockIo: {
        serviceBytes: [
          { major: 8, minor: 0, operation: 'Read', value: 4096 },
          { major: 8, minor: 0, operation: 'Write', value: 0 },
          { major: 8, minor: 0, operation: 'Total', value: 4096 },
        ],
        serviced: [],
      },
      networks: {},
    });
  });

  it('knows its processes and those below it', () => {
    directory('v1/pids/below', { 'cgroup.procs': '9' });
    expect(files.processes()).toEqual([7, 9, 12]);
  });
});

it('a cgroup of version 2 tells what is used in microseconds, and in one line for each device', () => {
  const path = directory('v2', {
    'cpu.stat':
      'usage_usec 5000\nuser_usec 3000\nsystem_usec 2000\nnr_periods 1\nnr_throttled 1\nthrottled_usec 9',
    'memory.current': '4096',
    'memory.max': '8192',
    'memory.stat': 'anon 10\ninactive_file 20',
    'pids.current': '2',
    'pids.max': '50',
    'io.stat': '8:16 rbytes=10 wbytes=20 rios=1 wios=2 dbytes=0 dios=0',
  });
  const sample = sampleOf(CgroupFiles.of(2, { '': path }), HOST, undefined);
  expect(sample).toMatchObject({
    cpu: { total: 5_000_000, user: 3_000_000, throttling: { periods: 1, throttledTime: 9_000 } },
    memory: { usage: 4096, limit: 8192, details: { inactive_file: 20 } },
    pids: { current: 2, limit: 50 },
    blockIo: {
      serviceBytes: [
        { major: 8, minor: 16, operation: 'read', value: 10 },
        { major: 8, minor: 16, operation: 'write', value: 20 },
      ],
      serviced: [
        { operation: 'read', value: 1 },
        { operation: 'write', value: 2 },
      ],
    },
  });
  expect(sample).not.toHaveProperty('networks');
  expect(sample.memory).not.toHaveProperty('maxUsage');
  expect(sample.cpu).not.toHaveProperty('perProcessor');
});

it('a cgroup that is gone reads as nothing', () => {
  const sample = sampleOf(CgroupFiles.of(2, { '': join(folder, 'gone') }), HOST, undefined);
  expect(sample).toMatchObject({ cpu: { total: 0 }, memory: { usage: 0 }, pids: { current: 0, limit: 0 } });
});
