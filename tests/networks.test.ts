import { describe, expect, test } from 'vitest';
import { useBox } from './box/fixture.js';

const fixture = useBox();
const berth = (...args: string[]) => fixture.box.berth(...args);
const tryBerth = (...args: string[]) => fixture.box.tryBerth(...args);

const sleeper = (name: string, ...flags: string[]) => fixture.box.sleeper(name, ...flags);

async function reaches(from: string, address: string): Promise<boolean> {
  return (await tryBerth('exec', from, 'ping', '-c', '1', '-W', '1', address)).status === 0;
}

const addressOf = (name: string, network: string) =>
  berth('inspect', '-f', `{{(index .NetworkSettings.Networks "${network}").IPAddress}}`, name);

describe('a bridge network', () => {
  test('takes subnet, gateway, range, labels and options, and shows them', async () => {
    await berth(
      ...[
        'network',
        'create',
        '--subnet',
        '10.20.0.0/16',
        '--gateway',
        '10.20.0.254',
        '--ip-range',
        '10.20.5.0/24',
      ],
      ...[
        '--label',
        'team=sea',
        '-o',
        'com.docker.network.bridge.name=brsea',
        '-o',
        'com.docker.network.driver.mtu=1400',
        'sea',
      ],
    );
    const [shown] = JSON.parse(await berth('network', 'inspect', 'sea')) as [Record<string, unknown>];
    expect(shown).toMatchObject({
      IPAM: { Config: [{ Subnet: '10.20.0.0/16', Gateway: '10.20.0.254', IPRange: '10.20.5.0/24' }] },
      Labels: { team: 'sea' },
      Options: { 'com.docker.network.bridge.name': 'brsea' },
    });
    await sleeper('swimmer', '--network', 'sea');
    expect(await addressOf('swimmer', 'sea')).toMatch(/^10\.20\.5\.\d+$/);
    const routes = JSON.parse(await fixture.box.host('ip', '-j', 'addr', 'show', 'brsea')) as {
      mtu: number;
    }[];
    expect(routes[0]?.mtu).toBe(1400);
    expect(await berth('exec', 'swimmer', 'ip', 'route')).toContain('default via 10.20.0.254 dev eth0');
    expect(await berth('exec', 'swimmer', 'cat', '/sys/class/net/eth0/mtu')).toBe('1400');
    await berth('rm', '-f', 'swimmer');
    await berth('network', 'rm', 'sea');
    expect((await fixture.box.tryHost(['ip', 'link', 'show', 'brsea'])).status).not.toBe(0);
  });

  test('separates its containers from those of others, and lets them meet when connected', async () => {
    await berth('network', 'create', 'one');
    await berth('network', 'create', 'two');
    await sleeper('aa', '--network', 'one');
    await sleeper('bb', '--network', 'two');
    const b = await addressOf('bb', 'two');
    expect(await reaches('aa', b)).toBe(false);
    await berth('network', 'connect', '--alias', 'visitor', 'two', 'aa');
    expect(await reaches('aa', b)).toBe(true);
    expect(await reaches('bb', 'visitor')).toBe(true);
    expect(await berth('exec', 'aa', 'ls', '/sys/class/net')).toBe('eth0\neth1\nlo');
    await berth('network', 'disconnect', 'two', 'aa');
    expect(await reaches('aa', b)).toBe(false);
    expect(await berth('exec', 'aa', 'ls', '/sys/class/net')).toBe('eth0\nlo');
    await berth('rm', '-f', 'aa', 'bb');
    await berth('network', 'rm', 'one', 'two');
  });

  test('gives the address that was asked for, and a just freed one last', async () => {
    await berth('network', 'create', '--subnet', '10.30.0.0/24', 'fixed');
    await sleeper('first', '--network', 'fixed', '--ip', '10.30.0.77');
    expect(await addressOf('first', 'fixed')).toBe('10.30.0.77');
    const taken = await tryBerth(
      'run',
      '-d',
      '--name',
      'second',
      '--network',
      'fixed',
      '--ip',
      '10.30.0.77',
      'busybox',
      'true',
    );
    expect(taken.status).toBe(125);
    expect(taken.stderr).toMatch(/[Aa]ddress already in use/);
    await berth('rm', '-f', 'second').catch(() => undefined);
    await sleeper('third', '--network', 'fixed');
    const third = await addressOf('third', 'fixed');
    await berth('rm', '-f', 'third');
    await sleeper('fourth', '--network', 'fixed');
    expect(await addressOf('fourth', 'fixed')).not.toBe(third);
    await berth('rm', '-f', 'first', 'fourth');
    await berth('network', 'rm', 'fixed');
  });

  test('--internal has no way out, and containers of it still meet', async () => {
    await berth('network', 'create', '--internal', 'closed');
    await sleeper('in1', '--network', 'closed');
    await sleeper('in2', '--network', 'closed');
    expect(await reaches('in1', 'in2')).toBe(true);
    expect(await reaches('in1', '198.51.100.2')).toBe(false);
    expect((await tryBerth('exec', 'in1', 'nslookup', 'outside.example')).status).not.toBe(0);
    expect(fixture.box.outsideLog).not.toContain('outside.example');
    await berth('rm', '-f', 'in1', 'in2');
    await berth('network', 'rm', 'closed');
  });

  test('reaches the world through the address of the host', async () => {
    await sleeper('traveller');
    expect(await berth('exec', 'traveller', 'wget', '-qO-', 'http://198.51.100.2/')).toBe('198.51.100.1');
    await berth('rm', '-f', 'traveller');
  });
});

