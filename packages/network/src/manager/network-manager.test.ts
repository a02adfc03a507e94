import { createServer } from 'node:net';
import { once } from 'node:events';
import { newId } from '@berth/core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Box, run, sandboxSpec } from '../box.fixture.js';
import type { NetworkSpec, PortSpec, SandboxId } from '../model.js';
import { NetworkManager } from './network-manager.js';

let box: Box;
let manager: NetworkManager;
beforeAll(() => void (box = new Box()));
afterAll(() => box.close());
beforeEach(async () => void (manager = await NetworkManager.open(box.options())));
afterEach(async () => {
  await Promise.all(manager.sandboxes().map(({ id }) => manager.deleteSandbox(id)));
  for (const { id, predefined } of manager.networks()) if (!predefined) await manager.removeNetwork(id);
  await manager.close();
  expect(run('ip', '-br', 'link').split('\n').length).toBe(2);
  expect(run('nft', 'list', 'ruleset')).toBe('');
  expect(run('sysctl', '-n', 'net.ipv4.ip_forward')).toBe('0');
});

interface IpLink {
  readonly ifname: string;
  readonly ifalias?: string;
  readonly master?: string;
  readonly mtu: number;
  readonly address: string;
  readonly linkinfo?: { info_slave_data?: { isolated?: boolean; hairpin?: boolean } };
  readonly addr_info?: { local: string; prefixlen: number; broadcast?: string }[];
}
const links = (...inside: string[]) => JSON.parse(run(...inside, 'ip', '-d', '-j', 'addr')) as IpLink[];
const linkNames = () => links().map(({ ifname }) => ifname);
const named = (name: string) => ({ names: [name], containerName: name });
const custom = (name: string, rest: Partial<NetworkSpec> = {}) =>
  manager.createNetwork({ name, driver: 'bridge', options: {}, labels: {}, ...rest });
const ipam = (subnet: string, rest = {}) => ({ ipam: { config: [{ subnet, ...rest }] } });

async function sandbox(ports: PortSpec[] = []): Promise<{ id: SandboxId; inside: string[] }> {
  const { id, path = '' } = await manager.createSandbox(sandboxSpec(ports));
  return { id, inside: ['nsenter', `--net=${path}`] };
}

