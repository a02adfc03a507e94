import { afterEach, describe, expect, test } from 'vitest';
import { HOST_ADDRESS, HostInABox } from './box/index.js';
import { useBox } from './box/fixture.js';
import { Talkers } from './box/talkers.js';

const fixture = useBox();
const berth = (...args: string[]) => fixture.box.berth(...args);
const tryBerth = (...args: string[]) => fixture.box.tryBerth(...args);
const docker = (...args: string[]) => fixture.box.docker(...args);
const talkers = new Talkers(() => fixture.box);

const sleeper = (name: string, ...flags: string[]) =>
  berth('run', '-d', '--name', name, ...flags, 'busybox', 'sleep', '600');
const network = (name: string, ...flags: string[]) => berth('network', 'create', ...flags, name);

afterEach(async () => {
  await talkers.endAll();
  const left = (await berth('ps', '-aq')).split('\n').filter(Boolean);
  if (left.length > 0) await berth('rm', '-f', ...left);
  await berth('network', 'prune', '-f');
});

interface EndpointSettings {
  readonly IPAddress: string;
  readonly GlobalIPv6Address: string;
  readonly MacAddress: string;
  readonly GwPriority: number;
  readonly Aliases: string[] | null;
  readonly IPAMConfig: object | null;
}

/** The connections of a container, by network. */
async function endpoints(name: string, box = fixture.box): Promise<Record<string, EndpointSettings>> {
  const shown = await box.berth('inspect', '-f', '{{json .NetworkSettings.Networks}}', name);
  return JSON.parse(shown) as Record<string, EndpointSettings>;
}
const addressOf = async (name: string, on: string) => (await endpoints(name))[on]?.IPAddress;

/** Interfaces of a container besides lo, with their addresses: `eth0 10.1.0.2/24 fd00::2/64`. */
async function interfaces(name: string): Promise<string[]> {
  const lines = (await berth('exec', name, 'ip', '-o', 'address')).split('\n');
  const found = new Map<string, string[]>();
  for (const line of lines) {
    const [, device = '', address = ''] = /^\d+: (\S+)\s+inet6? (\S+)/.exec(line) ?? [];
    if (device === '' || device === 'lo') continue;
    // The kernel's own link-local address, made of the MAC address (RFC 4291, appendix A).
    if (/^fe80:.*ff:fe/.test(address)) continue;
    found.set(device, [...(found.get(device) ?? []), address]);
  }
  return [...found].map(([device, addresses]) => [device, ...addresses].join(' '));
}

const reaches = async (from: string, to: string) =>
  (await tryBerth('exec', from, 'ping', '-c', '1', '-W', '1', to)).status === 0;

/** The gateway of a container's default route. */
async function gateway(name: string): Promise<string | undefined> {
  const routes = await berth('exec', name, 'ip', 'route');
  expect(routes.split('\n').filter((line) => line.startsWith('default')).length).toBeLessThan(2);
  return /^default via (\S+)/m.exec(routes)?.[1];
}

