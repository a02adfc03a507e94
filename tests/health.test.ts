import { expect, test } from 'vitest';
import { eventually, HostInABox } from './box/index.js';
import { useBox } from './box/fixture.js';

const fixture = useBox();
const docker = (...args: string[]) => fixture.box.docker(...args);
const tryDocker = (...args: string[]) => fixture.box.tryDocker(...args);

interface Health {
  Status: string;
  FailingStreak: number;
  Log: { Start: string; End: string; ExitCode: number; Output: string }[];
}

const health = async (name: string) =>
  JSON.parse(await docker('inspect', '-f', '{{json .State.Health}}', name)) as Health | null;
const becomes = (name: string, status: string) =>
  eventually(`${name} is ${status}`, async () => (await health(name))?.Status === status);
const FAST = ['--health-interval', '200ms', '--health-timeout', '2s'];

test('a container is starting, healthy, unhealthy, and healthy again, and everybody can see it', async () => {
  const check = ['--health-cmd', 'cat /tmp/well', '--health-retries', '2', ...FAST];
  await docker('run', '-d', '--name', 'web', ...check, 'busybox', 'sleep', '600');
  expect((await health('web'))?.Status).toBe('starting');
  expect(await docker('ps', '--format', '{{.Status}}')).toMatch(/^Up .* \(health: starting\)$/);
  await docker('exec', 'web', 'sh', '-c', 'mkdir -p /tmp; echo fine > /tmp/well');
  await becomes('web', 'healthy');
  expect(await docker('ps', '--format', '{{.Status}}')).toMatch(/^Up .* \(healthy\)$/);
  expect(await docker('ps', '-q', '--filter', 'health=healthy')).not.toBe('');
  expect(await docker('ps', '-q', '--filter', 'health=none')).toBe('');
  await docker('exec', 'web', 'rm', '/tmp/well');
  await becomes('web', 'unhealthy');
  const told = await health('web');
  expect(told?.FailingStreak).toBeGreaterThanOrEqual(2);
  expect(told?.Log.at(-1)).toMatchObject({
    ExitCode: 1,
    Output: "cat: can't open '/tmp/well': No such file or directory\n",
  });
  await eventually('there are five results', async () => (await health('web'))?.Log.length === 5);
  await docker('exec', 'web', 'touch', '/tmp/well');
  await becomes('web', 'healthy');
  const now = String(Math.floor(Date.now() / 1000) + 1);
  const filters = ['--filter', 'container=web', '--filter', 'event=health_status'];
  const events = await docker(
    'events',
    '--since',
    '1',
    '--until',
    now,
    ...filters,
    '--format',
    '{{.Action}}',
  );
  expect(events.split('\n')).toEqual([
    'health_status: healthy',
    'health_status: unhealthy',
    'health_status: healthy',
  ]);
  await docker('rm', '-f', 'web');
});

test('what was asked for is shown, and each container starts anew', async () => {
  const times = ['--health-start-period', '1m', '--health-start-interval', '100ms', '--health-retries', '4'];
  const check = [
    '--health-cmd',
    'test -e /well',
    '--health-interval',
    '1m',
    '--health-timeout',
    '3s',
    ...times,
  ];
  await docker('run', '-d', '--name', 'web', ...check, 'busybox', 'sleep', '600');
  expect(JSON.parse(await docker('inspect', '-f', '{{json .Config.Healthcheck}}', 'web'))).toEqual({
    Test: ['CMD-SHELL', 'test -e /well'],
    Interval: 60_000_000_000,
    Timeout: 3_000_000_000,
    StartPeriod: 60_000_000_000,
    StartInterval: 100_000_000,
    Retries: 4,
  });
  // Failures do not count yet, and checks come at the start interval.
  await eventually('it was checked', async () => ((await health('web'))?.Log.length ?? 0) >= 3);
  expect(await health('web')).toMatchObject({ Status: 'starting', FailingStreak: 0 });
  await docker('exec', 'web', 'touch', '/well');
  await becomes('web', 'healthy');
  await docker('stop', '-t', '0', 'web');
  expect((await health('web'))?.Status).toBe('unhealthy');
  expect(await docker('ps', '-a', '--format', '{{.Status}}')).toMatch(/^Exited \(137\)/);
  await docker('start', 'web');
  expect(await health('web')).toMatchObject({ Status: 'starting', Log: [] });
  await docker('rm', '-f', 'web');
});

