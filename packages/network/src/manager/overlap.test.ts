import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { Box, clear, interfaces, place, run } from '../box.fixture.js';
import type { NetworkId } from '../model.js';
import { NetworkManager } from './network-manager.js';

let box: Box;
let manager: NetworkManager;
let told: [NetworkId, readonly string[]][];
beforeAll(() => {
  box = new Box();
  box.useIPv6();
});
afterAll(() => box.close());
const open = () => NetworkManager.open(box.options({ onOverlap: (...what) => void told.push(what) }));
beforeEach(async () => {
  told = [];
  manager = await open();
});
afterEach(async () => {
  await clear(manager);
  for (const destination of [...added]) removeRoute(destination);
});

const create = (name: string, subnets: string[], options = {}) =>
  manager.createNetwork({
    name,
    driver: 'bridge',
    enableIPv6: subnets.some((subnet) => subnet.includes(':')),
    ipam: { config: subnets.map((subnet) => ({ subnet })) },
    options,
    labels: {},
  });
const overlaps = (name: string) => manager.network(name).overlaps;
/** The routes of the test, that others begin without. */
const added = new Set<string>();
const family = (destination: string) => (destination.includes(':') ? '-6' : '-4');
function addRoute(destination: string, ...rest: string[]): void {
  const gateway = destination.includes(':') ? '2001:db8:1::2' : '198.51.100.2';
  run('ip', family(destination), 'route', 'add', destination, 'via', gateway, ...rest);
  added.add(destination);
}
function removeRoute(destination: string): void {
  run('ip', family(destination), 'route', 'del', destination);
  added.delete(destination);
}

describe('a route that is added later', () => {
  it('and overlaps a network is told of, and no more when it has gone', async () => {
    const { id } = await create('one', ['172.20.1.0/24']);
    await create('two', ['172.20.2.0/24']);
    addRoute('172.20.1.128/25');
    await vi.waitFor(() => expect(overlaps('one')).toEqual(['172.20.1.128/25 (uplink)']));
    expect(told).toEqual([[id, ['172.20.1.128/25 (uplink)']]]);
    expect(overlaps('two')).toEqual([]);
    removeRoute('172.20.1.128/25');
    await vi.waitFor(() => expect(overlaps('one')).toEqual([]));
    expect(told.slice(1)).toEqual([[id, []]]);
  });

  it('may hold the whole network, be of IPv6, or come with an address or a link', async () => {
    await create('one', ['172.20.1.0/24', 'fd00:1::/64']);
    addRoute('172.20.0.0/16');
    addRoute('fd00:1::/72');
    run('ip', 'link', 'add', 'tun7', 'type', 'bridge');
    run('ip', 'link', 'set', 'tun7', 'up');
    run('ip', 'addr', 'add', '172.20.1.9/30', 'dev', 'tun7');
    const found = ['172.20.0.0/16 (uplink)', '172.20.1.8/30 (tun7)', 'fd00:1::/72 (uplink)'];
    await vi.waitFor(() => expect([...overlaps('one')].sort()).toEqual(found));
    run('ip', 'link', 'del', 'tun7');
    removeRoute('172.20.0.0/16');
    removeRoute('fd00:1::/72');
    await vi.waitFor(() => expect(overlaps('one')).toEqual([]));
  });

  it('and one that overlaps nothing, the default one, and our own bridges’ are not', async () => {
    await create('one', ['172.20.1.0/24', 'fd00:1::/64']);
    await create('two', ['172.20.2.0/24']);
    addRoute('10.99.0.0/16');
    addRoute('default');
    addRoute('172.20.3.0/24');
    await create('three', ['172.20.4.0/24']);
    addRoute('172.20.2.128/25');
    await vi.waitFor(() => expect(overlaps('two')).toHaveLength(1));
    expect(['one', 'three', 'bridge'].map(overlaps)).toEqual([[], [], []]);
  });

  it('while nobody looked is found at the next start', async () => {
    await create('one', ['172.20.1.0/24']);
    await place(manager, 'web', ['one']);
    await manager.close();
    addRoute('172.20.1.128/25');
    manager = await open();
    expect(overlaps('one')).toEqual(['172.20.1.128/25 (uplink)']);
    expect(told).toHaveLength(1);
  });

  it('keeps the next network out of its way', async () => {
    addRoute('172.18.0.0/15');
    const { ipam } = await create('one', []);
    expect(ipam.config[0]?.subnet).toBe('172.20.0.0/16');
  });
});

describe('the MTU of the way out', () => {
  const mtu = (bytes: number) => run('ip', 'link', 'set', 'uplink', 'mtu', String(bytes));
  beforeEach(() => {
    addRoute('default');
    return () => mtu(1500);
  });

  it('is followed by bridges and by both ends of each pair, but not where another is asked for', async () => {
    await create('one', ['172.20.1.0/24']);
    await create('fixed', ['172.20.2.0/24'], { 'com.docker.network.driver.mtu': '1450' });
    const web = await place(manager, 'web', ['one', 'fixed']);
    const [first, second] = manager.sandbox(web.id)?.endpoints ?? [];
    const all = () => {
      const here = interfaces();
      const bridge = `br-${manager.network('one').id.slice(0, 12)}`;
      const [one, two] = [first, second].map((endpoint) => here.get(endpoint?.hostInterfaceName ?? ''));
      const [eth0, eth1] = ['eth0', 'eth1'].map((name) => interfaces(web.inside).get(name));
      return [here.get(bridge), one, eth0, two, eth1].map((link) => link?.mtu);
    };
    // The default route has come only now.
    await vi.waitFor(() => expect(all()).toEqual([1500, 1500, 1500, 1450, 1450]));
    mtu(1400);
    await vi.waitFor(() => expect(all()).toEqual([1400, 1400, 1400, 1450, 1450]));
    const late = await place(manager, 'late', ['one']);
    expect(interfaces(late.inside).get('eth0')?.mtu).toBe(1400);
    mtu(1500);
    await vi.waitFor(() => expect(all()).toEqual([1500, 1500, 1500, 1450, 1450]));
  });

  it('may be that of the route itself, and is the least of several', async () => {
    await create('one', ['172.20.1.0/24']);
    const bridge = () => interfaces().get(`br-${manager.network('one').id.slice(0, 12)}`)?.mtu;
    run('ip', 'route', 'change', 'default', 'via', '198.51.100.2', 'mtu', '1300');
    await vi.waitFor(() => expect(bridge()).toBe(1300));
    addRoute('::/0', 'mtu', '1290');
    await vi.waitFor(() => expect(bridge()).toBe(1290));
    removeRoute('::/0');
    await vi.waitFor(() => expect(bridge()).toBe(1300));
  });

  it('that IPv6 can’t live with is not followed by networks that have it', async () => {
    await create('six', ['172.20.1.0/24', 'fd00:1::/64']);
    const web = await place(manager, 'web', ['six']);
    mtu(1000);
    await vi.waitFor(() => expect(interfaces().get('berth0')?.mtu).toBe(1000));
    expect(interfaces(web.inside).get('eth0')?.mtu).toBe(1280);
    expect(run(...web.inside, 'ip', '-6', 'route', 'show', 'default')).toContain('fd00:1::1');
  });
});