describe('connect and disconnect', () => {
  test.each(['berth', 'docker'] as const)('of a container that runs, by %s', async (program) => {
    const connect = program === 'berth' ? berth : docker;
    await network('sea', '--subnet', '10.61.0.0/24');
    await sleeper('other', '--network', 'sea', '--ip', '10.61.0.9');
    await sleeper('web');
    expect(await reaches('web', '10.61.0.9')).toBe(false);
    await connect(
      'network',
      'connect',
      '--ip',
      '10.61.0.5',
      '--alias',
      'guest',
      '--alias',
      'visitor',
      'sea',
      'web',
    );
    expect(await interfaces('web')).toEqual([expect.stringMatching(/^eth0 172\.17\./), 'eth1 10.61.0.5/24']);
    expect(await reaches('web', 'other')).toBe(true);
    for (const name of ['web', 'guest', 'visitor']) expect(await reaches('other', name)).toBe(true);
    await connect('network', 'disconnect', 'sea', 'web');
    expect(await interfaces('web')).toEqual([expect.stringMatching(/^eth0 172\.17\./)]);
    expect(await reaches('web', '10.61.0.9')).toBe(false);
    expect(await reaches('other', 'guest')).toBe(false);
    expect(Object.keys(await endpoints('web'))).toEqual(['bridge']);
  });

  test('of a paused one show when it goes on', async () => {
    await network('sea', '--subnet', '10.61.0.0/24');
    await network('lake', '--subnet', '10.62.0.0/24');
    await sleeper('web', '--network', 'lake');
    await berth('pause', 'web');
    await berth('network', 'connect', '--ip', '10.61.0.5', 'sea', 'web');
    await berth('network', 'disconnect', 'lake', 'web');
    expect(Object.keys(await endpoints('web'))).toEqual(['sea']);
    await berth('unpause', 'web');
    expect(await interfaces('web')).toEqual(['eth1 10.61.0.5/24']);
    expect(await gateway('web')).toBe('10.61.0.1');
  });

  test.each(['created', 'stopped'])('of one that is %s show when it starts', async (state) => {
    await network('sea', '--subnet', '10.61.0.0/24');
    await network('lake', '--subnet', '10.62.0.0/24');
    await berth('create', '--name', 'web', '--network', 'lake', 'busybox', 'sleep', '600');
    if (state === 'stopped') {
      await berth('start', 'web');
      await berth('stop', '-t', '0', 'web');
    }
    await berth('network', 'connect', '--ip', '10.61.0.5', '--alias', 'guest', 'sea', 'web');
    await berth('network', 'connect', 'bridge', 'web');
    await berth('network', 'disconnect', 'lake', 'web');
    expect(Object.keys(await endpoints('web')).sort()).toEqual(['bridge', 'sea']);
    await berth('start', 'web');
    await sleeper('other', '--network', 'sea');
    expect((await interfaces('web')).map((line) => line.replace(/^eth\d /, '')).sort()).toEqual([
      '10.61.0.5/24',
      expect.stringMatching(/^172\.17\./),
    ]);
    expect(await reaches('other', 'guest')).toBe(true);
  });

  test('of the last network leave nothing but lo, and ports wait for the next one', async () => {
    await sleeper('web', '-p', '8081:80');
    await talkers.serve('web', 80);
    await berth('network', 'disconnect', 'bridge', 'web');
    expect(await interfaces('web')).toEqual([]);
    const flow = talkers.call('udp', HOST_ADDRESS, 8081);
    await network('sea');
    await berth('network', 'connect', 'sea', 'web');
    expect(await talkers.call('tcp', HOST_ADDRESS, 8081).answer()).toBe('web tcp 80');
    expect(await flow.unanswered()).toBe(true);
  });

  test('are refused where they make no sense', async () => {
    const refusal = async (...args: string[]) => {
      const { status, stderr } = await tryBerth('network', ...args);
      expect(status).toBe(1);
      return stderr;
    };
    await network('sea', '--subnet', '10.61.0.0/24');
    await sleeper('web', '--network', 'sea');
    await sleeper('hosted', '--network', 'host');
    await sleeper('sharing', '--network', 'container:web');
    expect(await refusal('connect', 'sea', 'web')).toContain(
      'endpoint with name web already exists in network sea',
    );
    expect(await refusal('disconnect', 'bridge', 'web')).toMatch(/is not connected to network bridge/);
    expect(await refusal('disconnect', '-f', 'bridge', 'web')).toMatch(/is not connected to network bridge/);
    expect(await refusal('connect', 'nowhere', 'web')).toMatch(/network nowhere not found/);
    expect(await refusal('connect', 'sea', 'nobody')).toContain('No such container: nobody');
    const host = 'container cannot be disconnected from host network or connected to host network';
    expect(await refusal('connect', 'host', 'web')).toContain(host);
    expect(await refusal('connect', 'sea', 'hosted')).toContain(host);
    expect(await refusal('disconnect', 'host', 'hosted')).toContain(host);
    expect(await refusal('connect', 'bridge', 'sharing')).toContain('container sharing network namespace');
    await berth('rm', '-f', 'hosted', 'sharing');
    expect(await refusal('disconnect', 'sea', 'hosted')).toContain('No such container: hosted');
  });

  test('with force is about what is gone as well', async () => {
    await network('sea');
    await sleeper('web', '--network', 'sea');
    await sleeper('gone', '--network', 'sea');
    await berth('rm', '-f', 'gone');
    await berth('network', 'disconnect', '-f', 'sea', 'gone');
    await docker('network', 'disconnect', '-f', 'sea', 'gone');
    await berth('stop', '-t', '0', 'web');
    await berth('network', 'disconnect', '-f', 'sea', 'web');
    expect(await endpoints('web')).toEqual({});
    expect(await berth('network', 'rm', 'sea')).toBe('sea');
  });
});

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
    expect((await endpoints('web', box)).sea).toMatchObject(asked);
    expect((await endpoints('busy', box)).sea).toMatchObject({ IPAddress: '10.63.0.88' });
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

