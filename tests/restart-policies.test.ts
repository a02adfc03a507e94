import { describe, expect, test } from 'vitest';
import { eventually, HostInABox } from './box/index.js';
import { useBox } from './box/fixture.js';

const fixture = useBox();
const docker = (...args: string[]) => fixture.box.docker(...args);
const tryDocker = (...args: string[]) => fixture.box.tryDocker(...args);
const STATE = '{{.State.Status}} {{.RestartCount}} {{.State.ExitCode}}';
const state = (name: string, box = fixture.box) => box.docker('inspect', '-f', STATE, name);
const run = (name: string, policy: string, script: string, box = fixture.box) =>
  box.docker('run', '-d', '--name', name, '--restart', policy, 'busybox', 'sh', '-c', script);

/** What became of a container so far: `die 3`, `start`, … */
async function events(name: string): Promise<string[]> {
  const now = String(Math.floor(Date.now() / 1000) + 1);
  const format = '{{.Action}} {{.Actor.Attributes.exitCode}}';
  const filters = ['--filter', `container=${name}`, '--since', '1', '--until', now];
  const lines = await docker('events', ...filters, '--format', format);
  return lines.split('\n').map((line) => line.replace(' <no value>', '').trim());
}

describe('a container that ends', () => {
  test('on-failure:2 is started twice again, and then left alone', async () => {
    await run('fails', 'on-failure:2', 'exit 3');
    await eventually('it is given up', async () => (await state('fails')) === 'exited 2 3');
    const told = (await events('fails')).filter((event) => /^(die|start)/.test(event));
    expect(told).toEqual(['start', 'die 3', 'start', 'die 3', 'start', 'die 3']);
    expect(await docker('inspect', '-f', '{{json .HostConfig.RestartPolicy}}', 'fails')).toBe(
      '{"Name":"on-failure","MaximumRetryCount":2}',
    );
    await run('succeeds', 'on-failure', 'exit 0');
    await eventually('it has ended', async () => (await state('succeeds')) === 'exited 0 0');
    await docker('rm', 'fails', 'succeeds');
  });

  test('waits longer from restart to restart, is listed as restarting, and stopped meanwhile', async () => {
    await run('loops', 'always', 'exit 5');
    await eventually('it has been restarted', async () => Number((await state('loops')).split(' ')[1]) >= 4);
    await eventually('it waits', async () => (await state('loops')).startsWith('restarting'));
    expect(await docker('ps', '--filter', 'status=restarting', '--format', '{{.Names}} {{.Status}}')).toMatch(
      /^loops Restarting \(5\) (Less than a second|\d+ seconds?) ago$/,
    );
    expect((await tryDocker('rm', 'loops')).stderr).toContain(
      'container is restarting: stop the container before removing or force remove',
    );
    expect((await tryDocker('exec', 'loops', 'true')).stderr).toContain(
      'is restarting, wait until the container is running',
    );
    expect((await tryDocker('pause', 'loops')).stderr).toContain('is restarting, wait until');
    await docker('stop', 'loops');
    const stopped = await state('loops');
    expect(stopped).toMatch(/^exited \d+ 5$/);
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    expect(await state('loops')).toBe(stopped);
    // Starting it by hand counts from the beginning.
    await docker('start', 'loops');
    expect(Number((await state('loops')).split(' ')[1])).toBeLessThan(3);
    await docker('rm', '-f', 'loops');
  });

  test('is not started again when it was stopped or killed by hand, but when it was started again since', async () => {
    for (const [verb, exitCode] of [
      [['stop'], 7],
      [['kill'], 137],
      [['kill', '-s', 'TERM'], 7],
    ] as const) {
      await run('hand', 'always', "trap 'exit 7' TERM; sleep 600 & wait");
      await eventually('it waits for signals', async () => (await docker('top', 'hand')).includes('sleep'));
      await docker(...verb, 'hand');
      await docker('wait', 'hand');
      await new Promise((resolve) => setTimeout(resolve, 400));
      expect(await state('hand')).toBe(`exited 0 ${exitCode}`);
      await docker('start', 'hand');
      const pid = await docker('inspect', '-f', '{{.State.Pid}}', 'hand');
      await fixture.box.host('kill', '-9', pid);
      await eventually('it runs again', async () => (await state('hand')).startsWith('running 1'));
      await docker('rm', '-f', 'hand');
    }
  });

  test('keeps its place in the network', async () => {
    await docker('network', 'create', 'sea');
    await docker('run', '-d', '--name', 'back', '--restart', 'always', '--network', 'sea', '-p', '8090:80', 'busybox', 'sleep', '600'); // prettier-ignore
    const pid = await docker('inspect', '-f', '{{.State.Pid}}', 'back');
    await fixture.box.host('kill', '-9', pid);
    await eventually('it runs again', async () => (await state('back')).startsWith('running 1'));
    expect(await docker('port', 'back', '80/tcp')).toContain('0.0.0.0:8090');
    await docker('run', '--rm', '--network', 'sea', 'busybox', 'ping', '-c1', '-W2', 'back');
    await docker('rm', '-f', 'back');
    await docker('network', 'rm', 'sea');
  });
});

test('docker wait tells of the next end, whether another run follows or not; with removed of the last', async () => {
  await run('waited', 'always', 'sleep 0.5; exit 4');
  expect(await docker('wait', 'waited')).toBe('4');
  const socket = ['curl', '-s', '-X', 'POST', '--unix-socket', '/run/berth/berth.sock'];
  const removed = fixture.box.host(...socket, 'http://d/containers/waited/wait?condition=removed');
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  await docker('rm', '-f', 'waited');
  expect((JSON.parse(await removed) as { StatusCode: number }).StatusCode).toBeGreaterThan(0);
});

