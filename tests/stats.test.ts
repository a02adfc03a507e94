import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventually } from './box/index.js';
import { useBox } from './box/fixture.js';

const fixture = useBox();
const docker = (...args: string[]) => fixture.box.docker(...args);
const tryDocker = (...args: string[]) => fixture.box.tryDocker(...args);
const MIB = 1024 * 1024;

async function api(path: string): Promise<unknown> {
  const call = ['curl', '-s', '--max-time', '10', '--unix-socket', '/run/berth/berth.sock'];
  return JSON.parse(await fixture.box.host(...call, `http://d${path}`)) as unknown;
}

interface Sample {
  read: string;
  preread: string;
  id: string;
  name: string;
  cpu_stats: { cpu_usage: { total_usage: number }; system_cpu_usage: number; online_cpus: number };
  precpu_stats: { cpu_usage: { total_usage: number }; system_cpu_usage?: number };
  memory_stats: { usage?: number; limit: number; stats: Record<string, number> };
  pids_stats: { current: number };
  networks: Record<string, { rx_bytes: number; tx_bytes: number; tx_packets: number }>;
}

describe('a container that works', () => {
  beforeAll(async () => {
    const script = 'while true; do :; done & sleep 600 & wait';
    await docker('run', '-d', '--name', 'busy', '--init=false', 'busybox', 'sh', '-c', script);
  });

  test('docker stats --no-stream', async () => {
    const row = await docker('stats', '--no-stream', '--format', '{{json .}}', 'busy');
    const shown = JSON.parse(row) as Record<string, string>;
    expect(shown['Name']).toBe('busy');
    expect(Number.parseFloat(shown['CPUPerc'] ?? '')).toBeGreaterThan(20);
    expect(shown['MemUsage']).toMatch(/^[\d.]+[KM]iB \/ [\d.]+GiB$/);
    expect(shown['PIDs']).toBe('3');
    expect(shown['NetIO']).toMatch(/^[\d.]+k?B \/ [\d.]+k?B$/);
    expect((await docker('stats', '--no-stream', '--all')).split('\n')).toHaveLength(2);
  });

  test('one answer has two samples, a second apart; one-shot has one', async () => {
    const sample = (await api('/containers/busy/stats?stream=false')) as Sample;
    const used = sample.cpu_stats.cpu_usage.total_usage - sample.precpu_stats.cpu_usage.total_usage;
    const host = sample.cpu_stats.system_cpu_usage - (sample.precpu_stats.system_cpu_usage ?? 0);
    expect(sample.cpu_stats.online_cpus).toBeGreaterThan(0);
    // A share of one processor: host time is that of all of them.
    expect((used / host) * sample.cpu_stats.online_cpus).toBeGreaterThan(0.2);
    expect((used / host) * sample.cpu_stats.online_cpus).toBeLessThan(1.3);
    expect(Date.parse(sample.read) - Date.parse(sample.preread)).toBeGreaterThanOrEqual(950);
    const once = (await api('/containers/busy/stats?stream=false&one-shot=true')) as Sample;
    expect(once).toMatchObject({ name: '/busy', preread: '0001-01-01T00:00:00Z' });
    expect(once.precpu_stats.cpu_usage.total_usage).toBe(0);
    expect(await api('/containers/busy/stats?one-shot=true')).toEqual({
      message: 'cannot have stream=true and one-shot=true',
    });
  });

  test('a stream has a line every second', async () => {
    const { stdout } = await fixture.box.tryHost([
      ...['curl', '-sN', '--max-time', '2.5', '--unix-socket', '/run/berth/berth.sock'],
      'http://d/containers/busy/stats',
    ]);
    const lines = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Sample);
    expect(lines).toHaveLength(3);
    expect(lines[1]?.preread).toBe(lines[0]?.read);
    expect(lines[2]?.precpu_stats).toEqual(lines[1]?.cpu_stats);
  });

  test('memory and traffic are those of the container', async () => {
    const before = (await api('/containers/busy/stats?stream=false&one-shot=true')) as Sample;
    await docker('exec', 'busy', 'sh', '-c', 'ping -c 5 -i 0.1 -s 1000 172.17.0.1; dd if=/dev/zero of=/dev/shm/block bs=1M count=20'); // prettier-ignore
    const after = (await api('/containers/busy/stats?stream=false&one-shot=true')) as Sample;
    const grown = (after.memory_stats.usage ?? 0) - (before.memory_stats.usage ?? 0);
    expect(grown).toBeGreaterThan(19 * MIB);
    expect(grown).toBeLessThan(40 * MIB);
    expect(Object.keys(after.networks)).toEqual(['eth0']);
    const [first, last] = [before.networks['eth0'], after.networks['eth0']];
    expect((last?.tx_bytes ?? 0) - (first?.tx_bytes ?? 0)).toBeGreaterThan(5 * 1000);
    expect((last?.rx_bytes ?? 0) - (first?.rx_bytes ?? 0)).toBeLessThan(10 * 1000);
  });

  test('docker top shows what the host’s ps shows of it', async () => {
    const pid = await docker('inspect', '-f', '{{.State.Pid}}', 'busy');
    const [heading = '', ...rows] = (await docker('top', 'busy')).split('\n');
    expect(heading.split(/\s+/).slice(0, 8)).toEqual([
      'UID',
      'PID',
      'PPID',
      'C',
      'STIME',
      'TTY',
      'TIME',
      'CMD',
    ]);
    expect(rows).toHaveLength(3);
    expect(rows[0]).toMatch(new RegExp(`^root +${pid} .* sh -c while true`));
    expect(await docker('top', 'busy', '-o', 'pid,user,comm')).toMatch(
      new RegExp(`^PID +USER +COMMAND *\n${pid} +root +sh *\n`),
    );
    expect((await docker('top', 'busy', 'aux')).split('\n')[0]).toMatch(
      /^USER +PID +%CPU +%MEM +VSZ +RSS +TTY/,
    );
    expect((await tryDocker('top', 'busy', '--forest')).stderr).toContain(
      'the argument --forest of ps is not supported by Berth',
    );
  });
});

