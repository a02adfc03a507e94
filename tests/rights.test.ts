import { writeFileSync } from 'node:fs';
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
    // In each hierarchy there is, or in the one.
    await fixture.box.tryHost([
      'sh',
      '-c',
      'rmdir /sys/fs/cgroup/berth-elsewhere /sys/fs/cgroup/*/berth-elsewhere',
    ]);
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
