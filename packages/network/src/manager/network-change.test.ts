import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { Box, ask, clear, interfaces, place, run, type Placed } from '../box.fixture.js';
import { NameService } from '../dns/index.js';
import { Firewall } from '../firewall/firewall.js';
import type { NetworkChange, PortSpec } from '../model.js';
import { NetworkManager } from './network-manager.js';

let box: Box;
let manager: NetworkManager;
let web: Placed;
let sibling: Placed;
const MTU = 'com.docker.network.driver.mtu';
const ICC = 'com.docker.network.bridge.enable_icc';
const NAME = 'com.docker.network.bridge.name';
const ANTI_SPOOFING = 'berth.anti_spoofing';
const port: PortSpec = { protocol: 'tcp', containerPort: 80, hostPort: 8081 };

beforeAll(() => {
  box = new Box();
  box.useIPv6();
  run('ip', 'route', 'add', 'default', 'via', '198.51.100.2');
});
afterAll(() => box.close());
beforeEach(async () => {
  manager = await NetworkManager.open(box.options());
  const network = (name: string, number: number) =>
    manager.createNetwork({
      name,
      driver: 'bridge',
      enableIPv6: true,
      ipam: { config: [{ subnet: `172.20.${number}.0/24` }, { subnet: `fd00:${number}::/64` }] },
      options: { [NAME]: `br-${name}` },
      labels: { colour: 'red', shape: 'round' },
    });
  await network('one', 1);
  await network('two', 2);
  web = await place(manager, 'web', ['one', 'two'], [port]);
  sibling = await place(manager, 'sibling', ['one']);
  await box.serve(web.path, 80, 'web');
});
afterEach(async () => {
  vi.restoreAllMocks();
  await clear(manager);
});

const change = (what: NetworkChange) => manager.updateNetwork(manager.network('one').id, what);
const endpointOf = ({ id }: Placed) => manager.sandbox(id)?.endpoints[0];
const defaultRoutes = ({ inside }: Placed) =>
  ['-4', '-6'].map((family) => {
    const text = run(...inside, 'ip', family, 'route', 'show', 'default');
    return /via (\S+)/.exec(text)?.[1];
  });
const reopen = async () => {
  await manager.close();
  manager = await NetworkManager.open(box.options());
};

it('labels are merged, and kept for the next manager', async () => {
  expect(change({ labels: { colour: 'blue', shape: null, size: 'large' } }).labels).toEqual({
    colour: 'blue',
    size: 'large',
  });
  await reopen();
  expect(manager.network('one').labels).toEqual({ colour: 'blue', size: 'large' });
});

describe('the MTU', () => {
  const mtus = () => {
    const host = interfaces();
    const veth = host.get(endpointOf(web)?.hostInterfaceName ?? '');
    return [host.get('br-one')?.mtu, veth?.mtu, interfaces(web.inside).get('eth0')?.mtu];
  };

  it('changes on the bridge and at both ends of each pair, and for who comes later', async () => {
    change({ options: { [MTU]: '1400' } });
    expect(mtus()).toEqual([1400, 1400, 1400]);
    const late = await place(manager, 'late', ['one']);
    expect(interfaces(late.inside).get('eth0')?.mtu).toBe(1400);
    change({ options: { [MTU]: '9000' } });
    expect(mtus()).toEqual([9000, 9000, 9000]);
    expect(ask(sibling.inside, '172.20.1.2', 80)).toBe('web 172.20.1.3');
    await reopen();
    expect(mtus()).toEqual([9000, 9000, 9000]);
    expect(manager.network('one').options).toEqual({ [NAME]: 'br-one', [MTU]: '9000' });
    change({ options: { [MTU]: null } });
    expect(mtus()).toEqual([1500, 1500, 1500]);
  });

  it('that can’t be is refused', () => {
    expect(() => change({ options: { [MTU]: '1279' } })).toThrow('a number from 1280 to 65535');
    expect(mtus()).toEqual([1500, 1500, 1500]);
  });
});

it('containers are kept from each other, and let again', () => {
  const isolated = () =>
    [web, sibling].map(
      (placed) =>
        interfaces().get(endpointOf(placed)?.hostInterfaceName ?? '')?.linkinfo?.info_slave_data?.isolated,
    );
  expect(ask(sibling.inside, '172.20.1.2', 80)).toBe('web 172.20.1.3');
  change({ options: { [ICC]: 'false' } });
  expect(isolated()).toEqual([true, true]);
  expect(run('nft', 'list', 'set', 'inet', 'berth', 'siblings')).not.toContain('br-one');
  expect(ask(sibling.inside, '172.20.1.2', 80)).toBe('nothing');
  expect(ask(box.outsideCommand, '198.51.100.1', 8081)).toBe('web 198.51.100.2');
  change({ options: { [ICC]: null } });
  expect(isolated()).toEqual([false, false]);
  expect(ask(sibling.inside, '172.20.1.2', 80)).toBe('web 172.20.1.3');
});

