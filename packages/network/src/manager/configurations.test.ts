import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { Box, clear, place, run } from '../box.fixture.js';
import type { Network, NetworkSpec } from '../model.js';
import { NetworkManager } from './network-manager.js';

let box: Box;
let manager: NetworkManager;
beforeAll(() => void (box = new Box()));
afterAll(() => box.close());
beforeEach(async () => {
  manager = await NetworkManager.open(box.options());
  await create('plan', {
    configOnly: true,
    enableIPv6: true,
    internal: true,
    ipam: { config: [{ subnet: '172.20.1.0/24', gateway: '172.20.1.9' }, { subnet: 'fd00:1::/64' }] },
    options: { 'com.docker.network.driver.mtu': '1400' },
    labels: { colour: 'red', shape: 'round' },
    dns: ['9.9.9.9'],
  });
});
afterEach(async () => {
  await Promise.all(manager.sandboxes().map(({ id }) => manager.deleteSandbox(id)));
  // A configuration goes last.
  for (const { id, configOnly, predefined } of manager.networks())
    if (!configOnly && !predefined) await manager.removeNetwork(id);
  await clear(manager);
});

const create = (name: string, rest: Partial<NetworkSpec> = {}) =>
  manager.createNetwork({ name, driver: 'bridge', options: {}, labels: {}, ...rest });

it('a configuration is no network: it has no bridge, nobody joins it, and it takes no subnet', async () => {
  const { id, configOnly, pools } = manager.network('plan');
  expect([configOnly, pools]).toEqual([true, []]);
  expect(run('ip', '-br', 'link')).not.toContain('br-');
  await expect(place(manager, 'web', ['plan'])).rejects.toThrow(
    'cannot connect to network plan: it is a configuration for other networks',
  );
  await create('same', { ipam: { config: [{ subnet: '172.20.1.0/24' }] } });
  expect(manager.network(id).id).toBe(id);
});

it('a network that is made from one has its addresses, options and labels, and its own name', async () => {
  const network = await create('made', { configFrom: 'plan', labels: { shape: 'square' } });
  expect(network).toMatchObject({
    name: 'made',
    configOnly: false,
    configFrom: 'plan',
    enableIPv4: true,
    enableIPv6: true,
    internal: true,
    options: { 'com.docker.network.driver.mtu': '1400' },
    labels: { colour: 'red', shape: 'square' },
    dns: ['9.9.9.9'],
  });
  expect(network.ipam.config).toEqual([
    { subnet: '172.20.1.0/24', gateway: '172.20.1.9' },
    { subnet: 'fd00:1::/64', gateway: 'fd00:1::1' },
  ]);
  await expect(create('again', { configFrom: 'plan' })).rejects.toThrow('verlaps');
});

it('a configuration in use stays, and so does all of it past a restart', async () => {
  await create('made', { configFrom: 'plan' });
  const before = manager.networks();
  await expect(manager.removeNetwork(manager.network('plan').id)).rejects.toThrow(
    'configuration network "plan" is in use by network made: remove that first',
  );
  await place(manager, 'web', ['made']);
  await manager.close();
  manager = await NetworkManager.open(box.options());
  const byId = (networks: Network[]) => new Map(networks.map((network) => [network.id, network.configFrom]));
  expect(byId(manager.networks())).toEqual(byId(before));
  await expect(manager.removeNetwork(manager.network('plan').id)).rejects.toThrow('in use by network made');
});

it.each<[string, Partial<NetworkSpec>, string]>([
  ['options of its own', { options: { 'com.docker.network.driver.mtu': '1300' } }, 'user specified config'],
  ['a subnet of its own', { ipam: { config: [{ subnet: '172.20.2.0/24' }] } }, 'user specified config'],
  ['a configuration that is none', { configFrom: 'bridge' }, 'network bridge is no configuration'],
  ['one that isn’t there', { configFrom: 'nowhere' }, 'nowhere'],
])('a network from a configuration is refused with %s', async (_, rest, message) => {
  const before = manager.networks();
  await expect(create('made', { configFrom: 'plan', ...rest })).rejects.toThrow(message);
  expect(manager.networks()).toEqual(before);
});

it('a configuration’s addresses are checked when it is made', async () => {
  const config = [{ subnet: '172.20.1.1/24' }];
  await expect(create('bad', { configOnly: true, ipam: { config } })).rejects.toThrow(
    'it should be 172.20.1.0/24',
  );
});
