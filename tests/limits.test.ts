import { readFileSync, writeFileSync } from 'node:fs';
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

describe('file systems and devices', () => {
  test('memory can be mounted, with the size and rights asked for', async () => {
    const script = 'grep -E " /(run|cache) " /proc/mounts';
    const mounts = await inside(['--tmpfs', '/run:rw,size=1m,mode=750', '--tmpfs', '/cache:exec'], script);
    expect(mounts).toMatch(/^tmpfs \/run tmpfs rw,nosuid,nodev,noexec,.*size=1024k,mode=750/m);
    expect(mounts).toMatch(/^tmpfs \/cache tmpfs rw,nosuid,nodev,(?!noexec)/m);
    const full = ['--mount', 'type=tmpfs,destination=/full,tmpfs-size=2m,tmpfs-mode=700'];
    expect(await inside(full, 'grep " /full " /proc/mounts')).toMatch(/noexec,.*size=2048k,mode=700/);
    const bad = await tryDocker('run', '--rm', '--tmpfs', '/run:colour=red', 'busybox', 'true');
    expect(bad.stderr).toContain('invalid tmpfs option ["colour=red"]');
  });

  test('a read-only root is read-only but where memory lies over it', async () => {
    const result = await tryDocker(
      ...['run', '--rm', '--read-only', '--tmpfs', '/tmp', 'busybox'],
      ...['sh', '-c', 'echo 1 > /tmp/x && echo fine; echo 1 > /x'],
    );
    expect(result.stdout).toBe('fine\n');
    expect(result.stderr).toContain('Read-only file system');
  });

  test('a device of the host is there, with the rights that were given', async () => {
    const line = 'ls -l /dev/blackhole; echo x > /dev/blackhole && echo written';
    expect(await inside(['--device', '/dev/null:/dev/blackhole:rw'], line)).toMatch(/1, +3 .*\nwritten$/);
    const privileged =
      'ls /dev/kmsg; mkdir /x; mount -t tmpfs none /x && echo mounted; grep Seccomp: /proc/self/status';
    expect(await inside(['--privileged'], privileged)).toBe('/dev/kmsg\nmounted\nSeccomp:\t0');
    // /dev/fuse: whether this kernel has it or not, a rule lets it be asked for.
    const rule = ['--device-cgroup-rule', 'c 10:229 rw'];
    const opened = async (...flags: string[]) =>
      (await tryDocker('run', '--rm', ...flags, 'busybox', 'sh', '-c', 'mknod /f c 10 229; head -c 0 /f'))
        .stderr;
    expect(await opened(...rule)).not.toContain('Operation not permitted');
    expect(await opened()).toContain('Operation not permitted');
  });

  test('nothing is hidden where the client says so', async () => {
    const line = 'grep -c " /proc/[a-z]" /proc/mounts';
    expect(Number(await inside([], line))).toBeGreaterThan(5);
    const open = await tryDocker(
      'run',
      '--rm',
      '--security-opt',
      'systempaths=unconfined',
      'busybox',
      'sh',
      '-c',
      line,
    );
    expect(open.stdout.trim()).toBe('0');
  });
});

describe('rights', () => {
  test('no new privileges, groups, capabilities', async () => {
    expect(
      await inside(['--security-opt', 'no-new-privileges'], 'grep NoNewPrivs /proc/self/status'),
    ).toMatch(/\t1$/);
    expect(await inside(['--group-add', '4321'], 'id -G')).toMatch(/\b4321\b/);
    const strict = ['--security-opt', 'no-new-privileges', '--ulimit', 'nofile=77', '--group-add', '4321'];
    await docker('run', '-d', '--name', 'strict', ...strict, 'busybox', 'sleep', '600');
    const exec = await docker(
      'exec',
      'strict',
      'sh',
      '-c',
      'ulimit -n; id -G; grep NoNewPrivs /proc/self/status',
    );
    expect(exec).toMatch(/^77\n.*\b4321\b.*\nNoNewPrivs:\t1$/);
    await docker('rm', '-f', 'strict');
    expect(await inside(['--cap-drop', 'ALL'], 'grep CapEff /proc/self/status')).toMatch(/\t0+$/);
    expect(await inside(['-u', '1234:4321'], 'id -u; id -g')).toBe('1234\n4321');
  });

  test("a filter of the user's takes the place of Docker's", async () => {
    const profile = `${fixture.box.folder}/profile.json`;
    const rule = { names: ['chmod', 'fchmodat', 'fchmodat2'], action: 'SCMP_ACT_ERRNO', errnoRet: 1 };
    writeFileSync(profile, JSON.stringify({ defaultAction: 'SCMP_ACT_ALLOW', syscalls: [rule] }));
    const denied = await tryDocker(
      ...['run', '--rm', '--security-opt', `seccomp=${profile}`, 'busybox', 'chmod', '700', '/etc'],
    );
    expect(denied.stderr).toContain('Operation not permitted');
    const unconfined = ['--security-opt', 'seccomp=unconfined'];
    expect(await inside(unconfined, 'grep Seccomp: /proc/self/status')).toMatch(/\t0$/);
  });

  test('sysctls of its own namespaces can be set', async () => {
    const flags = [
      '--sysctl',
      'net.ipv4.ip_forward=1',
      '--sysctl',
      'kernel.msgmax=4096',
      '--sysctl',
      'fs.mqueue.msg_max=5',
    ];
    const script = 'cd /proc/sys; cat net/ipv4/ip_forward kernel/msgmax fs/mqueue/msg_max';
    expect(await inside(flags, script)).toBe('1\n4096\n5');
    expect(await inside(['--domainname', 'example.org'], 'cat /proc/sys/kernel/domainname')).toBe(
      'example.org',
    );
  });
});

