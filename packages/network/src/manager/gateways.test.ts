import { afterAll, afterEach, beforeAll, beforeEach, expect, it, vi } from 'vitest';
import { Box, ask, clear, place, run, sandboxSpec, type Placed } from '../box.fixture.js';
import { NameService } from '../dns/index.js';
import { Firewall } from '../firewall/firewall.js';
import type { PortSpec } from '../model.js';
import { NetworkManager } from './network-manager.js';

let box: Box;
let manager: NetworkManager;
let web: Placed;
const port: PortSpec = { protocol: 'tcp', containerPort: 80, hostPort: 8081 };
const ports = ['0.0.0.0', '::'].map((hostAddress) => ({ ...port, hostAddress }));

beforeAll(() => {
  box = new Box();
  box.useIPv6();
});
afterAll(() => box.close());
beforeEach(async () => {
  manager = await NetworkManager.open(box.options());
  const network = (name: string, number: number, rest = {}) =>
    manager.createNetwork({
      name,
      driver: 'bridge',
      enableIPv6: true,
      ipam: { config: [{ subnet: `172.20.${number}.0/24` }, { subnet: `fd00:${number}::/64` }] },
      options: {},
      labels: {},
      ...rest,
    });
  await network('one', 1);
  await network('two', 2);
  await network('three', 3);
  await network('hidden', 4, { internal: true });
  await network('four-alone', 5, { enableIPv6: false, ipam: { config: [{ subnet: '172.20.5.0/24' }] } });
  web = await place(manager, 'web', [], ports);
  await box.serve(web.path, 80, 'web');
});
afterEach(async () => {
  vi.restoreAllMocks();
  await clear(manager);
});

const connect = (name: string, gatewayPriority?: number) =>
  manager.attach(web.id, manager.network(name).id, {
    names: ['web'],
    containerName: 'web',
    ...(gatewayPriority !== undefined && { gatewayPriority }),
  });
const disconnect = (name: string) => manager.detach(web.id, manager.network(name).id);

/** The networks that hold the default routes, as the kernel has them; more than one route would be one too many. */
function routes(): (string | undefined)[] {
  return ['-4', '-6'].map((family) => {
    const found = run(...web.inside, 'ip', family, 'route', 'show', 'default')
      .split('\n')
      .filter((line) => line !== '');
    expect(found.length).toBeLessThan(2);
    const [, via] = /via (\S+)/.exec(found[0] ?? '') ?? [];
    return manager.networks().find(({ ipam }) => ipam.config.some(({ gateway }) => gateway === via))?.name;
  });
}

/** The networks of the addresses that the published port leads to. */
function targets(): (string | undefined)[] {
  return ['published', 'published6'].map((map) => {
    const [, target] = / : (\S+) \. 80/.exec(run('nft', 'list', 'map', 'inet', 'berth', map)) ?? [];
    const holder = manager.sandbox(web.id)?.endpoints.find(({ ipv4, ipv6 }) => {
      return target !== undefined && [ipv4?.address, ipv6?.address].includes(target);
    });
    return holder?.networkName;
  });
}

/** The networks that the manager says are the gateways. */
function told(): (string | undefined)[] {
  const { gateways, endpoints = [] } = manager.sandbox(web.id) ?? {};
  return [gateways?.ipv4, gateways?.ipv6].map((id) => endpoints.find((one) => one.id === id)?.networkName);
}

function expectGateways(ipv4: string | undefined, ipv6: string | undefined): void {
  expect({ routes: routes(), targets: targets(), told: told() }).toEqual({
    routes: [ipv4, ipv6],
    targets: [ipv4, ipv6],
    told: [ipv4, ipv6],
  });
  expect(ask(box.outsideCommand, '198.51.100.1', 8081)).toMatch(ipv4 === undefined ? 'nothing' : /^web /);
}

it('the first that is connected is the gateway, among equals', async () => {
  await connect('hidden', 9);
  expectGateways(undefined, undefined);
  await connect('two');
  await connect('one');
  expectGateways('two', 'two');
});

it('the one with the highest priority takes over, with the ports, and hands them on when it goes', async () => {
  await connect('one');
  await connect('two', 5);
  expectGateways('two', 'two');
  await connect('three', -1);
  expectGateways('two', 'two');
  await connect('four-alone', 7);
  expectGateways('four-alone', 'two');
  await disconnect('four-alone');
  expectGateways('two', 'two');
  await disconnect('two');
  expectGateways('one', 'one');
  await disconnect('one');
  expectGateways('three', 'three');
  await disconnect('three');
  expectGateways(undefined, undefined);
});

it('one that is no gateway goes without a word', async () => {
  await connect('one', 1);
  await connect('two');
  await disconnect('two');
  expectGateways('one', 'one');
});

it('the gateways are the same after the manager has been started again, whatever the kernel has', async () => {
  await connect('one');
  await connect('two', 5);
  await connect('four-alone', 7);
  await manager.close();
  for (const family of ['-4', '-6']) run(...web.inside, 'ip', family, 'route', 'del', 'default');
  manager = await NetworkManager.open(box.options());
  expectGateways('four-alone', 'two');
});

it('a connection that fails after it has taken over gives everything back', async () => {
  await connect('one');
  vi.spyOn(Firewall.prototype, 'change').mockImplementationOnce(() => {
    throw new Error('broken');
  });
  await expect(connect('two', 5)).rejects.toMatchObject({ op: 'publish ports' });
  expectGateways('one', 'one');
  await connect('three', 3);
  expectGateways('three', 'three');
  expect(manager.network('two').endpoints).toEqual([]);
});

it('a connection that fails later on does so too', async () => {
  await connect('one');
  vi.spyOn(NameService.prototype, 'update').mockImplementationOnce(() => {
    throw new Error('broken');
  });
  await expect(connect('four-alone', 5)).rejects.toMatchObject({ op: 'serve names' });
  expectGateways('one', 'one');
});

it('ports go where they will be held, as told before the networks are joined', async () => {
  const spec = { names: [], containerName: 'late' };
  const late = await manager.createSandbox({
    ...sandboxSpec([{ ...port, hostPort: 8082 }]),
    networks: [
      { id: manager.network('one').id, gatewayPriority: 0 },
      { id: manager.network('four-alone').id, gatewayPriority: 1 },
    ],
  });
  expect(late.ports.map(({ hostAddress }) => hostAddress)).toEqual(['0.0.0.0', '::']);
  await manager.attach(late.id, manager.network('one').id, spec);
  await manager.attach(late.id, manager.network('four-alone').id, { ...spec, gatewayPriority: 1 });
  expect(run('nft', 'list', 'map', 'inet', 'berth', 'published')).toContain('tcp . 8082 : 172.20.5.2 . 80');
  expect(run('nft', 'list', 'map', 'inet', 'berth', 'published6')).toContain('tcp . 8082 : fd00:1::2 . 80');
});
