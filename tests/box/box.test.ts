import { expect, test } from 'vitest';
import { HOST_ADDRESS, HostInABox, OUTSIDE_ADDRESS, boxProcesses, leftovers } from './index.js';

test('a box has a host and an outside machine that reach each other, and a network of its own', async () => {
  await using box = await HostInABox.create();
  await box.host('ping', '-c1', '-W2', OUTSIDE_ADDRESS);
  await box.outside('ping', '-c1', '-W2', HOST_ADDRESS);
  expect(await box.host('ls', '/sys/class/net')).toBe('eth0\nlo\n');
  expect(await box.host('cat', '/etc/resolv.conf')).toContain(OUTSIDE_ADDRESS);
  expect((await box.host('curl', '-s', 'http://www.baidu.com/')).trim()).toBe(HOST_ADDRESS);
  expect(await box.host('ls', '/sys/fs/cgroup')).toContain('pids');
});

test('what is left in a box is found', async () => {
  await using box = await HostInABox.create();
  expect(await leftovers(box)).toEqual([]);
  await box.host('ip', 'link', 'add', 'br0', 'type', 'bridge');
  await box.host('nft', 'add', 'table', 'inet', 'berth');
  await box.host('ip', 'netns', 'add', 'forgotten');
  const sleeper = box.startOnHost('sleep', '60');
  const ended = new Promise((resolve) => sleeper.once('close', resolve));
  const left = await leftovers(box);
  expect(left).toEqual(
    expect.arrayContaining([
      'link br0',
      'table inet berth',
      'file forgotten',
      `process ${sleeper.pid} sleep 60`,
    ]),
  );
  sleeper.kill();
  await ended;
  expect(boxProcesses(box)).toEqual([]);
});
