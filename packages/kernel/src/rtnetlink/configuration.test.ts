import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { NetworkNamespace } from '../namespace/index.js';
import { RouteSocket, addressRequests, linkRequests, routeRequests } from './index.js';

const directory = mkdtempSync(join(tmpdir(), 'berth-configuration-'));
const [herePath, therePath] = [join(directory, 'here'), join(directory, 'there')];
const here = NetworkNamespace.create(herePath);
const there = NetworkNamespace.create(therePath);
const routes = RouteSocket.open(here);

afterAll(() => {
  routes.close();
  for (const namespace of [here, there]) namespace.close();
  for (const path of [herePath, therePath]) NetworkNamespace.remove(path);
  rmSync(directory, { recursive: true });
});

/** Changes by iproute2, or its view as JSON. */
const run = (...command: string[]): string =>
  execFileSync('nsenter', [`--net=${herePath}`, ...command], { encoding: 'utf8', stdio: 'pipe' });
const ip = (...args: string[]): Record<string, unknown>[] =>
  JSON.parse(run('ip', '-j', '-d', ...args) || '[]') as Record<string, unknown>[];
const shown = (name: string) => ip('addr', 'show', name)[0] ?? {};
const index = (name: string): number => routes.link(name)?.index ?? -1;

routes.run(
  linkRequests.set({ name: 'lo' }, { up: true }),
  linkRequests.addBridge({ name: 'br0', stp: false, multicastSnooping: false, up: true }),
  linkRequests.addVeth({ name: 'a', txQueueLength: 7, group: 5, peer: { name: 'b', group: 6 } }),
);

describe('a link', () => {
  it('is born with its settings, and those of its kind', () => {
    expect(shown('a')).toMatchObject({ txqlen: 7, group: '5', operstate: 'DOWN' });
    expect(shown('b')).toMatchObject({ group: '6' });
    expect(shown('br0')).toMatchObject({ linkinfo: { info_data: { stp_state: 0, mcast_snooping: 0 } } });
  });

  it('takes every setting, and gives it up', () => {
    const settings = { address: '02:00:00:00:00:0a', mtu: 1300, alias: 'mine', group: 8, txQueueLength: 9 };
    routes.run(linkRequests.set({ name: 'a' }, { ...settings, master: index('br0'), up: true }));
    expect(shown('a')).toMatchObject({
      address: '02:00:00:00:00:0a',
      mtu: 1300,
      ifalias: 'mine',
      group: '8',
      txqlen: 9,
      master: 'br0',
      flags: expect.arrayContaining(['UP']) as unknown,
    });
    expect(routes.link('a')).toMatchObject({ ...settings, master: index('br0'), slaveKind: 'bridge' });
    routes.run(linkRequests.set({ name: 'a' }, { master: null, up: false, alias: '' }));
    expect(shown('a')).not.toHaveProperty('master');
    expect(shown('a')).not.toHaveProperty('ifalias');
    expect(shown('a')['flags']).not.toContain('UP');
  });

  it('is renamed by its index, and never by its name', () => {
    const at = index('a');
    routes.run(linkRequests.set({ index: at }, { name: 'z' }));
    expect(routes.link(at)?.name).toBe('z');
    routes.run(linkRequests.set({ index: at }, { name: 'a' }));
    expect(() => linkRequests.set({ name: 'a' }, { name: 'b' })).toThrow(
      'cannot rename a to b by name: use its index',
    );
  });

  it('is found by its other names too; what cannot be one is not there', () => {
    run('ip', 'link', 'property', 'add', 'dev', 'a', 'altname', 'an-alternative-name');
    expect(routes.link('an-alternative-name')).toMatchObject({
      name: 'a',
      altNames: ['an-alternative-name'],
    });
    for (const nothing of [0, -1, 9999, '', 'no', 'x'.repeat(500)])
      expect(routes.link(nothing)).toBeUndefined();
  });

  it('has no IPv6 address of its own when it is to have none', () => {
    routes.run(linkRequests.addVeth({ name: 'six', peer: { name: 'sixp' } }));
    routes.run(linkRequests.set({ name: 'six' }, { noIPv6Addresses: true }));
    routes.run(...['six', 'sixp'].map((name) => linkRequests.set({ name }, { up: true })));
    expect(ip('link', 'show', 'six')).toMatchObject([{ inet6_addr_gen_mode: 'none' }]);
    expect(shown('six')).toMatchObject({ addr_info: [] });
    expect(shown('sixp')).toMatchObject({ addr_info: [{ family: 'inet6', scope: 'link' }] });
    routes.run(linkRequests.delete({ name: 'six' }));
    expect(routes.link('sixp')).toBeUndefined();
  });

  it('moves to another namespace', () => {
    routes.run(linkRequests.addVeth({ name: 'stays', peer: { name: 'goes' } }));
    routes.run(linkRequests.set({ name: 'goes' }, { namespace: there }));
    const [stays] = ip('link', 'show', 'stays');
    expect(stays).toMatchObject({ link_netnsid: routes.namespaceId(there) });
    using inside = RouteSocket.open(there);
    expect(inside.link('goes')).toMatchObject({ index: stays?.['link_index'], link: stays?.['ifindex'] });
    routes.run(linkRequests.delete({ index: index('stays') }));
    expect(inside.link('goes')).toBeUndefined();
  });

  it('of a pair whose peer is to be born up is refused', () => {
    expect(() => routes.run(linkRequests.addVeth({ name: 'p', peer: { name: 'q', up: true } }))).toThrow(
      expect.objectContaining({ errno: 'ENOTCONN' }),
    );
    expect(routes.link('p')).toBeUndefined();
  });
});

