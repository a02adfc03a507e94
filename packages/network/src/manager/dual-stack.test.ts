import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Box, ask, clear, interfaces, place, run, type Placed } from '../box.fixture.js';
import type { NetworkSpec, PortSpec } from '../model.js';
import { NetworkManager } from './network-manager.js';

let box: Box;
let manager: NetworkManager;
beforeAll(() => {
  box = new Box();
  box.useIPv6();
});
afterAll(() => box.close());
beforeEach(async () => void (manager = await NetworkManager.open(box.options())));
afterEach(async () => {
  await clear(manager);
  expect(run('nft', 'list', 'ruleset')).toBe('');
  expect(run('sysctl', '-n', 'net.ipv6.conf.all.forwarding')).toBe('0');
});

const HOST = '2001:db8:1::1';
const OUTSIDE = '2001:db8:1::2';
const GATEWAY_MODE = 'com.docker.network.bridge.gateway_mode_ipv';
const NAME = { 'com.docker.network.bridge.name': 'br-dual' };
const dual = (rest: Partial<NetworkSpec> = {}) =>
  manager.createNetwork({
    name: 'dual',
    driver: 'bridge',
    enableIPv6: true,
    ipam: { config: [{ subnet: 'fd00:7::/64' }] },
    options: NAME,
    labels: {},
    ...rest,
  });
const endpointOf = ({ id }: Placed) => manager.sandbox(id)?.endpoints[0];
const addressesOf = (inside: readonly string[], name: string) =>
  (interfaces(inside).get(name)?.addr_info ?? []).map(({ local, prefixlen }) => `${local}/${prefixlen}`);
const setting = (inside: readonly string[], name: string) => run(...inside, 'sysctl', '-n', name);
const web: PortSpec = { protocol: 'tcp', containerPort: 80, hostPort: 8081 };

