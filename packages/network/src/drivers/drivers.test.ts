import { silentLogger } from '@berth/core';
import { NetworkNamespace, RouteSocket } from '@berth/kernel';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Box, run } from '../box.fixture.js';
import { Firewall } from '../firewall/firewall.js';
import type { EndpointId, NetworkId, SandboxId } from '../model.js';
import type { EndpointRecord, NetworkRecord } from '../records.js';
import { BridgeDriver } from './bridge/index.js';
import type { Driver, HostKernel } from './driver.js';
import { HostDriver } from './host/index.js';
import { LinkReaper } from './link-reaper.js';
import { NullDriver } from './null/index.js';

let box: Box;
let host: HostKernel;
let path: string;
beforeAll(() => {
  box = new Box();
  path = `${box.folder}/sandbox`;
  NetworkNamespace.create(path).close();
  run('nsenter', `--net=${path}`, 'ip', 'link', 'set', 'lo', 'up');
  const routes = RouteSocket.open();
  const firewall = Firewall.open(silentLogger);
  host = { routes, reaper: new LinkReaper(routes), firewall, logger: silentLogger };
  firewall.write();
});
afterAll(() => {
  host.firewall.remove();
  host.firewall.close();
  host.routes.close();
  NetworkNamespace.remove(path);
  box.close();
});

/** All that a driver can leave: links here and in the sandbox, and elements. */
const world = () =>
  [
    run('ip', '-br', 'link'),
    run('nsenter', `--net=${path}`, 'ip', '-br', 'link'),
    run('nsenter', `--net=${path}`, 'ip', 'route'),
    run('nft', 'list', 'table', 'inet', 'berth'),
  ].join('\n');

const record: NetworkRecord = {
  id: 'a'.repeat(64) as NetworkId,
  name: 'net',
  created: '2026-01-01T00:00:00.000Z',
  driver: 'bridge',
  internal: false,
  attachable: false,
  predefined: false,
  ipam: { driver: 'default', options: {}, config: [{ subnet: '10.9.0.0/24', gateway: '10.9.0.1' }] },
  options: {},
  labels: {},
};
const bare: EndpointRecord = {
  id: 'b'.repeat(64) as EndpointId,
  networkId: record.id,
  sandboxId: 'c'.repeat(64) as SandboxId,
  sequence: 1,
  containerName: 'web',
  names: ['web'],
};
const withInterface: EndpointRecord = {
  ...bare,
  interface: {
    name: 'eth0',
    hostName: 'vethbbbbbbb',
    macAddress: '02:42:0a:09:00:02',
    address: '10.9.0.2',
    prefixLength: 24,
    gateway: '10.9.0.1',
  },
};

describe.each<[string, () => Driver]>([
  ['bridge', () => new BridgeDriver(host)],
  ['host', () => new HostDriver()],
  ['null', () => new NullDriver()],
])('the %s driver', (name, make) => {
  const attachment = (driver: Driver, namespace: NetworkNamespace) => ({
    endpoint: driver.hasAddresses ? withInterface : bare,
    namespace: driver.sandboxKind === 'private' ? namespace : undefined,
    defaultRoute: driver.hasAddresses,
  });

  it('is called so, and touches nothing when it validates', () => {
    const before = world();
    const driver = make();
    expect(driver.name).toBe(name);
    driver.validate({ ...record, driver: name });
    expect(world()).toBe(before);
  });

  it('does its work once, however often it is asked, and takes all of it away', async () => {
    using namespace = NetworkNamespace.open(path);
    const before = world();
    const driver = make();
    const network = driver.validate(record);
    network.create();
    const created = world();
    network.create();
    expect(world()).toBe(created);
    const attached = attachment(driver, namespace);
    network.attach(attached);
    const complete = world();
    network.restore(attached);
    expect(world()).toBe(complete);
    await network.detach(attached.endpoint);
    await network.detach(attached.endpoint);
    await network.delete();
    await network.delete();
    expect(world()).toBe(before);
  });

  it('restores an endpoint of which nothing is left', async () => {
    using namespace = NetworkNamespace.open(path);
    const driver = make();
    const network = driver.validate(record);
    network.create();
    const attached = attachment(driver, namespace);
    network.restore(attached);
    if (driver.hasAddresses) {
      expect(run('nsenter', `--net=${path}`, 'ip', 'route')).toContain('default via 10.9.0.1 dev eth0');
    }
    await network.detach(attached.endpoint);
    await network.delete();
  });
});

it('deletes fifty pairs for the price of few', async () => {
  for (let index = 0; index < 50; index += 1) run('ip', 'link', 'add', `pair${index}`, 'type', 'veth');
  await Promise.all(Array.from({ length: 50 }, (_, index) => host.reaper.reap(`pair${index}`)));
  await host.reaper.reap('pair0');
  expect(run('ip', '-br', 'link')).not.toContain('pair');
});