describe('an address', () => {
  it('has label, peer, lifetimes and metric as ip shows them, and goes', () => {
    const on = { index: index('br0'), prefixLength: 32 };
    const plain = { ...on, address: '10.2.0.1', prefixLength: 16, broadcast: '10.2.255.255', label: 'br0:l' };
    const pointed = { ...on, address: '10.3.0.1', peer: '10.3.0.2' };
    const ageing = { ...on, address: '10.4.0.1', validLifetime: 600, preferredLifetime: 300, routeMetric: 7 };
    const six = { ...on, address: 'fd00:1::1', prefixLength: 64, noDuplicateDetection: true };
    routes.run(...[plain, pointed, ageing, six].map((address) => addressRequests.add(address)));
    const lifetime = expect.toSatisfy((seconds: number) => seconds > 250 && seconds <= 600) as unknown;
    expect(shown('br0')['addr_info']).toEqual(
      expect.arrayContaining([
        expect.objectContaining({
          local: '10.2.0.1',
          prefixlen: 16,
          broadcast: '10.2.255.255',
          label: 'br0:l',
        }),
        expect.objectContaining({ local: '10.3.0.1', address: '10.3.0.2', prefixlen: 32 }),
        expect.objectContaining({ local: '10.4.0.1', valid_life_time: lifetime, metric: 7 }),
        expect.objectContaining({ local: 'fd00:1::1', prefixlen: 64, nodad: true }),
      ]),
    );
    expect(routes.addresses()).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ local: '10.3.0.1', address: '10.3.0.2' }),
        expect.objectContaining({ local: '10.4.0.1', preferredLifetime: lifetime, routeMetric: 7 }),
      ]),
    );
    routes.run(...[pointed, ageing].map((address) => addressRequests.delete(address)));
    expect(routes.addresses({ family: 'inet' }).map(({ local }) => local)).toEqual(['127.0.0.1', '10.2.0.1']);
    expect(() => routes.run(addressRequests.delete(pointed))).toThrow(
      expect.objectContaining({ errno: 'EADDRNOTAVAIL', subject: '10.3.0.1/32' }),
    );
  });
});