describe('a network with IPv6', () => {
  it('has the subnet that was given, and one of the pools for the other family', async () => {
    const network = await dual();
    expect(network.ipam.config).toEqual([
      { subnet: 'fd00:7::/64', gateway: 'fd00:7::1' },
      { subnet: '172.18.0.0/16', gateway: '172.18.0.1' },
    ]);
    expect(addressesOf([], 'br-dual')).toEqual(['172.18.0.1/16', 'fd00:7::1/64']);
  });

  it('gets a unique local subnet where none is given, the same pool at each start', async () => {
    const network = await dual({ ipam: { config: [] } });
    const [, six = ''] = network.ipam.config.map(({ subnet }) => subnet);
    expect(six).toMatch(/^fd[0-9a-f]{2}:[0-9a-f:]+\/64$/);
    await clear(manager);
    manager = await NetworkManager.open(box.options());
    const again = await dual({ ipam: { config: [] } });
    expect(again.ipam.config[1]?.subnet).toBe(six);
    const other = await dual({ name: 'other', ipam: { config: [] }, options: {} });
    expect(other.ipam.config[1]?.subnet).not.toBe(six);
  });

  it('gives addresses and default routes of both families, usable at once', async () => {
    await dual();
    const one = await place(manager, 'one', ['dual']);
    const there = interfaces(one.inside).get('eth0')?.addr_info ?? [];
    const bridge = interfaces().get('br-dual')?.addr_info ?? [];
    expect([...there, ...bridge].filter(({ tentative }) => tentative === true)).toEqual([]);
    expect(endpointOf(one)).toMatchObject({
      ipv4: { address: '172.18.0.2', prefixLength: 16, gateway: '172.18.0.1' },
      ipv6: { address: 'fd00:7::2', prefixLength: 64, gateway: 'fd00:7::1' },
      macAddress: '02:42:ac:12:00:02',
    });
    expect(addressesOf(one.inside, 'eth0')).toEqual([
      '172.18.0.2/16',
      'fd00:7::2/64',
      'fe80::42:acff:fe12:2/64',
    ]);
    expect(run(...one.inside, 'ip', 'route')).toContain('default via 172.18.0.1 dev eth0');
    expect(run(...one.inside, 'ip', '-6', 'route')).toContain('default via fd00:7::1 dev eth0');
  });

  it('learns nothing of routers, and has its host ends without addresses', async () => {
    await dual();
    const one = await place(manager, 'one', ['dual']);
    for (const name of ['accept_ra', 'autoconf']) {
      expect(setting([], `net/ipv6/conf/br-dual/${name}`)).toBe('0');
      expect(setting(one.inside, `net/ipv6/conf/eth0/${name}`)).toBe('0');
    }
    expect(addressesOf([], endpointOf(one)?.hostInterfaceName ?? '')).toEqual([]);
  });

  it('takes the IPv6 address that is asked for, and refuses another’s', async () => {
    const { id } = await dual();
    const one = await place(manager, 'one', ['dual'], [], { ipv6Address: 'FD00:7::0:77' });
    expect(endpointOf(one)?.ipv6?.address).toBe('fd00:7::77');
    const other = await place(manager, 'other', []);
    const attached = (ipv6Address: string) =>
      manager.attach(other.id, id, { names: [], containerName: 'other', ipv6Address });
    await expect(attached('fd00:7::77')).rejects.toThrow('fd00:7::77 is container one');
    await expect(attached('fd00:8::77')).rejects.toThrow('network dual has fd00:7::/64');
    await expect(attached('10.0.0.1')).rejects.toThrow('invalid IPv6 address: 10.0.0.1');
  });

  it('may have IPv6 alone', async () => {
    await dual({ enableIPv4: false });
    const one = await place(manager, 'one', ['dual'], [web]);
    const endpoint = endpointOf(one);
    expect([endpoint?.ipv4, endpoint?.ipv6?.address]).toEqual([undefined, 'fd00:7::2']);
    expect(run(...one.inside, 'ip', '-4', 'addr', 'show', 'eth0')).toBe('');
    expect(run(...one.inside, 'ip', '-4', 'route')).toBe('');
    expect(manager.sandbox(one.id)?.gateways).toEqual({ ipv6: endpoint?.id });
    expect(manager.sandbox(one.id)?.ports.map(({ hostAddress }) => hostAddress)).toEqual(['::']);
    await box.serve(one.path, 80, 'one');
    expect(ask(box.outsideCommand, HOST, 8081)).toBe(`one ${OUTSIDE}`);
    expect(ask(box.outsideCommand, '198.51.100.1', 8081)).toBe('nothing');
  });

  it('is told from one without, whose sandboxes have no IPv6 address but ::1', async () => {
    await dual({ enableIPv6: false, ipam: { config: [] } });
    const one = await place(manager, 'one', ['dual']);
    const all = [...interfaces(one.inside).values()].flatMap(({ addr_info }) => addr_info);
    expect(all.filter(({ local }) => local.includes(':')).map(({ local }) => local)).toEqual(['::1']);
    expect(setting([], 'net/ipv6/conf/br-dual/disable_ipv6')).toBe('1');
  });

  it('gives link-local addresses that are asked for', async () => {
    await dual({ enableIPv6: false, ipam: { config: [] } });
    const linkLocalAddresses = ['169.254.7.7', 'fe80::7'];
    const one = await place(manager, 'one', ['dual'], [], { linkLocalAddresses });
    expect(addressesOf(one.inside, 'eth0')).toEqual(expect.arrayContaining(['169.254.7.7/16', 'fe80::7/64']));
    await expect(place(manager, 'other', ['dual'], [], { linkLocalAddresses: ['10.0.0.1'] })).rejects.toThrow(
      'it should be one of 169.254.0.0/16 or fe80::/10',
    );
  });
});

