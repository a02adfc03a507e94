import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { OUTSIDE_ADDRESS } from './box/index.js';
import { useBox } from './box/fixture.js';

const fixture = useBox();
const berth = (...args: string[]) => fixture.box.berth(...args);
const tryBerth = (...args: string[]) => fixture.box.tryBerth(...args);

/** `dig` of the host, in the network of a container. */
const dig = (container: string, ...args: string[]) =>
  berth('nsexec', container, '--', 'dig', '@127.0.0.11', '+time=2', '+tries=1', ...args);

beforeAll(async () => {
  await berth('network', 'create', 'sea');
  await berth('network', 'create', 'land');
  const sleep = ['busybox', 'sleep', '600'];
  await berth('run', '-d', '--name', 'asker', '--network', 'sea', ...sleep);
  await berth(
    'run',
    '-d',
    '--name',
    'ship',
    '--network',
    'sea',
    '--network-alias',
    'vessel',
    '--network-alias',
    'fleet',
    ...sleep,
  );
  await berth('run', '-d', '--name', 'boat', '--network', 'sea', '--network-alias', 'fleet', ...sleep);
  await berth('run', '-d', '--name', 'horse', '--network', 'land', ...sleep);
}, 60_000);
afterAll(async () => {
  await berth('rm', '-f', 'asker', 'ship', 'boat', 'horse');
});

const addressOf = (name: string) =>
  berth('inspect', '-f', '{{.NetworkSettings.Networks.sea.IPAddress}}', name);

describe('the name service', () => {
  test('knows names, aliases, short ids and NAME.NETWORK, in any case', async () => {
    const address = await addressOf('ship');
    const id = (await berth('inspect', '-f', '{{.Id}}', 'ship')).slice(0, 12);
    for (const name of ['ship', 'SHIP', 'vessel', id, 'ship.sea']) {
      expect([name, await dig('asker', '+short', name)]).toEqual([name, address]);
    }
  });

  test('gives all addresses of an alias that several have', async () => {
    const answers = (await dig('asker', '+short', 'fleet')).split('\n').sort();
    expect(answers).toEqual([await addressOf('ship'), await addressOf('boat')].sort());
  });

  test('leads from an address back to the name', async () => {
    expect(await dig('asker', '+short', '-x', await addressOf('ship'))).toBe('ship.sea.');
  });

  test('keeps the names of other networks to itself', async () => {
    expect(await dig('asker', 'horse')).toContain('status: NXDOMAIN');
    expect(fixture.box.outsideLog).not.toContain('horse');
  });

  test('answers what a name has not with an empty answer, and asks nobody about it', async () => {
    for (const type of ['AAAA', 'MX', 'TXT']) {
      const answer = await dig('asker', 'ship', type);
      expect(answer).toContain('status: NOERROR');
      expect(answer).toContain('ANSWER: 0');
    }
    expect(fixture.box.outsideLog).not.toMatch(/ship/);
  });

  test('asks the resolvers of the host for all other names', async () => {
    expect(await dig('asker', '+short', 'outside.example')).toBe(OUTSIDE_ADDRESS);
    expect(fixture.box.outsideLog).toContain('asked A outside.example');
    expect(await dig('asker', 'nowhere.example')).toContain('status: NXDOMAIN');
  });

  test('answers over TCP as well', async () => {
    expect(await dig('asker', '+tcp', '+short', 'ship')).toBe(await addressOf('ship'));
  });

  test('is what the resolver in the container uses', async () => {
    expect(await berth('exec', 'asker', 'cat', '/etc/resolv.conf')).toMatch(/^nameserver 127\.0\.0\.11$/m);
    expect(await berth('exec', 'asker', 'nslookup', 'ship')).toContain(await addressOf('ship'));
    expect(await berth('exec', 'asker', 'wget', '-qO-', 'http://outside.example/')).toBe('198.51.100.1');
  });

  test('leaves port 53 of the container to the container', async () => {
    const server = ['busybox', 'nc', '-l', '-p', '53', '-e', 'echo', 'mine'];
    await berth('run', '-d', '--name', 'own53', '--network', 'sea', ...server);
    expect(await berth('exec', 'asker', 'nc', '-w', '2', 'own53', '53')).toBe('mine');
    await berth('rm', '-f', 'own53');
  });

  test('follows connect, disconnect and removal at once', async () => {
    await berth('network', 'connect', 'sea', 'horse');
    expect(await dig('asker', '+short', 'horse')).toBe(await addressOf('horse'));
    await berth('network', 'disconnect', 'sea', 'horse');
    expect(await dig('asker', 'horse')).toContain('status: NXDOMAIN');
    await berth('run', '-d', '--name', 'brief', '--network', 'sea', 'busybox', 'sleep', '600');
    expect(await dig('asker', '+short', 'brief')).not.toBe('');
    await berth('rm', '-f', 'brief');
    expect(await dig('asker', 'brief')).toContain('status: NXDOMAIN');
  });

  test('uses the servers that --dns names', async () => {
    const printed = await tryBerth(
      'run',
      '--rm',
      '--network',
      'sea',
      '--dns',
      OUTSIDE_ADDRESS,
      'busybox',
      'nslookup',
      'outside.example',
    );
    expect(printed.stdout).toContain(OUTSIDE_ADDRESS);
  });
});
