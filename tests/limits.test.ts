import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { eventually } from './box/index.js';
import { useBox } from './box/fixture.js';

const fixture = useBox();
const docker = (...args: string[]) => fixture.box.docker(...args);
const tryDocker = (...args: string[]) => fixture.box.tryDocker(...args);
/** Runs a line of shell in a container that is gone afterwards. */
const inside = (flags: string[], line: string) =>
  docker('run', '--rm', ...flags, 'busybox', 'sh', '-c', line);
const shown = (name: string, format: string) => docker('inspect', '-f', format, name);

/** Whether the host has cgroups of the first kind, which name their files otherwise. */
const V1 = readFileSync('/proc/mounts', 'utf8').includes(' cgroup rw');

/** A file of the cgroup of a container's first process, by its names in the two versions. */
async function cgroupFile(name: string, controller: string, v1: string, v2: string): Promise<string> {
  const pid = await shown(name, '{{.State.Pid}}');
  const lines = readFileSync(`/proc/${pid}/cgroup`, 'utf8').split('\n');
  const line = lines.find((entry) =>
    V1 ? entry.split(':')[1]?.split(',').includes(controller) : entry.startsWith('0::'),
  );
  const path = line?.split(':')[2] ?? '';
  return readFileSync(`/sys/fs/cgroup/${V1 ? `${controller}${path}/${v1}` : `${path}/${v2}`}`, 'utf8').trim();
}

describe('limits', () => {
  test('a container that takes more memory than it may is killed, and says why', async () => {
    const result = await tryDocker(
      ...['run', '--name', 'greedy', '-m', '16m', '--memory-swap', '16m', 'busybox'],
      ...['sh', '-c', 'x=x; while true; do x=$x$x; done'],
    );
    expect(result.status).toBe(137);
    expect(
      await shown('greedy', '{{.State.OOMKilled}} {{.HostConfig.Memory}} {{.HostConfig.MemorySwap}}'),
    ).toBe('true 16777216 16777216');
    await docker('rm', 'greedy');
  });

  test('cannot have more processes than it may', async () => {
    const result = await tryDocker(
      ...['run', '--rm', '--pids-limit', '8', 'busybox'],
      ...['sh', '-c', 'for i in 1 2 3 4 5 6 7 8 9 10; do sleep 1 & done; wait'],
    );
    expect(result.stderr).toContain("can't fork");
  });

  test('processors, weights, files, shared memory are what was asked for', async () => {
    const flags = ['--cpuset-cpus', '0', '--cpus', '0.5', '--cpu-shares', '512', '-m', '64m'];
    await docker('run', '-d', '--name', 'small', ...flags, 'busybox', 'sleep', '600');
    expect(await docker('exec', 'small', 'grep', 'Cpus_allowed_list', '/proc/self/status')).toMatch(/\t0$/);
    expect(await cgroupFile('small', 'cpu', 'cpu.cfs_quota_us', 'cpu.max')).toBe(
      V1 ? '50000' : '50000 100000',
    );
    expect(await cgroupFile('small', 'memory', 'memory.limit_in_bytes', 'memory.max')).toBe(String(64 << 20));
    await docker('rm', '-f', 'small');
    const limits = [
      '--ulimit',
      'nofile=64:128',
      '--ulimit',
      'core=-1',
      '--shm-size',
      '8m',
      '--oom-score-adj',
      '300',
    ];
    const script =
      'ulimit -Sn; ulimit -Hn; ulimit -c; df -k /dev/shm | tail -1; cat /proc/self/oom_score_adj';
    expect((await inside(limits, script)).split('\n')).toEqual([
      '64',
      '128',
      'unlimited',
      expect.stringMatching(/^shm +8192 /),
      '300',
    ]);
  });

  test('what cannot be is refused as by Docker', async () => {
    for (const [flags, message] of [
      [['-m', '1m'], 'Minimum memory limit allowed is 6MB'],
      [
        ['--memory-swap', '20m'],
        'You should always set the Memory limit when using Memoryswap limit, see usage',
      ],
      [['--cpus', '1000'], 'range of CPUs is from 0.01 to'],
      [['--cpuset-cpus', '900'], 'Requested CPUs are not available - requested 900'],
      [['--sysctl', 'net.ipv4.conf.eth0.forwarding=1'], 'must be supplied using driver option'],
      [
        ['--device', '/dev/nope'],
        'error gathering device information while adding custom device "/dev/nope"',
      ],
      [['--runtime', 'kata'], 'unknown or invalid runtime name: kata'],
      [['--storage-opt', 'size=1G'], '--storage-opt is supported only for overlay over xfs'],
      [['--gpus', 'all'], 'could not select device driver "" with capabilities: [[gpu]]'],
      [['--security-opt', 'apparmor=mine'], 'AppArmor profiles are not supported'],
      [['--group-add', 'nobody-knows'], 'unable to find group nobody-knows'],
    ] as const) {
      const result = await tryDocker('run', '--rm', ...flags, 'busybox', 'true');
      expect([flags, result.stderr]).toEqual([flags, expect.stringContaining(message)]);
      expect(result.status).not.toBe(0);
    }
  });

  test('what this kernel cannot do, or is dangerous, is warned of', async () => {
    const { stderr } = await tryDocker('create', '--name', 'warned', '--oom-kill-disable', 'busybox');
    expect(stderr).toContain(
      V1
        ? 'OOM killer is disabled for the container, but no memory limit is set'
        : 'OomKillDisable discarded',
    );
    await docker('rm', 'warned');
  });

  test('change of a container that does not run, for its start', async () => {
    await docker(
      'create',
      '--name',
      'later',
      'busybox',
      'sh',
      '-c',
      'grep Cpus_allowed_list /proc/self/status',
    );
    await docker('update', '--cpuset-cpus', '0', 'later');
    expect(await docker('start', '-a', 'later')).toMatch(/\t0$/);
    await docker('rm', 'later');
  });

  test('change while a container runs, and stay for its next start', async () => {
    await docker('run', '-d', '--name', 'changed', '-m', '32m', 'busybox', 'sleep', '600');
    const memory = () => cgroupFile('changed', 'memory', 'memory.limit_in_bytes', 'memory.max');
    const pids = () => cgroupFile('changed', 'pids', 'pids.max', 'pids.max');
    await docker(
      'update',
      '-m',
      '48m',
      '--memory-swap',
      '96m',
      '--pids-limit',
      '20',
      '--cpu-shares',
      '256',
      'changed',
    );
    expect(await memory()).toBe(String(48 << 20));
    expect(await pids()).toBe('20');
    await docker('update', '--cpus', '0.25', 'changed');
    expect(await pids()).toBe('20');
    const refused = await tryDocker('update', '--cpu-quota', '5000', 'changed');
    expect(refused.stderr).toContain('CPU Quota cannot be updated as NanoCPUs has already been set');
    const tooMuch = await tryDocker('update', '-m', '200m', 'changed');
    expect(tooMuch.stderr).toContain('Memory limit should be smaller than already set memoryswap limit');
    await docker('restart', '-t', '0', 'changed');
    expect(await memory()).toBe(String(48 << 20));
    expect(
      await shown('changed', '{{.HostConfig.NanoCpus}} {{.HostConfig.PidsLimit}} {{.HostConfig.CpuShares}}'),
    ).toBe('250000000 20 256');
    await docker('rm', '-f', 'changed');
  });
});