describe('networks', () => {
  it('are bridge, host and none from the start, and these stay', async () => {
    expect(manager.networks().map(({ name, driver }) => [name, driver])).toEqual([
      ['bridge', 'bridge'],
      ['host', 'host'],
      ['none', 'null'],
    ]);
    const { ipam: addresses, id } = manager.network('bridge');
    expect(addresses.config).toEqual([{ subnet: '172.17.0.0/16', gateway: '172.17.0.1' }]);
    await expect(manager.removeNetwork(id)).rejects.toThrow(
      'bridge is a pre-defined network and cannot be removed',
    );
    const bridge = links().find(({ ifname }) => ifname === 'berth0');
    expect(bridge?.address).toBe('02:42:ac:11:00:01');
    expect(bridge?.addr_info?.[0]).toMatchObject({
      local: '172.17.0.1',
      prefixlen: 16,
      broadcast: '172.17.255.255',
    });
  });

  it('have a bridge each, with the options asked for', async () => {
    const network = await custom('custom', { options: { 'com.docker.network.driver.mtu': '1400' } });
    expect(network.ipam.config[0]?.subnet).toBe('172.18.0.0/16');
    expect(links().find(({ ifname }) => ifname === `br-${network.id.slice(0, 12)}`)?.mtu).toBe(1400);
    expect(manager.network('custom').id).toBe(network.id);
  });

  it.each<[string, Partial<NetworkSpec>, string]>([
    ['a subnet of another network', ipam('172.17.5.0/24'), 'Pool overlaps with other one'],
    [
      'the subnet of the host’s neighbours',
      ipam('198.51.100.128/25'),
      "overlaps the host's route to 198.51.100.0/24",
    ],
    ['host bits', ipam('10.9.0.1/24'), 'it should be 10.9.0.0/24'],
    ['no family', { enableIPv4: false }, 'IPv4 or IPv6 must be enabled'],
    ['a subnet of a family that is off', ipam('fd00:9::/64'), 'IPv6 is not enabled'],
    ['an unknown driver', { driver: 'token-ring' }, 'there are bridge, '],
    ['overlay', { driver: 'overlay' }, 'network driver overlay is not supported: there are bridge'],
    ['a second host network', { driver: 'host' }, 'only one instance of "host" network is allowed'],
    ['a reserved name', { name: 'none' }, 'not permitted on predefined'],
    ['no name', { name: '' }, 'invalid network name'],
    ['a taken name', { name: 'bridge0' }, 'network with name bridge0 already exists'],
    [
      'an interface of somebody else',
      { options: { 'com.docker.network.bridge.name': 'uplink' } },
      'uplink exists on this host',
    ],
    [
      'the bridge of another network',
      { options: { 'com.docker.network.bridge.name': 'berth0' } },
      'bridge berth0 is that of network bridge already',
    ],
  ])('are refused, and leave nothing: %s', async (_, spec, message) => {
    await custom('bridge0');
    const before = { links: linkNames(), rules: run('nft', 'list', 'ruleset'), networks: manager.networks() };
    await expect(custom('refused', spec)).rejects.toThrow(message);
    expect({
      links: linkNames(),
      rules: run('nft', 'list', 'ruleset'),
      networks: manager.networks(),
    }).toEqual(before);
    const next = await custom('next');
    expect(next.ipam.config[0]?.subnet).toBe('172.19.0.0/16');
  });

  it('in use are not removed', async () => {
    const { id } = await custom('used');
    const { id: owner } = await sandbox();
    await manager.attach(owner, id, named('web'));
    await expect(manager.removeNetwork(id)).rejects.toThrow(/network used has active endpoints \(name:"web"/);
  });
});

describe('an endpoint', () => {
  it('is an interface in the sandbox with address, default route and an owner’s mark', async () => {
    const { id, inside } = await sandbox();
    const endpoint = await manager.attach(id, manager.network('bridge').id, named('web'));
    expect(endpoint).toMatchObject({
      macAddress: '02:42:ac:11:00:02',
      interfaceName: 'eth0',
      ipv4: { address: '172.17.0.2', prefixLength: 16, gateway: '172.17.0.1' },
      linkLocalAddresses: [],
    });
    const eth0 = links(...inside).find(({ ifname }) => ifname === 'eth0');
    expect(eth0?.address).toBe('02:42:ac:11:00:02');
    expect(eth0?.addr_info).toHaveLength(1);
    expect(eth0?.addr_info?.[0]).toMatchObject({
      local: '172.17.0.2',
      prefixlen: 16,
      broadcast: '172.17.255.255',
    });
    expect(run(...inside, 'ip', 'route')).toContain('default via 172.17.0.1 dev eth0');
    const host = links().find(({ ifname }) => ifname === endpoint.hostInterfaceName);
    expect(host).toMatchObject({ ifalias: `berth:${endpoint.id}`, master: 'berth0' });
    expect(host?.linkinfo?.info_slave_data).toMatchObject({ hairpin: false, isolated: false });
  });

  it('gets the address and hardware address asked for', async () => {
    const network = await custom(
      'custom',
      ipam('10.9.0.0/24', { ipRange: '10.9.0.128/25', gateway: '10.9.0.254' }),
    );
    const [one, two] = [await sandbox(), await sandbox()];
    const spec = { ...named('one'), ipv4Address: '10.9.0.7', macAddress: '02:00:00:00:00:07' };
    expect(await manager.attach(one.id, network.id, spec)).toMatchObject({
      ipv4: { address: '10.9.0.7' },
      macAddress: '02:00:00:00:00:07',
    });
    for (const [address, message] of [
      ['10.9.0.7', "Address already in use: 10.9.0.7 is container one's"],
      ['10.9.0.254', "Address already in use: 10.9.0.254 is the gateway's"],
      ['10.8.0.7', 'no configured subnet contains IP address 10.8.0.7'],
      ['ten', 'invalid IPv4 address: ten'],
    ] as const) {
      await expect(
        manager.attach(two.id, network.id, { ...named('two'), ipv4Address: address }),
      ).rejects.toThrow(message);
    }
    expect((await manager.attach(two.id, network.id, named('two'))).ipv4?.address).toBe('10.9.0.128');
  });

  it('says so when no address is left', async () => {
    const network = await custom('tiny', ipam('10.9.0.0/30'));
    const [one, two] = [await sandbox(), await sandbox()];
    await manager.attach(one.id, network.id, named('one'));
    const refused = manager.attach(two.id, network.id, named('two'));
    await expect(refused).rejects.toThrow(
      "no available IPv4 addresses on this network's address pools: tiny",
    );
    await manager.detach(one.id, network.id);
    expect((await manager.attach(two.id, network.id, named('two'))).ipv4?.address).toBe('10.9.0.2');
  });

  it('that goes hands the default route and the ports to the next', async () => {
    const { id, inside } = await sandbox([{ protocol: 'tcp', containerPort: 80, hostPort: 8081 }]);
    const first = await manager.attach(id, manager.network('bridge').id, named('web'));
    const hidden = await custom('hidden', { internal: true });
    const second = await custom('second');
    await manager.attach(id, hidden.id, named('web'));
    const next = await manager.attach(id, second.id, named('web'));
    expect(manager.sandbox(id)).toMatchObject({ gateways: { ipv4: first.id }, nameService: true });
    await manager.detach(id, manager.network('bridge').id);
    expect(run(...inside, 'ip', 'route')).toContain(`default via ${next.ipv4?.gateway ?? ''} dev eth2`);
    expect(run('nft', 'list', 'map', 'inet', 'berth', 'published')).toContain(
      `8081 : ${next.ipv4?.address ?? ''} . 80`,
    );
    await manager.detach(id, second.id);
    expect(run(...inside, 'ip', 'route')).not.toContain('default');
    expect(run('nft', 'list', 'map', 'inet', 'berth', 'published')).not.toContain('8081');
    expect((await manager.attach(id, manager.network('bridge').id, named('web'))).interfaceName).toBe('eth0');
  });

  it('fits its sandbox: no host network for a private one, nothing beside none', async () => {
    const { id } = await sandbox();
    await expect(manager.attach(id, manager.network('host').id, named('web'))).rejects.toThrow(
      'host network',
    );
    await manager.attach(id, manager.network('none').id, named('web'));
    await expect(manager.attach(id, manager.network('bridge').id, named('web'))).rejects.toThrow(
      'private (none) mode',
    );
    await expect(manager.attach(id, manager.network('none').id, named('web'))).rejects.toThrow(
      'already exists',
    );
  });
});

describe('host ports', () => {
  it('are held, and a taken one is refused by its name', async () => {
    const port = (hostPort: number, hostAddress?: string): PortSpec => ({
      protocol: 'tcp',
      containerPort: 80,
      hostPort,
      ...(hostAddress !== undefined && { hostAddress }),
    });
    const { id } = await sandbox([port(8081)]);
    const again = manager.createSandbox(sandboxSpec([port(8080), port(8081, '127.0.0.1')]));
    await expect(again).rejects.toThrow(
      `Bind for 127.0.0.1:8081 failed: port is already allocated (tcp, by container ${id.slice(0, 12)})`,
    );
    const server = createServer().listen(8090, '127.0.0.1');
    await once(server, 'listening');
    const foreign = manager.createSandbox(sandboxSpec([port(8090)]));
    await expect(foreign).rejects.toThrow(
      `Bind for 0.0.0.0:8090 failed: port is already allocated (tcp, by node, process ${process.pid})`,
    );
    server.close();
    await expect(manager.createSandbox(sandboxSpec([port(80, '203.0.113.9')]))).rejects.toThrow(
      'no address 203.0.113.9',
    );
    await expect(manager.createSandbox(sandboxSpec([port(80, 'here')]))).rejects.toThrow(
      'invalid host address here: it should be an address like 127.0.0.1 or ::1',
    );
    expect(manager.sandboxes()).toHaveLength(1);
    await manager.deleteSandbox(id);
    await sandbox([port(8080), port(8081)]);
  });

  it('are the host’s choice where none is named', async () => {
    const { id } = await sandbox([{ protocol: 'udp', containerPort: 53 }]);
    expect(manager.sandbox(id)?.ports[0]?.hostPort).toBeGreaterThan(1024);
  });
});

it('knows nothing of a sandbox that is not there, and deletes it all the same', async () => {
  const id = newId<SandboxId>();
  await expect(manager.attach(id, manager.network('bridge').id, named('web'))).rejects.toThrow('no sandbox');
  await manager.deleteSandbox(id);
  expect(manager.sandbox(id)).toBeUndefined();
});