test('docker restart of a container that is to be removed leaves it there', async () => {
  await docker('run', '-d', '--rm', '--name', 'once', 'busybox', 'sleep', '600');
  await docker('restart', '-t', '0', 'once');
  expect(await state('once')).toBe('running 0 0');
  await docker('stop', '-t', '0', 'once');
  await eventually('it is gone', async () => (await docker('ps', '-aq', '--filter', 'name=once')) === '');
});

test('docker update --restart changes what happens at the next end', async () => {
  await run('changes', 'no', 'sleep 600');
  await docker('update', '--restart', 'on-failure:1', 'changes');
  await fixture.box.host('kill', '-9', await docker('inspect', '-f', '{{.State.Pid}}', 'changes'));
  await eventually('it runs again', async () => (await state('changes')).startsWith('running 1'));
  await docker('update', '--restart', 'no', 'changes');
  await fixture.box.host('kill', '-9', await docker('inspect', '-f', '{{.State.Pid}}', 'changes'));
  await eventually('it stays', async () => (await state('changes')).startsWith('exited 1 137'));
  expect(await events('changes')).toContain('update');
  await docker('rm', 'changes');
  await docker('run', '-d', '--rm', '--name', 'goes', 'busybox', 'sleep', '600');
  expect((await tryDocker('update', '--restart', 'always', 'goes')).stderr).toContain(
    'Restart policy cannot be updated because AutoRemove is enabled for the container',
  );
  await docker('rm', '-f', 'goes');
});

test.each([
  [
    ['--restart', 'sometimes'],
    "invalid restart policy: unknown policy 'sometimes'; use one of 'no', 'always'",
  ],
  [['--restart', 'always:3'], "maximum retry count can only be used with 'on-failure'"],
])('%j is refused', async (flags, message) => {
  expect((await tryDocker('create', ...flags, 'busybox')).stderr).toContain(message);
});

test('a policy and --rm do not go together', async () => {
  const body = JSON.stringify({
    Image: 'busybox',
    HostConfig: { AutoRemove: true, RestartPolicy: { Name: 'always' } },
  });
  const call = [
    'curl',
    '-s',
    '--unix-socket',
    '/run/berth/berth.sock',
    '-H',
    'Content-Type: application/json',
  ];
  expect(await fixture.box.host(...call, '-d', body, 'http://d/containers/create')).toBe(
    '{"message":"can\'t create \'AutoRemove\' container with restart policy"}',
  );
});

test('the next daemon starts what ended meanwhile, and what its policy wants; what was stopped by hand stays', async () => {
  await using box = await HostInABox.create();
  const daemon = await box.startDaemon();
  const names = ['always', 'unless', 'always-stopped', 'unless-stopped', 'failed', 'none'];
  const policies = ['always', 'unless-stopped', 'always', 'unless-stopped', 'on-failure', 'no'];
  for (const [index, name] of names.entries()) await run(name, policies[index] ?? '', 'sleep 600', box);
  await box.docker('create', '--name', 'never', '--restart', 'always', 'busybox', 'sleep', '600');
  await run('shares', 'always', 'sleep 600', box);
  await box.docker('rm', '-f', 'shares');
  await box.docker('run', '-d', '--name', 'shares', '--restart', 'always', '--network', 'container:always', 'busybox', 'sleep', '600'); // prettier-ignore
  await box.docker('stop', '-t', '0', 'always-stopped', 'unless-stopped');
  const pids = await box.docker(
    'inspect',
    '-f',
    '{{.State.Pid}}',
    'always',
    'unless',
    'failed',
    'none',
    'shares',
  );
  await daemon.crash();
  await box.host('kill', '-9', ...pids.split('\n'));
  await box.startDaemon();
  const found = await Promise.all([...names, 'never', 'shares'].map((name) => state(name, box)));
  expect(
    Object.fromEntries([...names, 'never', 'shares'].map((name, index) => [name, found[index]])),
  ).toEqual({
    always: 'running 1 0',
    unless: 'running 1 0',
    'always-stopped': 'running 0 0',
    'unless-stopped': 'exited 0 137',
    failed: 'running 1 0',
    none: 'exited 0 137',
    never: 'created 0 0',
    shares: 'running 1 0',
  });
  await box.docker('rm', '-f', ...names, 'never', 'shares');
});

test('a container that waits for its restart is started by the next daemon', async () => {
  await using box = await HostInABox.create();
  const daemon = await box.startDaemon();
  await run('loops', 'always', 'exit 5', box);
  await eventually('it waits', async () => /^restarting [4-9]/.test(await state('loops', box)));
  await daemon.stop();
  await box.startDaemon();
  expect(await state('loops', box)).toMatch(/^(running|restarting) /);
  await box.docker('stop', '-t', '0', 'loops');
  await box.docker('rm', 'loops');
});

test('restarts and checks of health cost the daemon no descriptors', async () => {
  const { pid } = fixture.daemon;
  const count = async () => (await fixture.box.host('ls', `/proc/${pid}/fd`)).split('\n').length;
  const cycle = async () => {
    const check = ['--health-cmd', 'exit 1', '--health-interval', '10ms'];
    await docker('run', '-d', '--name', 'checked', ...check, 'busybox', 'sleep', '600');
    await run('cycles', 'on-failure:5', 'exit 1');
    await eventually('it is given up', async () => (await state('cycles')).startsWith('exited 5'));
    await docker('rm', '-f', 'checked', 'cycles');
  };
  await cycle();
  const before = await count();
  await cycle();
  await cycle();
  await eventually('no more descriptors are open', async () => (await count()) <= before);
});