test('info tells what this kernel can limit', async () => {
  const info = await docker(
    'info',
    '-f',
    '{{.MemoryLimit}} {{.PidsLimit}} {{.CPUSet}} {{.CPUCfsQuota}} {{.CPUShares}}',
  );
  expect(info).toBe('true true true true true');
});

test('a daemon that starts again finds what containers share, and how those ended that took too much', async () => {
  const wait = 'while [ ! -e /go ]; do sleep 0.05; done; x=x; while true; do x=$x$x; done';
  await docker(
    'run',
    '-d',
    '--name',
    'greedy',
    '-m',
    '16m',
    '--memory-swap',
    '16m',
    'busybox',
    'sh',
    '-c',
    wait,
  );
  await docker('run', '-d', '--name', 'donor', '--ipc', 'shareable', 'busybox', 'sleep', '600');
  await docker('exec', 'donor', 'touch', '/dev/shm/kept');
  const pid = await shown('greedy', '{{.State.Pid}}');
  await fixture.daemon.crash();
  await fixture.box.host('touch', `/proc/${pid}/root/go`);
  await eventually('the container ends', async () => {
    const stat = await fixture.box.tryHost(['cat', `/proc/${pid}/stat`]);
    return stat.status !== 0 || / [ZX] /.test(stat.stdout);
  });
  await fixture.box.startDaemon();
  expect(await docker('wait', 'greedy')).toBe('137');
  expect(await shown('greedy', '{{.State.OOMKilled}}')).toBe('true');
  expect(await inside(['--ipc', 'container:donor'], 'ls /dev/shm')).toBe('kept');
  await docker('update', '-m', '32m', '--memory-swap', '32m', 'donor');
  await docker('rm', '-f', 'donor', 'greedy');
  expect(await fixture.box.host('cat', '/proc/self/mounts')).not.toMatch(/berth.*shm/);
});
