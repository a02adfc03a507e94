import { expect, test } from 'vitest';
import { HOST_ADDRESS, HostInABox, eventually, type BoxedDaemon } from './box/index.js';

const fetchFile = ['curl', '-sf', '--max-time', '3'];

async function populate(box: HostInABox): Promise<{ daemon: BoxedDaemon; pid: string }> {
  const daemon = await box.startDaemon();
  await box.berth('network', 'create', 'sea');
  const web = ['busybox', 'httpd', '-f', '-p', '8080', '-h', '/etc'];
  await box.berth('run', '-d', '--name', 'web', '--network', 'sea', '-p', '8081:8080', ...web);
  await box.berth('run', '-d', '--name', 'talker', '--network', 'sea', 'busybox', 'sleep', '600');
  return { daemon, pid: await box.berth('inspect', '-f', '{{.State.Pid}}', 'web') };
}

test.each(['stop', 'crash'] as const)(
  'containers go on over a %s of the daemon, and are found again',
  async (way) => {
    await using box = await HostInABox.create();
    const { daemon, pid } = await populate(box);
    const linksBefore = await box.host('ip', '-br', 'link');
    await daemon[way]();
    // Published ports work without the daemon.
    await box.outside(...fetchFile, `http://${HOST_ADDRESS}:8081/hostname`);
    await box.startDaemon();
    expect(await box.berth('inspect', '-f', '{{.State.Pid}} {{.State.Status}}', 'web')).toBe(
      `${pid} running`,
    );
    expect(await box.host('ip', '-br', 'link')).toBe(linksBefore);
    await box.outside(...fetchFile, `http://${HOST_ADDRESS}:8081/hostname`);
    const names = await box.berth('exec', 'talker', 'nslookup', 'web');
    expect(names).toMatch(/Address:.*172\.18\.0\.2/);
    // What was published stays taken, what was allocated stays allocated.
    const taken = await box.tryBerth('run', '--rm', '-p', '8081:80', 'busybox', 'true');
    expect(taken.stderr).toMatch(/port is already allocated/);
    await box.berth('run', '--rm', '--network', 'sea', 'busybox', 'ping', '-c1', '-W2', 'web');
    await box.berth('stop', '-t', '1', 'talker');
    expect(await box.berth('inspect', '-f', '{{.State.ExitCode}}', 'talker')).toBe('137');
  },
);

test('a container that ended while the daemon was away has its exit code', async () => {
  await using box = await HostInABox.create();
  const daemon = await box.startDaemon();
  const script = 'while [ ! -e /go ]; do sleep 0.05; done; exit 42';
  await box.berth('run', '-d', '--name', 'ended', '-p', '8081:80', 'busybox', 'sh', '-c', script);
  const pid = await box.berth('inspect', '-f', '{{.State.Pid}}', 'ended');
  await daemon.crash();
  await box.host('touch', `/proc/${pid}/root/go`);
  await eventually('the container ends', async () => {
    const stat = await box.tryHost(['cat', `/proc/${pid}/stat`]);
    return stat.status !== 0 || / [ZX] /.test(stat.stdout);
  });
  await box.startDaemon();
  expect(await box.berth('wait', 'ended')).toBe('42');
  expect(await box.berth('inspect', '-f', '{{.State.Status}}', 'ended')).toBe('exited');
  // Its link, address and port are free again.
  expect(await box.host('ip', '-br', 'link')).not.toMatch(/veth/);
  await box.berth('run', '--rm', '-p', '8081:80', 'busybox', 'true');
});

test('after the loss of all kernel objects the networks are there again', async () => {
  await using box = await HostInABox.create();
  const daemon = await box.startDaemon();
  await box.berth('network', 'create', '--subnet', '10.50.0.0/24', 'kept');
  await daemon.crash();
  await box.host('nft', 'flush', 'ruleset');
  for (const link of (await box.host('sh', '-c', 'ls /sys/class/net | grep -E "^(br-|berth0)"'))
    .trim()
    .split('\n')) {
    await box.host('ip', 'link', 'delete', link);
  }
  await box.startDaemon();
  expect(
    await box.berth('run', '--rm', '--network', 'kept', 'busybox', 'wget', '-qO-', 'http://198.51.100.2/'),
  ).toBe('198.51.100.1');
});

test('a daemon whose log nobody reads any more goes on', async () => {
  await using box = await HostInABox.create();
  const daemon = await box.startDaemon();
  daemon.closeLog();
  await box.berth('run', '--rm', 'busybox', 'true');
  await box.berth('network', 'create', 'sea');
  expect(daemon.running).toBe(true);
});