test('a container shares the network of another', async () => {
  await sleeper('owner');
  const sharing = await berth(
    'run',
    '--rm',
    '--network',
    'container:owner',
    'busybox',
    'ip',
    '-o',
    '-4',
    'addr',
    'show',
    'eth0',
  );
  expect(sharing).toContain(await addressOf('owner', 'bridge'));
  const refused = await tryBerth(
    'run',
    '--rm',
    '--network',
    'container:owner',
    '-p',
    '80:80',
    'busybox',
    'true',
  );
  expect(refused.status).toBe(125);
  expect(refused.stderr).toMatch(/conflicting options: port publishing and the container type network mode/);
  await berth('rm', '-f', 'owner');
});

test('connecting before the start, and at several networks, holds at every start', async () => {
  await berth('network', 'create', 'left');
  await berth('network', 'create', 'right');
  await berth('create', '--name', 'both', '--network', 'left', 'busybox', 'sleep', '600');
  await berth('network', 'connect', 'right', 'both');
  await berth('start', 'both');
  expect(await berth('exec', 'both', 'ls', '/sys/class/net')).toBe('eth0\neth1\nlo');
  await berth('stop', '-t', '0', 'both');
  await berth('start', 'both');
  expect(await berth('exec', 'both', 'ls', '/sys/class/net')).toBe('eth0\neth1\nlo');
  await berth('rm', '-f', 'both');
  await berth('network', 'rm', 'left', 'right');
});

test('prune removes the networks that nobody uses, and only those', async () => {
  await berth('network', 'create', 'idle');
  await berth('network', 'create', 'busy');
  await sleeper('user', '--network', 'busy');
  expect((await berth('network', 'prune', '-f')).trimEnd()).toBe('Deleted Networks:\nidle');
  expect((await berth('network', 'ls', '-q')).split('\n')).toHaveLength(4);
  await berth('rm', '-f', 'user');
  await berth('network', 'rm', 'busy');
});

test('every link says whose it is', async () => {
  await sleeper('labelled');
  const [shown] = JSON.parse(await berth('inspect', 'labelled')) as [
    { NetworkSettings: { Networks: { bridge: { EndpointID: string } } } },
  ];
  const links = JSON.parse(await fixture.box.host('ip', '-j', 'link')) as {
    ifname: string;
    ifalias?: string;
  }[];
  const end = links.find(({ ifname }) => ifname.startsWith('veth'));
  expect(end?.ifalias).toBe(`berth:${shown.NetworkSettings.Networks.bridge.EndpointID}`);
  await berth('rm', '-f', 'labelled');
});
