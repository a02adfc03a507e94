import { afterEach, describe, expect, test } from 'vitest';
import { HostInABox } from './box/index.js';
import { endpointsOf, interfacesOf } from './box/connections.js';
import { useBox } from './box/fixture.js';

const fixture = useBox();
const berth = (...args: string[]) => fixture.box.berth(...args);
const tryBerth = (...args: string[]) => fixture.box.tryBerth(...args);
const docker = (...args: string[]) => fixture.box.docker(...args);

const sleeper = (name: string, ...flags: string[]) => fixture.box.sleeper(name, ...flags);
const network = (name: string, ...flags: string[]) => berth('network', 'create', ...flags, name);

afterEach(async () => {
  await fixture.daemon.removeEverything();
});

const endpoints = (name: string) => endpointsOf(fixture.box, name);
const interfaces = (name: string) => interfacesOf(fixture.box, name);
const addressOf = async (name: string, on: string) => (await endpoints(name))[on]?.IPAddress;

const reaches = async (from: string, to: string) =>
  (await tryBerth('exec', from, 'ping', '-c', '1', '-W', '1', to)).status === 0;

describe('addresses that were asked for', () => {
  const asked = {
    IPAMConfig: {
      IPv4Address: '10.63.0.77',
      IPv6Address: 'fd00:63::77',
      LinkLocalIPs: ['169.254.63.7', 'fe80::63'],
    },
    IPAddress: '10.63.0.77',
    GlobalIPv6Address: 'fd00:63::77',
    MacAddress: '02:42:0a:3f:00:4d',
  };
  const inside = ['eth0 10.63.0.77/24 169.254.63.7/16 fd00:63::77/64 fe80::63/64'];
  const subnets = ['--ipv6', '--subnet', '10.63.0.0/24', '--subnet', 'fd00:63::/64'];
  const flags = [
    ...['--ip', '10.63.0.77', '--ip6', 'fd00:63::77', '--mac-address', '02:42:0a:3f:00:4d'],
    ...['--link-local-ip', '169.254.63.7', '--link-local-ip', 'fe80::63'],
  ];
  const long =
    'name=sea,ip=10.63.0.77,ip6=fd00:63::77,mac-address=02:42:0a:3f:00:4d,link-local-ip=169.254.63.7,link-local-ip=fe80::63';

  test.each([
    ['berth', ['--network', 'sea', ...flags]],
    ['berth', ['--network', long]],
    ['docker', ['--network', 'sea', ...flags]],
    ['docker', ['--network', long]],
  ] as const)('are those that it has, at every start: %s run %j', async (program, words) => {
    await network('sea', ...subnets);
    await (program === 'berth' ? berth : docker)(
      'run',
      '-d',
      '--name',
      'web',
      ...words,
      'busybox',
      'sleep',
      '600',
    );
    for (const way of ['restart', 'stop'] as const) {
      expect((await endpoints('web')).sea).toMatchObject(asked);
      expect(await interfaces('web')).toEqual(inside);
      expect(await berth('exec', 'web', 'cat', '/sys/class/net/eth0/address')).toBe(asked.MacAddress);
      await berth(way, '-t', '0', 'web');
      await sleeper(`after-${way}`, '--network', 'sea');
      await berth('start', 'web');
    }
    expect(await interfaces('web')).toEqual(inside);
    for (const address of ['10.63.0.77', 'fd00:63::77', 'web'])
      expect(await reaches('after-stop', address)).toBe(true);
  });

  test('are those that it has after a crash of the daemon, running or not', async () => {
    await using box = await HostInABox.create();
    const daemon = await box.startDaemon();
    await box.berth('network', 'create', ...subnets, 'sea');
    await box.berth('create', '--name', 'web', '--network', 'sea', ...flags, 'busybox', 'sleep', '600');
    await box.berth(
      'run',
      '-d',
      '--name',
      'busy',
      '--network',
      'sea',
      '--ip',
      '10.63.0.88',
      'busybox',
      'sleep',
      '600',
    );
    await daemon.crash();
    await box.startDaemon();
    for (const [address, holder] of [
      ['10.63.0.77', await box.berth('inspect', '-f', '{{.Id}}', 'web')],
      ['10.63.0.88', 'busy'],
    ] as const) {
      const taken = await box.tryBerth('create', '--network', 'sea', '--ip', address, 'busybox', 'true');
      expect(taken.stderr).toContain(`Address already in use: ${address}`);
      expect(taken.stderr).toContain(holder.slice(0, 12));
    }
    await box.berth('start', 'web');
    expect((await endpointsOf(box, 'web')).sea).toMatchObject(asked);
    expect((await endpointsOf(box, 'busy')).sea).toMatchObject({ IPAddress: '10.63.0.88' });
  });

  test.each(['rm', 'disconnect'])('stay a stopped container’s until %s, whoever asks', async (end) => {
    // 10.64.0.0/29 has six addresses: the gateway's, the reserved one and four more.
    await network('small', '--subnet', '10.64.0.0/29');
    const id = await berth(
      'create',
      '--name',
      'holder',
      '--network',
      'small',
      '--ip',
      '10.64.0.3',
      'busybox',
      'sleep',
      '9',
    );
    const given: (string | undefined)[] = [];
    for (const name of ['n1', 'n2', 'n3', 'n4']) {
      await sleeper(name, '--network', 'small');
      given.push(await addressOf(name, 'small'));
    }
    expect(given.sort()).toEqual(['10.64.0.2', '10.64.0.4', '10.64.0.5', '10.64.0.6']);
    const dynamic = ['run', '-d', '--name', 'late', '--network', 'small', 'busybox', 'sleep', '600'];
    expect((await tryBerth(...dynamic)).stderr).toContain('no available IPv4 addresses');
    await berth('rm', 'late');
    const byName = await tryBerth('create', '--network', 'small', '--ip', '10.64.0.3', 'busybox', 'true');
    expect(byName.status).toBe(1);
    expect(byName.stderr).toContain(
      `Address already in use: 10.64.0.3 is reserved for container ${id.slice(0, 12)}`,
    );
    await sleeper('far');
    const connected = await tryBerth('network', 'connect', '--ip', '10.64.0.3', 'small', 'far');
    expect(connected.stderr).toContain('Address already in use: 10.64.0.3');
    await berth('start', 'holder');
    expect(await addressOf('holder', 'small')).toBe('10.64.0.3');
    await berth('stop', '-t', '0', 'holder');
    if (end === 'rm') await berth('rm', 'holder');
    else await berth('network', 'disconnect', 'small', 'holder');
    await berth(...dynamic);
    expect(await addressOf('late', 'small')).toBe('10.64.0.3');
  });

  test('are refused where they are not the network’s, or another’s', async () => {
    const refusal = async (...args: string[]) =>
      (await tryBerth('run', '-d', ...args, 'busybox', 'sleep', '600')).stderr;
    await network('sea', ...subnets);
    const sea = ['--network', 'sea'];
    await sleeper('web', ...sea, ...flags);
    expect(await refusal(...sea, '--ip', '10.99.0.1')).toContain(
      'no configured subnet contains IP address 10.99.0.1',
    );
    expect(await refusal(...sea, '--ip6', 'fd00:99::1')).toContain(
      'no configured subnet contains IP address fd00:99::1',
    );
    expect(await refusal(...sea, '--ip', '10.63.0.1')).toContain('Address already in use: 10.63.0.1');
    expect(await refusal(...sea, '--ip6', 'fd00:63::77')).toContain('Address already in use: fd00:63::77');
    expect(await refusal(...sea, '--mac-address', asked.MacAddress)).toMatch(
      /MAC address 02:42:0a:3f:00:4d is container web's/,
    );
    expect(await refusal(...sea, '--mac-address', '01:00:5e:00:00:01')).toContain('invalid MAC address');
    expect(await refusal(...sea, '--link-local-ip', '10.1.1.1')).toContain(
      'invalid link-local address 10.1.1.1',
    );
    expect(await refusal('--ip', '172.17.0.99')).toContain('supported on user defined networks only');
    // On another network the same MAC address is no one else's.
    await sleeper('elsewhere', '--mac-address', asked.MacAddress);
    await sleeper('far');
    const connected = await docker('network', 'connect', '--ip', '10.63.0.77', 'sea', 'far').catch(String);
    expect(connected).toContain('Address already in use: 10.63.0.77');
    expect(await interfaces('far')).toHaveLength(1);
  });
});