describe('a network that is made internal', () => {
  const published = () => run('nft', 'list', 'map', 'inet', 'berth', 'published');

  it('loses its default routes and ports to another one that the container is on', async () => {
    await box.serve(undefined, 80, 'outside');
    expect(ask(sibling.inside, '198.51.100.2', 80)).toBe('outside 198.51.100.1');
    change({ internal: true });
    expect(manager.network('one').internal).toBe(true);
    expect(defaultRoutes(web)).toEqual(['172.20.2.1', 'fd00:2::1']);
    expect(defaultRoutes(sibling)).toEqual([undefined, undefined]);
    expect(published()).toContain('tcp . 8081 : 172.20.2.2 . 80');
    expect(published()).not.toContain('172.20.1.2');
    expect(ask(box.outsideCommand, '198.51.100.1', 8081)).toBe('web 198.51.100.2');
    expect(ask(sibling.inside, '198.51.100.2', 80)).toBe('nothing');
    expect(ask(sibling.inside, '172.20.1.2', 80)).toBe('web 172.20.1.3');
    expect(manager.sandbox(sibling.id)?.gateways).toEqual({});
    expect(endpointOf(sibling)?.ipv4).toEqual({ address: '172.20.1.3', prefixLength: 24 });
  });

  it('gets them back when it is so no more', () => {
    change({ internal: true });
    change({ internal: false });
    expect(defaultRoutes(web)).toEqual(['172.20.1.1', 'fd00:1::1']);
    expect(defaultRoutes(sibling)).toEqual(['172.20.1.1', 'fd00:1::1']);
    expect(published()).toContain('tcp . 8081 : 172.20.1.2 . 80');
    expect(published()).not.toContain('172.20.2.2');
    expect(endpointOf(sibling)?.ipv4?.gateway).toBe('172.20.1.1');
    expect(ask(box.outsideCommand, '198.51.100.1', 8081)).toBe('web 198.51.100.2');
  });

  it('closes the ports of a container that has no other way out', async () => {
    const alone = await place(manager, 'alone', ['one'], [{ ...port, hostPort: 8082 }]);
    expect(published()).toContain('tcp . 8082 : 172.20.1.4 . 80');
    change({ internal: true });
    expect(published()).not.toContain('8082');
    await manager.deleteSandbox(alone.id);
    expect(published()).not.toContain('8082');
  });

  it('stays so for the next manager', async () => {
    change({ internal: true });
    await reopen();
    expect(manager.network('one').internal).toBe(true);
    expect(defaultRoutes(sibling)).toEqual([undefined, undefined]);
    expect(run('nft', 'list', 'set', 'inet', 'berth', 'internal')).toContain('br-one');
  });
});

it('what containers send is checked, not checked, and checked again', () => {
  const guarded = () => {
    const text = run('nft', 'list', 'set', 'bridge', 'berth', 'ports');
    return [web, sibling].map((placed) => text.includes(endpointOf(placed)?.hostInterfaceName ?? '-'));
  };
  expect(guarded()).toEqual([true, true]);
  change({ options: { [ANTI_SPOOFING]: 'false' } });
  expect(guarded()).toEqual([false, false]);
  change({ options: { [ANTI_SPOOFING]: 'true' } });
  expect(guarded()).toEqual([true, true]);
  expect(ask(sibling.inside, '172.20.1.2', 80)).toBe('web 172.20.1.3');
});

it('name servers change for the containers that are on it', () => {
  const asked = vi.spyOn(NameService.prototype, 'update');
  expect(change({ dns: ['9.9.9.9', '2620:fe::fe'] }).dns).toEqual(['9.9.9.9', '2620:fe::fe']);
  expect(asked.mock.calls).toEqual([
    [web.id, expect.objectContaining({ upstreams: ['9.9.9.9', '2620:fe::fe'] })],
    [sibling.id, expect.objectContaining({ upstreams: ['9.9.9.9', '2620:fe::fe'] })],
  ]);
});

it.each<[string, NetworkChange, string]>([
  ['another bridge', { options: { [NAME]: 'br-other' } }, `option ${NAME} can't be changed`],
  ['an unknown option', { options: { colour: 'red' } }, "option colour can't be changed"],
  ['a value that is none', { options: { [ICC]: 'maybe' } }, 'true or false'],
  ['a name server that is none', { dns: ['nine'] }, 'invalid name server nine: it should be an IP address'],
])('%s is refused, and nothing changes', (_, what, message) => {
  const before = { network: manager.network('one'), rules: run('nft', 'list', 'ruleset') };
  expect(() => change({ labels: { colour: 'blue' }, ...what })).toThrow(message);
  expect({ network: manager.network('one'), rules: run('nft', 'list', 'ruleset') }).toEqual(before);
});

it('the default network can’t be made internal', () => {
  const { id } = manager.network('bridge');
  expect(() => manager.updateNetwork(id, { internal: true })).toThrow('bridge is a pre-defined network');
});

it('a change that fails is taken back', () => {
  const world = () => ({
    network: manager.network('one'),
    sandboxes: manager.sandboxes(),
    rules: run('nft', 'list', 'ruleset'),
    routes: [web, sibling].map(defaultRoutes),
    mtu: interfaces().get('br-one')?.mtu,
    stored: box.store.collection('network.networks').entries(),
  });
  const before = world();
  vi.spyOn(Firewall.prototype, 'change').mockImplementationOnce(() => {
    throw new Error('broken');
  });
  expect(() => change({ internal: true, options: { [MTU]: '1400' } })).toThrow('broken');
  expect(world()).toEqual(before);
});