describe('namespaces', () => {
  test('the host, or another container, can be shared with', async () => {
    expect(await inside(['--pid', 'host'], 'readlink /proc/self/ns/pid')).toBe(
      (await fixture.box.host('readlink', '/proc/self/ns/pid')).trim(),
    );
    expect(await inside(['--uts', 'host'], 'hostname')).toBe((await fixture.box.host('hostname')).trim());
    await docker(
      'run',
      '-d',
      '--name',
      'donor',
      '--ipc',
      'shareable',
      'busybox',
      'sh',
      '-c',
      'echo hi > /dev/shm/note; sleep 600',
    );
    await eventually(
      'the note is there',
      async () => (await tryDocker('exec', 'donor', 'cat', '/dev/shm/note')).status === 0,
    );
    expect(await inside(['--ipc', 'container:donor'], 'cat /dev/shm/note')).toBe('hi');
    expect(await inside(['--pid', 'container:donor'], 'ps')).toContain('sleep 600');
    await docker('rm', '-f', 'donor');
    expect(await inside(['--ipc', 'none'], 'ls -d /dev/shm || echo none')).toContain('none');
  });

  test('what does not share cannot be shared with', async () => {
    await docker('run', '-d', '--name', 'closed', 'busybox', 'sleep', '600');
    const refused = await tryDocker('run', '--rm', '--ipc', 'container:closed', 'busybox', 'true');
    expect(refused.stderr).toContain(
      'non-shareable IPC (hint: use IpcMode:shareable for the donor container)',
    );
    await docker('stop', '-t', '0', 'closed');
    const stopped = await tryDocker('run', '--rm', '--pid', 'container:closed', 'busybox', 'true');
    expect(stopped.stderr).toContain('cannot join PID of a non running container');
    await docker('rm', '-f', 'closed');
  });

  test('a cgroup namespace hides where the host put it', async () => {
    expect(await inside(['--cgroupns', 'private'], 'cat /proc/self/cgroup')).not.toContain('berth');
    expect(await inside(['--cgroupns', 'host'], 'cat /proc/self/cgroup')).toContain('berth');
    expect(
      await inside(['--cgroupns', 'host', '--cgroup-parent', '/berth-elsewhere'], 'cat /proc/self/cgroup'),
    ).toContain('/berth-elsewhere/');
    for (const folder of V1 ? ['*/berth-elsewhere'] : ['berth-elsewhere'])
      await fixture.box.tryHost(['sh', '-c', `rmdir /sys/fs/cgroup/${folder}`]);
  });

  test('an init reaps what nobody waits for', async () => {
    await docker('run', '-d', '--init', '--name', 'reaped', 'busybox', 'sleep', '600');
    expect(await docker('exec', 'reaped', 'cat', '/proc/1/cmdline')).toContain('/sbin/docker-init');
    await docker('exec', 'reaped', 'sh', '-c', '(sleep 0.1 &) ; true');
    await eventually(
      'no zombie is left',
      async () => !(await docker('exec', 'reaped', 'ps', '-o', 'stat')).includes('Z'),
    );
    await docker('stop', 'reaped');
    expect(await shown('reaped', '{{.State.ExitCode}} {{.HostConfig.Init}}')).toBe('143 true');
    await docker('rm', 'reaped');
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
