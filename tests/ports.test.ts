import { describe, expect, test } from 'vitest';
import { HOST_ADDRESS, OUTSIDE_ADDRESS, eventually } from './box/index.js';
import { useBox } from './box/fixture.js';

const fixture = useBox();
const berth = (...args: string[]) => fixture.box.berth(...args);
const tryBerth = (...args: string[]) => fixture.box.tryBerth(...args);

const web = (name: string, ...flags: string[]) =>
  berth('run', '-d', '--name', name, ...flags, 'busybox', 'httpd', '-f', '-p', '8080', '-h', '/etc');
const fetchFile = ['curl', '-sf', '--max-time', '3'];
const addressOf = (name: string) =>
  berth('inspect', '-f', '{{.NetworkSettings.Networks.bridge.IPAddress}}', name);

describe('a published port', () => {
  test('is reached from everywhere', async () => {
    const id = await web('server', '-p', '8081:8080');
    const expected = `${id.slice(0, 12)}\n`;
    const url = `http://${HOST_ADDRESS}:8081/hostname`;
    expect(await fixture.box.outside(...fetchFile, url)).toBe(expected);
    expect(await fixture.box.host(...fetchFile, url)).toBe(expected);
    expect(await fixture.box.host(...fetchFile, 'http://127.0.0.1:8081/hostname')).toBe(expected);
    expect(await fixture.box.host(...fetchFile, 'http://172.17.0.1:8081/hostname')).toBe(expected);
    // From a sibling on the same network, from a container of another one, and from the container itself.
    expect(await berth('run', '--rm', 'busybox', 'timeout', '5', 'wget', '-qO-', url)).toBe(expected.trim());
    await berth('network', 'create', 'elsewhere');
    expect(
      await berth('run', '--rm', '--network', 'elsewhere', 'busybox', 'timeout', '5', 'wget', '-qO-', url),
    ).toBe(expected.trim());
    expect(await berth('exec', 'server', 'timeout', '5', 'wget', '-qO-', url)).toBe(expected.trim());
    expect(await berth('port', 'server')).toBe('8080/tcp -> 0.0.0.0:8081');
    expect(await berth('ps')).toContain('0.0.0.0:8081->8080/tcp');
    await berth('rm', '-f', 'server');
    await berth('network', 'rm', 'elsewhere');
    expect((await fixture.box.tryOutside(...fetchFile, url)).status).not.toBe(0);
  });

  test('may be any free one', async () => {
    await web('anywhere', '-p', '8080');
    const port = /^8080\/tcp -> 0\.0\.0\.0:(\d+)$/.exec(await berth('port', 'anywhere'))?.[1];
    await fixture.box.outside(...fetchFile, `http://${HOST_ADDRESS}:${port}/hostname`);
    await berth('rm', '-f', 'anywhere');
  });

  test('on 127.0.0.1 is for the host alone', async () => {
    await web('private', '-p', '127.0.0.1:80:8080/tcp');
    await fixture.box.host(...fetchFile, 'http://127.0.0.1:80/hostname');
    expect(
      (await fixture.box.tryOutside(...fetchFile, `http://${HOST_ADDRESS}:80/hostname`)).status,
    ).not.toBe(0);
    // A neighbour that routes the loopback address, or the container's, to the host.
    await fixture.box.outside('ip', 'route', 'add', '172.17.0.0/16', 'via', HOST_ADDRESS);
    const direct = await fixture.box.tryOutside(
      ...fetchFile,
      `http://${await addressOf('private')}:8080/hostname`,
    );
    expect(direct.status).not.toBe(0);
    await fixture.box.outside('ip', 'route', 'del', '172.17.0.0/16');
    await berth('rm', '-f', 'private');
  });

  test('works for udp, there and back', async () => {
    await berth('run', '-d', '--name', 'udp', '-p', '9000:9000/udp', 'busybox', 'sleep', '600');
    // busybox has no server for udp: one of the host, in the network of the container.
    const server = fixture.box.startOnHost(
      fixture.box.berthCommand,
      'nsexec',
      'udp',
      '--',
      'nc',
      '-u',
      '-l',
      '-p',
      '9000',
    );
    const ended = new Promise((resolve) => server.once('close', resolve));
    let heard = '';
    server.stdout?.on('data', (chunk: Buffer) => {
      heard += chunk.toString();
      server.stdin?.write('answer\n');
    });
    const ask = `(echo question; sleep 1) | nc -u -w1 ${HOST_ADDRESS} 9000`;
    await eventually('an answer', async () =>
      (await fixture.box.tryOutside('sh', '-c', ask)).stdout.includes('answer'),
    );
    expect(heard).toContain('question');
    await berth('rm', '-f', 'udp');
    server.kill();
    await ended;
  });

  test('shows the container who asks', async () => {
    await berth('run', '-d', '--name', 'seer', '-p', '9001:9001', 'busybox', 'sleep', '600');
    const watch = ['nsexec', 'seer', '--', 'nc', '-v', '-n', '-l', '-p', '9001'];
    const server = fixture.box.startOnHost(fixture.box.berthCommand, ...watch);
    const ended = new Promise((resolve) => server.once('close', resolve));
    let seen = '';
    server.stderr?.on('data', (chunk: Buffer) => (seen += chunk.toString()));
    await eventually('the address', async () => {
      await fixture.box.tryOutside('sh', '-c', `echo | nc -w1 ${HOST_ADDRESS} 9001`);
      return seen.includes(OUTSIDE_ADDRESS);
    });
    await berth('rm', '-f', 'seer');
    server.kill();
    await ended;
  });

  test('that is not published is closed, even to one who routes to it', async () => {
    await web('closed');
    await fixture.box.outside('ip', 'route', 'add', '172.17.0.0/16', 'via', HOST_ADDRESS);
    const address = await addressOf('closed');
    await fixture.box.host(...fetchFile, `http://${address}:8080/hostname`);
    expect((await fixture.box.tryOutside(...fetchFile, `http://${address}:8080/hostname`)).status).not.toBe(
      0,
    );
    await fixture.box.outside('ip', 'route', 'del', '172.17.0.0/16');
    await berth('rm', '-f', 'closed');
  });

  test('held by a container or by any program is refused by name, and nothing is left', async () => {
    await web('holder', '-p', '8085:8080');
    const taken = await tryBerth('run', '-d', '--name', 'late', '-p', '8085:8080', 'busybox', 'sleep', '600');
    expect(taken.status).toBe(125);
    expect(taken.stderr).toMatch(/8085.*port is already allocated/);
    await berth('rm', 'late');
    const foreign = fixture.box.startOnHost('nc', '-l', '-p', '8086');
    await eventually('the port is held', async () =>
      (await fixture.box.host('ss', '-ltn')).includes(':8086'),
    );
    const refused = await tryBerth(
      'run',
      '-d',
      '--name',
      'late',
      '-p',
      '8086:8080',
      'busybox',
      'sleep',
      '600',
    );
    expect(refused.status).toBe(125);
    expect(refused.stderr).toMatch(/8086/);
    foreign.kill();
    await eventually(
      'the port is free',
      async () => !(await fixture.box.host('ss', '-ltn')).includes(':8086'),
    );
    await berth('start', 'late');
    // While it is published no other program can take it.
    const second = await fixture.box.tryHost(['timeout', '2', 'nc', '-l', '-p', '8086']);
    expect(second.stderr).toMatch(/in use/);
    await berth('rm', '-f', 'late', 'holder');
  });
});

test('5,000 single ports hold 5,000 descriptors, and the next container starts as well', async () => {
  // Every second one: none of them has a neighbour that it could be held together with.
  const ports = Array.from({ length: 5000 }, (_, index) => `${20_000 + 2 * index}`);
  const flags = ports.flatMap((port) => ['-p', `${port}:${port}`]);
  await berth('run', '-d', '--name', 'many', ...flags, 'busybox', 'sleep', '600');
  const open = await fixture.box.host('sh', '-c', `ls /proc/${fixture.daemon.pid}/fd | wc -l`);
  expect(Number(open)).toBeGreaterThan(5000);
  await web('next', '-p', '8090:8080', '--network', 'bridge');
  await fixture.box.outside(...fetchFile, `http://${HOST_ADDRESS}:8090/hostname`);
  await berth('network', 'create', 'afterwards');
  await berth('network', 'rm', 'afterwards');
  await berth('rm', '-f', 'many', 'next');
});
