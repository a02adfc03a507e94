import { afterEach, describe, expect, test } from 'vitest';
import { HOST_ADDRESS } from './box/index.js';
import { endpointsOf, interfacesOf } from './box/connections.js';
import { useBox } from './box/fixture.js';
import { Talkers } from './box/talkers.js';

const fixture = useBox();
const berth = (...args: string[]) => fixture.box.berth(...args);
const tryBerth = (...args: string[]) => fixture.box.tryBerth(...args);
const docker = (...args: string[]) => fixture.box.docker(...args);
const talkers = new Talkers(() => fixture.box);

const sleeper = (name: string, ...flags: string[]) => fixture.box.sleeper(name, ...flags);
const network = (name: string, ...flags: string[]) => berth('network', 'create', ...flags, name);

afterEach(async () => {
  await talkers.endAll();
  await fixture.daemon.removeEverything();
});

const endpoints = (name: string) => endpointsOf(fixture.box, name);
const interfaces = (name: string) => interfacesOf(fixture.box, name);
const addressOf = async (name: string, on: string) => (await endpoints(name))[on]?.IPAddress;

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