describe('the default route', () => {
  test('and the published ports are of the network with the highest gw-priority, of equals the first', async () => {
    for (const [name, number] of [
      ['one', 1],
      ['two', 2],
      ['three', 3],
    ] as const)
      await network(name, '--subnet', `10.70.${number}.0/24`);
    await network('hidden', '--internal', '--subnet', '10.70.9.0/24');
    const published = async () => {
      const map = await fixture.box.host('nft', 'list', 'map', 'inet', 'berth', 'published');
      return /tcp \. 8081 : (\S+) \. 80/.exec(map)?.[1];
    };
    const expectGateway = async (number: number | undefined) => {
      expect(await gateway('web')).toBe(number && `10.70.${number}.1`);
      expect(await published()).toMatch(new RegExp(`^10\\.70\\.${number}\\.`));
      expect(await talkers.call('tcp', HOST_ADDRESS, 8081).answer()).toBe('web tcp 80');
    };
    await sleeper('web', '--network', 'one', '-p', '8081:80');
    await talkers.serve('web', 80);
    await expectGateway(1);
    await berth('network', 'connect', 'two', 'web');
    await expectGateway(1);
    await docker('network', 'connect', '--gw-priority', '10', 'three', 'web');
    await expectGateway(3);
    await berth('network', 'connect', '--gw-priority', '99', 'hidden', 'web');
    await expectGateway(3);
    await berth('network', 'disconnect', 'two', 'web');
    await berth('network', 'connect', '--gw-priority', '10', 'two', 'web');
    await expectGateway(3);
    await berth('network', 'disconnect', 'three', 'web');
    await expectGateway(2);
    expect((await endpoints('web')).two?.GwPriority).toBe(10);
    await berth('network', 'disconnect', 'two', 'web');
    await expectGateway(1);
    await berth('network', 'disconnect', 'one', 'web');
    expect(await gateway('web')).toBeUndefined();
    expect(await published()).toBeUndefined();
  });

  test('is chosen at the start among all networks, negative priorities last', async () => {
    for (const [name, number] of [
      ['one', 1],
      ['two', 2],
      ['three', 3],
    ] as const)
      await network(name, '--subnet', `10.70.${number}.0/24`);
    const flags = ['name=one,gw-priority=-5', 'name=two', 'name=three,gw-priority=7'];
    for (const program of ['berth', 'docker'] as const) {
      const command = ['run', '-d', '--name', program, ...flags.flatMap((flag) => ['--network', flag])];
      await (program === 'berth' ? berth : docker)(...command, 'busybox', 'sleep', '600');
      expect(await gateway(program)).toBe('10.70.3.1');
      await berth('network', 'disconnect', 'three', program);
      expect(await gateway(program)).toBe('10.70.2.1');
      await berth('restart', '-t', '0', program);
      expect(await gateway(program)).toBe('10.70.2.1');
    }
    expect((await tryBerth('run', '--network', 'name=one,gw-priority=high', 'busybox')).stderr).toContain(
      'gw-priority',
    );
  });
});