test('a container that does not run uses nothing, and has no processes', async () => {
  await docker('create', '--name', 'idle', 'busybox', 'sleep', '600');
  expect(await api('/containers/idle/stats?stream=false')).toMatchObject({
    read: '0001-01-01T00:00:00Z',
    name: '/idle',
    memory_stats: {},
  });
  expect((await tryDocker('top', 'idle')).stderr).toMatch(/container [0-9a-f]{64} is not running/);
  await docker('rm', 'idle');
});

test('with another’s network a container has its counters, with the host’s none', async () => {
  await docker('run', '-d', '--name', 'guest', '--network', 'container:busy', 'busybox', 'sleep', '600');
  await docker('run', '-d', '--name', 'hosted', '--network', 'host', 'busybox', 'sleep', '600');
  const guest = (await api('/containers/guest/stats?stream=false&one-shot=true')) as Sample;
  expect(Object.keys(guest.networks)).toEqual(['eth0']);
  expect(await api('/containers/hosted/stats?stream=false&one-shot=true')).not.toHaveProperty('networks');
  await docker('rm', '-f', 'guest', 'hosted');
});

test('ps -s and inspect -s tell what a container has written, system df adds it up, prune gives it back', async () => {
  const write = ['sh', '-c', 'dd if=/dev/zero of=/block bs=1M count=3 2>/dev/null'];
  await docker('run', '--name', 'written', '--label', 'keep=no', 'busybox', ...write);
  await docker('create', '--name', 'kept', '--label', 'keep=yes', 'busybox');
  const image = Number(await docker('image', 'inspect', '-f', '{{.Size}}', 'busybox'));
  const [sized] = JSON.parse(await docker('inspect', '-s', 'written')) as {
    SizeRw: number;
    SizeRootFs: number;
  }[];
  expect(sized?.SizeRw).toBe(3 * MIB);
  expect(sized?.SizeRootFs).toBe(3 * MIB + image);
  expect(await docker('ps', '-as', '--filter', 'name=written', '--format', '{{.Size}}')).toMatch(
    /^3\.15MB \(virtual [\d.]+MB\)$/,
  );
  const df = (await api('/system/df')) as {
    Containers: { Names: string[]; SizeRw: number }[];
    LayersSize: number;
  };
  expect(df.Containers.find(({ Names }) => Names.includes('/written'))?.SizeRw).toBe(3 * MIB);
  expect(df.LayersSize).toBe(image);
  expect(await docker('system', 'df')).toMatch(/Containers +3 +1 +3\.1/);
  expect(Object.keys((await api('/system/df?type=volume')) as object)).toEqual(['Volumes']);
  // Filters, first those that leave everything.
  const prune = (...filters: string[]) =>
    docker('container', 'prune', '-f', ...filters.flatMap((filter) => ['--filter', filter]));
  expect(await prune('until=1h')).toContain('Total reclaimed space: 0B');
  expect(await prune('label=nothing')).toContain('Total reclaimed space: 0B');
  expect(await prune('label!=keep=yes')).toContain('Total reclaimed space: 3.146MB');
  expect(await docker('ps', '-a', '--format', '{{.Names}}')).toBe('kept\nbusy');
  expect(await prune()).toContain('Deleted Containers:');
  expect(await docker('ps', '-a', '--format', '{{.Names}}')).toBe('busy');
});