describe('a port', () => {
  const start = async (ports: PortSpec[]) => {
    await dual();
    const one = await place(manager, 'one', ['dual'], ports);
    await box.serve(one.path, 80, 'one');
    return one;
  };

  it('published nowhere in particular is reached by both families, from everywhere', async () => {
    const one = await start([web, { ...web, protocol: 'udp' }]);
    const hosts = manager.sandbox(one.id)?.ports.map(({ hostAddress }) => hostAddress);
    expect(hosts).toEqual(['0.0.0.0', '::', '0.0.0.0', '::']);
    expect(ask(box.outsideCommand, '198.51.100.1', 8081)).toBe('one 198.51.100.2');
    expect(ask(box.outsideCommand, HOST, 8081)).toBe(`one ${OUTSIDE}`);
    expect(ask(box.outsideCommand, HOST, 8081, 'udp')).toMatch(/^one 2001/);
    expect(ask([], HOST, 8081)).toBe(`one ${HOST}`);
    expect(ask([], '::1', 8081)).toBe('one fd00:7::1');
    expect(ask([], '::1', 8081, 'udp')).toMatch(/^one fd00/);
    expect(ask(one.inside, HOST, 8081)).toBe('one fd00:7::1');
    const sibling = await place(manager, 'sibling', ['dual']);
    expect(ask(sibling.inside, HOST, 8081)).toMatch(/^one /);
    expect(ask(sibling.inside, 'fd00:7::2', 80)).toBe('one fd00:7::3');
  });

  it('at ::1 is the host’s alone, and one at [::] is not at 0.0.0.0', async () => {
    await start([
      { ...web, hostAddress: '::1' },
      { ...web, hostPort: 8082, hostAddress: '::' },
    ]);
    expect(ask([], '::1', 8081)).toBe('one fd00:7::1');
    expect(ask(box.outsideCommand, HOST, 8081)).toBe('nothing');
    expect(ask(box.outsideCommand, HOST, 8082)).toBe(`one ${OUTSIDE}`);
    expect(ask(box.outsideCommand, '198.51.100.1', 8082)).toBe('nothing');
  });
});

describe('the way out', () => {
  beforeAll(() => box.serve(undefined, 80, 'outside'));

  it('leads by the host’s address in IPv6 too', async () => {
    await dual();
    const one = await place(manager, 'one', ['dual']);
    expect(ask(one.inside, OUTSIDE, 80)).toBe(`outside ${HOST}`);
    expect(ask(one.inside, '198.51.100.2', 80)).toBe('outside 198.51.100.1');
  });

  it('leads by the host’s address that is named', async () => {
    run('ip', 'addr', 'add', '198.51.100.7/24', 'dev', 'uplink');
    run('ip', 'addr', 'add', '2001:db8:1::7/64', 'dev', 'uplink', 'nodad');
    const source = {
      'com.docker.network.host_ipv4': '198.51.100.7',
      'com.docker.network.host_ipv6': '2001:db8:1::7',
    };
    await dual({ options: source });
    const one = await place(manager, 'one', ['dual']);
    expect(ask(one.inside, OUTSIDE, 80)).toBe('outside 2001:db8:1::7');
    expect(ask(one.inside, '198.51.100.2', 80)).toBe('outside 198.51.100.7');
  });

  it('of a routed network leads by its own addresses, and in to published ports alone', async () => {
    await dual({ options: { [`${GATEWAY_MODE}4`]: 'routed', [`${GATEWAY_MODE}6`]: 'routed' } });
    const one = await place(manager, 'one', ['dual'], [web]);
    await Promise.all([80, 81].map((port) => box.serve(one.path, port, 'one')));
    expect(manager.sandbox(one.id)?.ports.map(({ hostAddress }) => hostAddress)).toEqual(['']);
    for (const [address, from] of [
      ['fd00:7::2', OUTSIDE],
      ['172.18.0.2', '198.51.100.2'],
    ] as const) {
      expect(ask(box.outsideCommand, address, 80)).toBe(`one ${from}`);
      expect(ask(box.outsideCommand, address, 81)).toBe('nothing');
      expect(ask(one.inside, from, 80)).toBe(`outside ${address}`);
    }
    expect(ask(box.outsideCommand, HOST, 8081)).toBe('nothing');
    run(...box.outsideCommand, 'ping', '-c1', '-W1', 'fd00:7::2');
  });

  it('of an isolated network is not there, nor is an address of the host', async () => {
    const options = { ...NAME, [`${GATEWAY_MODE}4`]: 'isolated', [`${GATEWAY_MODE}6`]: 'isolated' };
    await dual({ internal: true, options });
    const one = await place(manager, 'one', ['dual']);
    const two = await place(manager, 'two', ['dual']);
    await box.serve(one.path, 80, 'one');
    const bridge = addressesOf([], 'br-dual').filter((address) => !address.startsWith('fe80'));
    expect(bridge).toEqual([]);
    expect(run(...one.inside, 'ip', '-6', 'route')).not.toContain('default');
    expect(ask(two.inside, 'fd00:7::2', 80)).toMatch(/^one fd00:7::/);
    expect(ask(two.inside, endpointOf(one)?.ipv4?.address ?? '', 80)).toMatch(/^one 172/);
    expect(ask([], 'fd00:7::2', 80)).toBe('nothing');
  });
});