describe('endpoint options', () => {
  const IFNAME = 'driver-opt=com.docker.network.endpoint.ifname';
  const SYSCTLS = 'driver-opt=com.docker.network.endpoint.sysctls';

  test.each(['berth', 'docker'] as const)('name the interface and set it up: %s', async (program) => {
    await network('sea', '--ipv6', '--subnet', '10.61.0.0/24');
    const words = `name=sea,${IFNAME}=front0,"${SYSCTLS}=net.ipv4.conf.IFNAME.log_martians=1,net.ipv6.conf.IFNAME.accept_ra=0"`;
    const run = program === 'berth' ? berth : docker;
    await run('run', '-d', '--name', 'web', '--network', words, 'busybox', 'sleep', '600');
    const setting = (name: string) => berth('exec', 'web', 'cat', `/proc/sys/net/${name}`);
    for (const way of ['first', 'next'] as const) {
      if (way === 'next') await berth('restart', '-t', '0', 'web');
      expect(await interfaces('web')).toEqual([expect.stringMatching(/^front0 10\.61\.0\.\d\/24 fd/)]);
      expect(await setting('ipv4/conf/front0/log_martians')).toBe('1');
      expect(await setting('ipv6/conf/front0/accept_ra')).toBe('0');
      expect(await gateway('web')).toBe('10.61.0.1');
    }
    await run(
      ...['network', 'connect', '--driver-opt', 'com.docker.network.endpoint.ifname=back0', '--driver-opt'],
      '"com.docker.network.endpoint.sysctls=net.ipv4.conf.IFNAME.log_martians=1,net.ipv4.neigh.IFNAME.gc_stale_time=77"',
      ...['bridge', 'web'],
    );
    expect(await setting('ipv4/conf/back0/log_martians')).toBe('1');
    expect(await setting('ipv4/neigh/back0/gc_stale_time')).toBe('77');
    expect((await tryBerth('exec', 'web', 'cat', '/sys/class/net/eth0/address')).status).not.toBe(0);
  });

  test.each([
    [`${SYSCTLS}=net.ipv4.ip_forward=1`, /invalid sysctl "net\.ipv4\.ip_forward=1"/],
    [`${SYSCTLS}=net.ipv4.conf.eth0.log_martians=1`, /invalid sysctl/],
    [`${SYSCTLS}=net.ipv4.conf.IFNAME.log_martians`, /invalid sysctl/],
    [`${SYSCTLS}=kernel.shmmax=1`, /invalid sysctl/],
    [`${SYSCTLS}=net.ipv4.conf.IFNAME.no_such_thing=1`, /no sysctl net\/ipv4\/conf\/eth0\/no_such_thing/],
    [`${IFNAME}=a/b`, /invalid value "a\/b"/],
    [`${IFNAME}=a-name-that-is-too-long`, /invalid value "a-name-that-is-too-long"/],
    [`${IFNAME}=lo`, /interface name lo is taken/],
    ['driver-opt=colour=blue', /endpoint option colour is not supported/],
  ])('are refused when they are wrong, and leave nothing: %s', async (option, reason) => {
    const run = [
      'run',
      '-d',
      '--name',
      'web',
      '--network',
      `name=bridge,${option}`,
      'busybox',
      'sleep',
      '600',
    ];
    const refused = await tryBerth(...run);
    expect(refused.stderr).toMatch(reason);
    expect(refused.status).not.toBe(0);
    expect(await fixture.box.host('ip', '-br', 'link')).not.toContain('veth');
  });

  test('an interface name is given once', async () => {
    await network('sea');
    await sleeper('web', '--network', `name=sea,${IFNAME}=eth5`);
    const twice = [
      'network',
      'connect',
      '--driver-opt',
      'com.docker.network.endpoint.ifname=eth5',
      'bridge',
      'web',
    ];
    expect((await tryBerth(...twice)).stderr).toContain('interface name eth5 is taken in this container');
    await berth('network', 'connect', 'bridge', 'web');
    expect(await interfaces('web')).toHaveLength(2);
  });
});