test('rm --link takes links away, and nothing else', async () => {
  await docker('run', '-d', '--name', 'user', '--link', 'busy:worker', 'busybox', 'sleep', '600');
  await docker('exec', 'user', 'ping', '-c1', '-W2', 'worker');
  expect((await tryDocker('rm', '--link', 'user')).stderr).toContain(
    'Conflict, cannot remove the default link name of the container',
  );
  expect((await tryDocker('rm', '--link', 'user/other')).stderr).toContain('No such container: user/other');
  await docker('rm', '--link', 'user/worker');
  expect((await tryDocker('exec', 'user', 'ping', '-c1', '-W2', 'worker')).status).not.toBe(0);
  await docker('rm', '-f', 'user');
});

describe('a container that is out of memory', () => {
  const EAT = 'x=$(dd if=/dev/zero bs=1M count=60 2>/dev/null | tr "\\\\0" a)';
  const hungry = (script: string) =>
    docker('run', '-d', '--name', 'hungry', '--memory', '16m', 'busybox', 'sh', '-c', script);
  const isKnown = () =>
    eventually(
      'it is known',
      async () => (await docker('inspect', '-f', '{{.State.OOMKilled}}', 'hungry')) === 'true',
    );
  const events = async () => {
    const filters = ['--filter', 'container=hungry', '--until', String(Math.floor(Date.now() / 1000) + 1)];
    const lines = await docker('events', '--since', '1', ...filters, '--format', '{{.Action}}');
    return lines.split('\n').filter((action) => ['oom', 'die', 'destroy'].includes(action));
  };

  test('says so at its end', async () => {
    await hungry(`${EAT}; sleep 1`);
    await docker('wait', 'hungry');
    await isKnown();
    expect(await events()).toEqual(['oom', 'die']);
    await docker('rm', 'hungry');
  });

  test('says so, once, when it goes on', async () => {
    await hungry(`sh -c '${EAT}'; sleep 600`);
    await isKnown();
    expect(await docker('inspect', '-f', '{{.State.Status}}', 'hungry')).toBe('running');
    await docker('rm', '-f', 'hungry');
    expect(await events()).toEqual(['oom', 'die', 'destroy', 'oom', 'die', 'destroy']);
  });

  afterAll(() => docker('rm', '-f', 'busy'));
});
