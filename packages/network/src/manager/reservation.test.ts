import { newId } from '@berth/core';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { Box, clear, place, sandboxSpec } from '../box.fixture.js';
import type { NetworkId, SandboxId } from '../model.js';
import { NetworkManager } from './network-manager.js';

let box: Box;
let manager: NetworkManager;
let network: NetworkId;
let owner: SandboxId;
beforeAll(() => void (box = new Box()));
afterAll(() => box.close());
beforeEach(async () => {
  manager = await NetworkManager.open(box.options());
  const config = [{ subnet: '172.20.1.0/29' }, { subnet: 'fd00:1::/64' }];
  const spec = { driver: 'bridge', enableIPv6: true, ipam: { config }, options: {}, labels: {} };
  network = (await manager.createNetwork({ name: 'small', ...spec })).id;
  owner = newId<SandboxId>();
});
afterEach(async () => {
  await clear(manager);
  expect(box.store.collection('network.reservations').entries()).toEqual([]);
});

const reopen = async () => {
  await manager.close();
  manager = await NetworkManager.open(box.options());
};
const used = () => manager.network(network).pools.map((pool) => Number(pool.used));
/** Attaches a new sandbox, of that id or of any, with an address of its own choice. */
async function attach(address?: string, id = newId<SandboxId>()) {
  await manager.createSandbox({ ...sandboxSpec(), id });
  const family = address?.includes(':') === true ? 'ipv6Address' : 'ipv4Address';
  const wanted = address === undefined ? {} : { [family]: address };
  const { ipv4, ipv6 } = await manager.attach(id, network, { names: [], containerName: 'web', ...wanted });
  return [ipv4?.address, ipv6?.address];
}

it('an address that is reserved is its owner’s alone, whether that is there or not', async () => {
  manager.reserveAddresses(owner, network, ['172.20.1.2', 'FD00:1::0:77']);
  expect(used()).toEqual([2, 2]);
  for (const address of ['172.20.1.2', 'fd00:1::77']) {
    await expect(attach(address)).rejects.toThrow(
      `Address already in use: ${address} is reserved for container ${owner.slice(0, 12)} in network small`,
    );
  }
  // 172.20.1.3 has been free only since the refusal: it comes last.
  expect(await attach()).toEqual(['172.20.1.4', 'fd00:1::2']);
  expect(await attach('172.20.1.2', owner)).toEqual(['172.20.1.2', 'fd00:1::3']);
  await manager.deleteSandbox(owner);
  await expect(attach('172.20.1.2')).rejects.toThrow('is reserved for container');
  expect(await attach('172.20.1.2', owner)).toEqual(['172.20.1.2', 'fd00:1::4']);
  manager.releaseAddresses(owner);
});

it('is kept when the manager starts again, with its owner attached and without', async () => {
  const other = newId<SandboxId>();
  manager.reserveAddresses(owner, network, ['172.20.1.2', 'fd00:1::77']);
  manager.reserveAddresses(other, network, ['172.20.1.5']);
  await attach('172.20.1.2', owner);
  const before = used();
  await reopen();
  expect(used()).toEqual(before);
  await manager.deleteSandbox(owner);
  for (const address of ['172.20.1.2', '172.20.1.5', 'fd00:1::77'])
    await expect(attach(address)).rejects.toThrow('is reserved for container');
  await reopen();
  expect(await attach('172.20.1.5', other)).toEqual(['172.20.1.5', expect.any(String)]);
  for (const each of [owner, other]) manager.releaseAddresses(each);
});

it('ends with the address free, or in use by who has it', async () => {
  manager.reserveAddresses(owner, network, ['172.20.1.2', '172.20.1.3']);
  await attach('172.20.1.2', owner);
  manager.releaseAddresses(owner, network);
  manager.releaseAddresses(owner, network);
  await expect(attach('172.20.1.2')).rejects.toThrow("172.20.1.2 is container web's");
  expect(await attach('172.20.1.3')).toEqual(['172.20.1.3', expect.any(String)]);
  await manager.deleteSandbox(owner);
  expect(await attach('172.20.1.2')).toEqual(['172.20.1.2', expect.any(String)]);
});

it('of one network can be ended alone', async () => {
  const spec = { driver: 'bridge', ipam: { config: [{ subnet: '172.20.2.0/24' }] }, options: {}, labels: {} };
  const other = await manager.createNetwork({ name: 'other', ...spec });
  manager.reserveAddresses(owner, network, ['172.20.1.2']);
  manager.reserveAddresses(owner, other.id, ['172.20.2.2']);
  manager.releaseAddresses(owner, network);
  expect(await attach('172.20.1.2')).toEqual(['172.20.1.2', expect.any(String)]);
  expect(Number(manager.network('other').pools[0]?.used)).toBe(2);
  await manager.removeNetwork(other.id);
  manager.releaseAddresses(owner);
});

it.each<[string, string[], string]>([
  ['of another', ['172.20.1.4', '172.20.1.2'], 'reserved for container 0123456789ab'],
  ['of the gateway', ['172.20.1.4', '172.20.1.1'], "172.20.1.1 is the gateway's of network small"],
  ['outside', ['172.20.1.4', '10.0.0.1'], 'network small has 172.20.1.0/29'],
  ['that is none', ['172.20.1.4', 'four'], 'invalid IPv4 address: four, it should look like 172.20.1.2'],
  ['that somebody has', ['172.20.1.4', '172.20.1.3'], "172.20.1.3 is container taken's"],
])('an address %s can’t be reserved, and none is then', async (_, addresses, message) => {
  const other = '0123456789ab'.padEnd(64, '0') as SandboxId;
  manager.reserveAddresses(other, network, ['172.20.1.2']);
  await place(manager, 'taken', ['small'], [], { ipv4Address: '172.20.1.3' });
  const before = used();
  expect(() => manager.reserveAddresses(owner, network, addresses)).toThrow(message);
  expect(used()).toEqual(before);
  manager.releaseAddresses(other);
});

it('again is what it was, and more', () => {
  manager.reserveAddresses(owner, network, ['172.20.1.2']);
  manager.reserveAddresses(owner, network, ['172.20.1.2', '172.20.1.3']);
  expect(used()).toEqual([3, 1]);
  manager.releaseAddresses(owner);
  expect(used()).toEqual([1, 1]);
});

it('again with a fault leaves the earlier one as it was', () => {
  manager.reserveAddresses(owner, network, ['172.20.1.2']);
  expect(() => manager.reserveAddresses(owner, network, ['172.20.1.2', '10.0.0.1'])).toThrow('network small');
  expect(used()).toEqual([2, 1]);
  manager.releaseAddresses(owner);
  expect(used()).toEqual([1, 1]);
});

it('again with others lets go of those that are not wanted any more', () => {
  manager.reserveAddresses(owner, network, ['172.20.1.2']);
  manager.reserveAddresses(owner, network, ['172.20.1.3']);
  expect(used()).toEqual([2, 1]);
  manager.releaseAddresses(owner);
  expect(used()).toEqual([1, 1]);
});

it('of the default network can’t be', () => {
  const { id } = manager.network('bridge');
  expect(() => manager.reserveAddresses(owner, id, ['172.17.0.9'])).toThrow('user defined networks only');
});