test('names and aliases lead to a container on the network that they are for', async () => {
  await network('one');
  await network('two');
  await sleeper('asker', '--network', 'one', '--network', 'two');
  await sleeper(
    'web',
    '--network',
    'name=one,alias=first,alias=both',
    '--network',
    'name=two,alias=second,alias=both',
  );
  const [one, two] = [await addressOf('web', 'one'), await addressOf('web', 'two')];
  await sleeper('only-one', '--network', 'one');
  const found = async (from: string, name: string) =>
    [...(await tryBerth('exec', from, 'nslookup', name)).stdout.matchAll(/^Address: (\d\S+)$/gm)].map(
      ([, address]) => address,
    );
  expect(await found('only-one', 'first')).toEqual([one]);
  expect(await found('only-one', 'both')).toEqual([one]);
  expect(await found('only-one', 'second')).toEqual([]);
  expect(await found('asker', 'second')).toEqual([two]);
  expect((await endpoints('web')).two?.Aliases).toEqual(['second', 'both']);
  // One name may be several containers'.
  await docker(
    'run',
    '-d',
    '--name',
    'twin',
    '--network',
    'one',
    '--network-alias',
    'first',
    'busybox',
    'sleep',
    '600',
  );
  expect((await found('only-one', 'first')).sort()).toEqual([one, await addressOf('twin', 'one')].sort());
  const refused = await tryBerth('run', '--network-alias', 'x', 'busybox', 'true');
  expect(refused.stderr).toContain('network-scoped aliases are only supported for user-defined networks');
});

test('a container may be on ten networks at once', async () => {
  const names = Array.from({ length: 10 }, (_, index) => `net${index}`);
  for (const [index, name] of names.entries()) await network(name, '--subnet', `10.71.${index}.0/24`);
  const flags = names.flatMap((name) => ['--network', name]);
  await sleeper('web', ...flags);
  for (const start of ['first', 'next']) {
    if (start === 'next') await berth('restart', '-t', '0', 'web');
    const shown = await interfaces('web');
    expect(shown.map((line) => line.split('.').slice(0, 3).join('.'))).toEqual(
      names.map((_, index) => `eth${index} 10.71.${index}`),
    );
    expect(await gateway('web')).toBe('10.71.0.1');
  }
  await sleeper('far', '--network', 'net9');
  expect(await reaches('far', 'web')).toBe(true);
  expect(await reaches('web', 'far')).toBe(true);
});

test('a container shares the network of another by name, id or a piece of the id', async () => {
  await network('sea', '--subnet', '10.61.0.0/24');
  const id = await sleeper('owner', '--network', 'sea', '--hostname', 'harbour', '-p', '8081:80');
  for (const [name, reference] of [
    ['by-name', 'owner'],
    ['by-id', id],
    ['by-piece', id.slice(0, 8)],
  ] as const) {
    const command = [
      'run',
      '-d',
      '--name',
      name,
      '--network',
      `container:${reference}`,
      'busybox',
      'sleep',
      '600',
    ];
    await (name === 'by-id' ? docker(...command) : berth(...command));
    expect(await interfaces(name)).toEqual(await interfaces('owner'));
    expect(await berth('exec', name, 'cat', '/etc/hostname')).toBe('harbour');
    expect(await berth('inspect', '-f', '{{.HostConfig.NetworkMode}}', name)).toBe(`container:${id}`);
  }
  await berth('network', 'connect', 'bridge', 'owner');
  expect(await interfaces('by-name')).toHaveLength(2);
  await talkers.serve('by-piece', 80);
  expect(await talkers.call('tcp', HOST_ADDRESS, 8081).answer()).toBe('by-piece tcp 80');
  await berth('stop', '-t', '0', 'by-name', 'owner');
  const refused = await tryBerth('start', 'by-name');
  expect(refused.stderr).toContain('cannot join network of a non running container');
  await berth('start', 'owner', 'by-name');
  expect(await interfaces('by-name')).toEqual(await interfaces('owner'));
  const nobody = await fixture.box.tryDocker(
    'run',
    '--rm',
    '--network',
    'container:nobody',
    'busybox',
    'true',
  );
  expect([nobody.status, nobody.stderr]).toEqual([125, expect.stringContaining('No such container: nobody')]);
});
