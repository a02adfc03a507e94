import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { NetworkNamespace } from '../namespace/index.js';
import { RouteSocket, addressRequests, linkRequests, routeRequests } from './index.js';

const directory = mkdtempSync(join(tmpdir(), 'berth-rtnetlink-'));
const [herePath, therePath] = [join(directory, 'here'), join(directory, 'there')];
const here = NetworkNamespace.create(herePath);
const there = NetworkNamespace.create(therePath);
const host = RouteSocket.open(here);
const inside = RouteSocket.open(there);

afterAll(() => {
  host.close();
  inside.close();
  for (const namespace of [here, there]) namespace.close();
  for (const path of [herePath, therePath]) NetworkNamespace.remove(path);
  rmSync(directory, { recursive: true });
});

/** iproute2's view, as JSON. */
const ip = (path: string, ...args: string[]): Record<string, unknown>[] =>
  JSON.parse(
    execFileSync('nsenter', [`--net=${path}`, 'ip', '-j', '-d', ...args], { encoding: 'utf8' }) || '[]',
  ) as Record<string, unknown>[];
const index = (socket: RouteSocket, name: string): number => socket.link(name)?.index ?? -1;

beforeAll(() => {
  host.run(linkRequests.addBridge({ name: 'br0', address: '02:42:0a:00:00:01', mtu: 1400, up: true }));
  host.run(
    addressRequests.add({ index: index(host, 'br0'), address: '10.0.0.1', prefixLength: 24, label: 'br0:x' }),
  );
  host.run(linkRequests.set({ name: 'br0' }, { alias: 'ours' }));
  host.run(
    linkRequests.addVeth({
      name: 'veth0',
      index: 9,
      master: index(host, 'br0'),
      up: true,
      mtu: 1400,
      peer: { name: 'eth0', index: 7, namespace: there, address: '02:42:0a:00:00:02', mtu: 1400 },
    }),
  );
  inside.run(
    linkRequests.set({ name: 'lo' }, { up: true }),
    linkRequests.set({ index: 7 }, { up: true }),
    addressRequests.add({ index: 7, address: '10.0.0.2', prefixLength: 24, broadcast: '10.0.0.255' }),
    addressRequests.add({ index: 7, address: 'fd00::2', prefixLength: 64, noDuplicateDetection: true }),
    routeRequests.add({ gateway: '10.0.0.1', index: 7 }),
    routeRequests.add({ destination: '192.0.2.0/24', type: 6, metric: 9, table: 1000, protocol: 4 }),
  );
});

describe('what is made', () => {
  it('is there for ip to see: links', () => {
    expect(ip(herePath, 'link', 'show', 'br0')).toMatchObject([
      {
        ifname: 'br0',
        address: '02:42:0a:00:00:01',
        ifalias: 'ours',
        mtu: 1400,
        linkinfo: { info_kind: 'bridge' },
      },
    ]);
    expect(ip(herePath, 'link', 'show', 'veth0')).toMatchObject([
      {
        master: 'br0',
        operstate: 'UP',
        mtu: 1400,
        linkinfo: { info_kind: 'veth', info_slave_kind: 'bridge' },
      },
    ]);
    expect(ip(therePath, 'link', 'show', 'eth0')).toMatchObject([
      { ifindex: 7, address: '02:42:0a:00:00:02', operstate: 'UP' },
    ]);
  });

  it('is there for ip to see: addresses and routes', () => {
    expect(ip(therePath, 'addr', 'show', 'eth0')[0]?.['addr_info']).toEqual(
      expect.arrayContaining([
        expect.objectContaining({
          local: '10.0.0.2',
          prefixlen: 24,
          broadcast: '10.0.0.255',
          scope: 'global',
        }),
        expect.objectContaining({ local: 'fd00::2', prefixlen: 64 }),
      ]),
    );
    expect(ip(therePath, 'route')).toMatchObject([
      { dst: 'default', gateway: '10.0.0.1', dev: 'eth0', protocol: 'boot' },
      { dst: '10.0.0.0/24', prefsrc: '10.0.0.2', protocol: 'kernel', scope: 'link' },
    ]);
    expect(ip(therePath, 'route', 'show', 'table', '1000')).toMatchObject([
      { type: 'blackhole', dst: '192.0.2.0/24', metric: 9, protocol: 'static' },
    ]);
  });

  it('can be set at the port of a bridge', () => {
    host.run(linkRequests.setBridgePort({ index: 9 }, { hairpin: true, isolated: true, learning: false }));
    expect(ip(herePath, 'link', 'show', 'veth0')).toMatchObject([
      { linkinfo: { info_slave_data: { hairpin: true, isolated: true, learning: false } } },
    ]);
    expect(host.link('veth0')?.bridgePort).toMatchObject({ hairpin: true, isolated: true, learning: false });
  });
});