test('a check that takes too long, and one that cannot be run, are failures of their own kind', async () => {
  const slow = [
    '--health-cmd',
    'echo begun; sleep 60',
    '--health-interval',
    '100ms',
    '--health-timeout',
    '300ms',
  ];
  await docker('run', '-d', '--name', 'slow', ...slow, 'busybox', 'sleep', '600');
  await eventually('it was checked', async () => ((await health('slow'))?.Log.length ?? 0) > 0);
  expect((await health('slow'))?.Log[0]).toMatchObject({
    ExitCode: -1,
    Output: 'Health check exceeded timeout (300ms): begun\n',
  });
  await docker('rm', '-f', 'slow');
  const body = JSON.stringify({
    Image: 'busybox',
    Cmd: ['sleep', '600'],
    Healthcheck: { Test: ['CMD', 'nosuch'], Interval: 100_000_000 },
  });
  const call = [
    'curl',
    '-sf',
    '--unix-socket',
    '/run/berth/berth.sock',
    '-H',
    'Content-Type: application/json',
  ];
  await fixture.box.host(...call, '-d', body, 'http://d/containers/create?name=lacks');
  await docker('start', 'lacks');
  await eventually('it was checked', async () => ((await health('lacks'))?.Log.length ?? 0) > 0);
  const [result] = (await health('lacks'))?.Log ?? [];
  expect(result?.ExitCode).toBe(-1);
  expect(result?.Output).toContain('exec: "nosuch": executable file not found in $PATH');
  await docker('rm', '-f', 'lacks');
});

test('a paused container is not checked', async () => {
  await docker('run', '-d', '--name', 'web', '--health-cmd', 'true', ...FAST, 'busybox', 'sleep', '600');
  await becomes('web', 'healthy');
  await docker('pause', 'web');
  expect((await health('web'))?.Status).toBe('unhealthy');
  await docker('unpause', 'web');
  await becomes('web', 'healthy');
  await docker('rm', '-f', 'web');
});

test('the next daemon goes on checking', async () => {
  await using box = await HostInABox.create();
  const daemon = await box.startDaemon();
  await box.docker('run', '-d', '--name', 'web', '--health-cmd', 'true', ...FAST, 'busybox', 'sleep', '600');
  await daemon.stop();
  const second = await box.startDaemon();
  await eventually('it is healthy', async () => (await box.docker('ps')).includes('(healthy)'));
  await box.docker('run', '--name', 'ended', '--health-cmd', 'true', 'busybox', 'true');
  await second.crash();
  await box.startDaemon();
  // What was known at the end is not forgotten.
  expect(await box.docker('inspect', '-f', '{{.State.Health.Status}}', 'ended')).toBe('unhealthy');
  await box.docker('rm', '-f', 'web', 'ended');
});

test('a check of the image counts where the container does not say otherwise', async () => {
  const change = ['--change', 'HEALTHCHECK --interval=200ms --retries=7 CMD test -e /well'];
  await docker('create', '--name', 'base', 'busybox', 'sleep', '600');
  await docker('commit', ...change, 'base', 'checked');
  await docker('run', '-d', '--name', 'web', 'checked');
  await docker('exec', 'web', 'touch', '/well');
  await becomes('web', 'healthy');
  await docker('run', '-d', '--name', 'own', '--health-cmd', 'true', 'checked');
  await becomes('own', 'healthy');
  const shown = await docker('inspect', '-f', '{{json .Config.Healthcheck}}', 'own');
  expect(JSON.parse(shown)).toEqual({ Test: ['CMD-SHELL', 'true'], Interval: 200_000_000, Retries: 7 });
  await docker('run', '-d', '--name', 'unwatched', '--no-healthcheck', 'checked');
  expect(await health('unwatched')).toBeNull();
  await docker('rm', '-f', 'base', 'web', 'own', 'unwatched');
  await docker('rmi', 'checked');
});

test('--no-healthcheck checks nothing, and a time that is too short is refused', async () => {
  await docker('run', '-d', '--name', 'web', '--no-healthcheck', 'busybox', 'sleep', '600');
  expect(await health('web')).toBeNull();
  expect(await docker('ps', '-q', '--filter', 'health=none')).not.toBe('');
  await docker('rm', '-f', 'web');
  const short = ['--health-cmd', 'true', '--health-interval', '10us'];
  expect((await tryDocker('create', ...short, 'busybox')).stderr).toContain(
    'Interval in Healthcheck cannot be less than 1ms',
  );
  expect((await tryDocker('ps', '--filter', 'health=ill')).stderr).toContain("invalid filter 'health=ill'");
});