describe('a route', () => {
  const br0 = index('br0');

  it('is as ip shows it, replaced, appended and deleted', () => {
    routes.run(
      routeRequests.add({
        destination: '192.0.2.0/24',
        gateway: '10.2.0.9',
        metric: 5,
        mtu: 1200,
        table: 300,
      }),
      routeRequests.add({ destination: '198.51.100.0/24', index: br0, preferredSource: '10.2.0.1' }),
      routeRequests.add({ gateway: '192.168.9.9', index: br0, onLink: true, metric: 50 }),
      routeRequests.add({ destination: 'fd00:2::/64', gateway: 'fd00:1::9' }),
    );
    expect(ip('route', 'show', 'table', '300')).toMatchObject([
      { dst: '192.0.2.0/24', gateway: '10.2.0.9', metric: 5, metrics: [{ mtu: 1200 }] },
    ]);
    expect(routes.routes({ table: 300 })).toMatchObject([{ metric: 5, metrics: [[2, 1200]], table: 300 }]);
    expect(ip('route', 'show', '198.51.100.0/24')).toMatchObject([{ scope: 'link', prefsrc: '10.2.0.1' }]);
    expect(ip('route', 'show', 'default')).toMatchObject([{ gateway: '192.168.9.9', metric: 50 }]);
    expect(ip('-6', 'route', 'show', 'fd00:2::/64')).toMatchObject([{ gateway: 'fd00:1::9', dev: 'br0' }]);

    const moved = { destination: '198.51.100.0/24', gateway: '10.2.0.8' };
    routes.run(routeRequests.replace(moved));
    expect(ip('route', 'show', '198.51.100.0/24')).toMatchObject([{ gateway: '10.2.0.8' }]);
    routes.run(routeRequests.append({ ...moved, gateway: '10.2.0.7' }));
    expect(ip('route', 'show', '198.51.100.0/24')).toHaveLength(2);
    routes.run(routeRequests.delete(moved), routeRequests.delete({ ...moved, gateway: '10.2.0.7' }));
    expect(ip('route', 'show', '198.51.100.0/24')).toEqual([]);
    expect(() => routes.run(routeRequests.delete(moved))).toThrow(
      expect.objectContaining({ errno: 'ESRCH', code: 'not-found', subject: '198.51.100.0/24' }),
    );
  });

  it('of several nexthops, or by a gateway of the other family, is read as ip made it', () => {
    run(
      'ip',
      'route',
      'add',
      '203.0.113.0/25',
      'nexthop',
      'via',
      '10.2.0.2',
      'weight',
      '3',
      'nexthop',
      'via',
      '10.2.0.3',
    );
    run('ip', 'route', 'add', '203.0.113.128/25', 'via', 'inet6', 'fd00:1::7', 'dev', 'br0');
    expect(routes.routes({ family: 'inet' })).toEqual(
      expect.arrayContaining([
        expect.objectContaining({
          destination: '203.0.113.0/25',
          nexthops: [
            expect.objectContaining({ gateway: '10.2.0.2', outputIndex: br0, weight: 3 }),
            expect.objectContaining({ gateway: '10.2.0.3', outputIndex: br0, weight: 1 }),
          ],
        }),
        expect.objectContaining({
          destination: '203.0.113.128/25',
          via: { family: 'inet6', address: 'fd00:1::7' },
        }),
      ]),
    );
  });

  it('is what a packet takes, from an address too', () => {
    expect(routes.routeTo('10.2.3.4', { from: '10.2.0.1' })).toMatchObject({ outputIndex: br0 });
    expect(routes.routeTo('fd00:2::5')).toMatchObject({ family: 'inet6', gateway: 'fd00:1::9' });
    expect(() => routes.routeTo('2001:db8::1')).toThrow(expect.objectContaining({ errno: 'ENETUNREACH' }));
    expect(() => routes.routeTo('nowhere')).toThrow('"nowhere" is no IP address');
  });

  it('with a gateway of another family is refused before the kernel sees it', () => {
    expect(() => routeRequests.add({ destination: '10.9.0.0/16', gateway: 'fd00::1' })).toThrow(
      expect.objectContaining({ code: 'invalid' }),
    );
  });
});

describe('tables', () => {
  it('of neighbours and of forwarding are as ip and bridge made them', () => {
    const at = index('br0');
    // First of all, as the bridge may take its port's address, and loses all neighbours then.
    run('ip', 'link', 'set', 'dev', 'a', 'master', 'br0');
    run('ip', 'neigh', 'add', '10.2.0.5', 'lladdr', '02:00:00:00:00:05', 'dev', 'br0', 'nud', 'permanent');
    run('ip', 'neigh', 'add', 'proxy', '10.2.0.6', 'dev', 'br0');
    run('bridge', 'fdb', 'add', '02:00:00:00:00:06', 'dev', 'a', 'master', 'static');
    expect(routes.neighbours()).toContainEqual(
      expect.objectContaining({
        destination: '10.2.0.5',
        address: '02:00:00:00:00:05',
        index: at,
        state: 0x80,
      }),
    );
    expect(routes.neighbours({ proxy: true })).toMatchObject([{ destination: '10.2.0.6', index: at }]);
    expect(routes.bridgeForwarding()).toContainEqual(
      expect.objectContaining({ address: '02:00:00:00:00:06', index: index('a'), master: at, state: 0x40 }),
    );
  });
});

describe('a socket that is closed', () => {
  it('does what was asked for before, and nothing more', async () => {
    const socket = RouteSocket.open(here);
    socket.run(linkRequests.addVeth({ name: 'last', peer: { name: 'lastp' } }));
    const under = socket.runAsync(linkRequests.delete({ name: 'last' }));
    socket.close();
    socket.close();
    expect(() => socket.links()).toThrow('the netlink socket is closed');
    await expect(socket.runAsync(linkRequests.delete({ name: 'br0' }))).rejects.toThrow('is closed');
    await under;
    expect(routes.link('last')).toBeUndefined();
    expect(routes.link('br0')).toBeDefined();
  });
});