describe('what is listed', () => {
  it.each([
    ['here', herePath, host],
    ['there', therePath, inside],
  ])('is what ip lists: links %s', (_, path, socket) => {
    const theirs = ip(path, 'link').map((link) => ({
      index: link['ifindex'],
      name: link['ifname'],
      mtu: link['mtu'],
      address: link['address'],
      qdisc: link['qdisc'],
      kind: (link['linkinfo'] as { info_kind?: string } | undefined)?.info_kind,
      linkNetnsId: link['link_netnsid'],
      alias: link['ifalias'],
    }));
    const ours = socket.links().map(({ index, name, mtu, address, qdisc, kind, linkNetnsId, alias }) => ({
      index,
      name,
      mtu,
      address,
      qdisc,
      kind,
      linkNetnsId,
      alias,
    }));
    expect(ours).toEqual(theirs);
  });

  it('counts what went through, as ip -s does', () => {
    execFileSync('nsenter', [`--net=${therePath}`, 'ping', '-q', '-c', '2', '-i', '0.01', '127.0.0.1']);
    const [lo] = ip(therePath, '-s', 'link', 'show', 'lo');
    const { stats64 } = inside.links()[0] ?? {};
    expect(lo).toMatchObject({
      stats64: {
        rx: { packets: Number(stats64?.rxPackets), bytes: Number(stats64?.rxBytes) },
        tx: { packets: Number(stats64?.txPackets), bytes: Number(stats64?.txBytes) },
      },
    });
    expect(stats64?.rxPackets).toBeGreaterThanOrEqual(4n);
  });

  it('has addresses with label, scope and lifetimes', () => {
    expect(host.addresses({ family: 'inet' })).toMatchObject([
      { local: '10.0.0.1', prefixLength: 24, label: 'br0:x', scope: 0, validLifetime: 0xffffffff },
    ]);
    const families = inside.addresses().map(({ family }) => family);
    expect(new Set(families)).toEqual(new Set(['inet', 'inet6']));
  });

  it('has routes of one family and table, or all', () => {
    expect(inside.routes({ family: 'inet', table: 254 })).toMatchObject([
      { gateway: '10.0.0.1', outputIndex: 7, protocol: 3, scope: 0, type: 1 },
      { destination: '10.0.0.0/24', preferredSource: '10.0.0.2', protocol: 2, scope: 253 },
    ]);
    expect(inside.routes({ table: 1000 })).toMatchObject([
      { destination: '192.0.2.0/24', type: 6, metric: 9 },
    ]);
    expect(inside.routes({ family: 'inet6' }).every(({ family }) => family === 'inet6')).toBe(true);
  });

  it('answers which way a packet goes', () => {
    expect(inside.routeTo('203.0.113.9')).toMatchObject({
      destination: '203.0.113.9/32',
      gateway: '10.0.0.1',
      outputIndex: 7,
      preferredSource: '10.0.0.2',
    });
    expect(() => host.routeTo('203.0.113.9')).toThrow('find route to 203.0.113.9: Network is unreachable');
  });

  it('has neighbours and the forwarding table of the bridge', () => {
    execFileSync('nsenter', [`--net=${therePath}`, 'ping', '-q', '-c', '1', '10.0.0.1']);
    expect(inside.neighbours()).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ destination: '10.0.0.1', address: '02:42:0a:00:00:01', index: 7 }),
      ]),
    );
    const macs = host.bridgeForwarding().map(({ address }) => address);
    expect(macs).toContain(host.link('veth0')?.address);
  });

  it('finds a link by name and index, and the id of its namespace', () => {
    const veth = host.link('veth0');
    expect(host.link(veth?.index ?? 0)).toEqual(veth);
    expect(veth).toMatchObject({ link: 7, kind: 'veth', slaveKind: 'bridge', master: index(host, 'br0') });
    expect(host.namespaceId(there)).toBe(veth?.linkNetnsId);
    expect(host.namespaceId(here)).toBeUndefined();
    expect(host.link('nothing')).toBeUndefined();
    expect(host.link('a-name-longer-than-a-name-may-be')).toBeUndefined();
  });
});

describe('what is refused', () => {
  it('names what, and why in the words of the kernel', () => {
    expect(() => host.run(linkRequests.addBridge({ name: 'br0' }))).toThrow(
      expect.objectContaining({ errno: 'EEXIST', code: 'conflict', message: 'add bridge br0: File exists' }),
    );
    expect(() => host.run(linkRequests.delete({ name: 'nothing' }))).toThrow(
      expect.objectContaining({ errno: 'ENODEV', code: 'not-found' }),
    );
    expect(() => host.run(routeRequests.add({ gateway: '203.0.113.1' }))).toThrow(
      'add route default: Network is unreachable (Nexthop has invalid gateway)',
    );
  });

  it('does not keep what follows it from being done', () => {
    const requests = ['nothing', 'br0'].map((name) => linkRequests.set({ name }, { alias: 'later' }));
    expect(() => host.run(...requests)).toThrow(/nothing/);
    expect(host.link('br0')?.alias).toBe('later');
  });
});

describe('many changes', () => {
  const many = Array.from({ length: 3000 }, (_, at) => `10.1.${at >> 8}.${at & 0xff}`);

  it('are made in one call, all acknowledged', () => {
    const on = { index: index(host, 'br0'), prefixLength: 32 };
    host.run(...many.map((address) => addressRequests.add({ ...on, address })));
    expect(host.addresses({ family: 'inet' })).toHaveLength(1 + many.length);
    expect(() => host.run(...many.map((address) => addressRequests.add({ ...on, address })))).toThrow(
      expect.objectContaining({ errno: 'EEXIST', subject: '10.1.0.0/32' }),
    );
    host.run(...many.map((address) => addressRequests.delete({ ...on, address })));
    expect(host.addresses({ family: 'inet' })).toHaveLength(1);
  });

  it('are deleted in the background, while this thread asks and changes', async () => {
    const pairs = Array.from({ length: 20 }, (_, at) =>
      linkRequests.addVeth({ name: `a${at}`, group: 77, peer: { name: `b${at}`, group: 77 } }),
    );
    host.run(...pairs);
    const gone = host.runAsync(linkRequests.deleteGroup(77));
    const failing = host.runAsync(linkRequests.delete({ name: 'nothing' }));
    expect(host.link('br0')?.name).toBe('br0');
    await gone;
    await expect(failing).rejects.toMatchObject({ errno: 'ENODEV' });
    expect(host.links({ statistics: false }).map(({ name }) => name)).toEqual(['lo', 'br0', 'veth0']);
  });
});
