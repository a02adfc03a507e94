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
  const firewall = Firewall.open(silentLogger, { coexist: false });
  host = {
    routes,
    reaper: new LinkReaper(routes),
    firewall,
    logger: silentLogger,
    uplinkMtu: () => undefined,
    forwardIPv6: () => undefined,
  };
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
    run('nsenter', `--net=${path}`, 'ip', '-6', 'route'),
    run('nft', 'list', 'ruleset'),
  ].join('\n');

const record: NetworkRecord = {
  id: 'a'.repeat(64) as NetworkId,
  name: 'net',
  created: '2026-01-01T00:00:00.000Z',
  driver: 'bridge',
  internal: false,
  attachable: false,
  predefined: false,
  enableIPv4: true,
  enableIPv6: true,
  configOnly: false,
  dns: [],
  ipam: {
    driver: 'default',
    options: {},
    config: [
      { subnet: '10.9.0.0/24', gateway: '10.9.0.1' },
      { subnet: 'fd00:9::/64', gateway: 'fd00:9::1' },
    ],
  },
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
  links: {},
  gatewayPriority: 0,
};
const withInterface: EndpointRecord = {
  ...bare,
  interface: {
    name: 'eth0',
    hostName: 'vethbbbbbbb',
    macAddress: '02:42:0a:09:00:02',
    ipv4: { address: '10.9.0.2', prefixLength: 24, gateway: '10.9.0.1' },
    ipv6: { address: 'fd00:9::2', prefixLength: 64, gateway: 'fd00:9::1' },
    linkLocalAddresses: ['169.254.9.9'],
    sysctls: { 'net/ipv4/conf/IFNAME/log_martians': '1' },
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
    defaultRoute: { ipv4: driver.hasAddresses, ipv6: driver.hasAddresses },
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
    await network.detach(attached.endpoint, attached.namespace);
    await network.detach(attached.endpoint, attached.namespace);
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
      const inside = (...command: string[]) => run('nsenter', `--net=${path}`, ...command);
      expect(inside('ip', 'route')).toContain('default via 10.9.0.1 dev eth0');
      expect(inside('ip', '-6', 'route')).toContain('default via fd00:9::1 dev eth0');
      expect(inside('ip', '-br', 'addr')).toContain('169.254.9.9/16');
      expect(inside('cat', '/proc/sys/net/ipv4/conf/eth0/log_martians')).toBe('1');
    }
    await network.detach(attached.endpoint, attached.namespace);
    await network.delete();
  });
});

it('deletes fifty pairs for the price of few', async () => {
  for (let index = 0; index < 50; index += 1) run('ip', 'link', 'add', `pair${index}`, 'type', 'veth');
  await Promise.all(Array.from({ length: 50 }, (_, index) => host.reaper.reap(`pair${index}`)));
  await host.reaper.reap('pair0');
  expect(run('ip', '-br', 'link')).not.toContain('pair');
});
