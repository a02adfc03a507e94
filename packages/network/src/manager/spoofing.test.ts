import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { Box, ask, clear, place, run, type Placed } from '../box.fixture.js';
import { NetworkManager } from './network-manager.js';
import { Listener, frames, linkLocal, send, type Station } from './raw-frames.fixture.js';

let box: Box;
let manager: NetworkManager;
let alice: Placed;
let bob: Placed;
let mallory: Placed;
let listeners: Listener[];

beforeAll(async () => {
  box = new Box();
  manager = await NetworkManager.open(box.options());
  await manager.createNetwork({
    name: 'guarded',
    driver: 'bridge',
    enableIPv6: true,
    ipam: { config: [{ subnet: '172.20.1.0/24' }, { subnet: 'fd00:1::/64' }] },
    options: { 'com.docker.network.bridge.name': 'br-guarded' },
    labels: {},
  });
  alice = await place(manager, 'alice', ['guarded']);
  bob = await place(manager, 'bob', ['guarded']);
  mallory = await place(manager, 'mallory', ['guarded'], [], { linkLocalAddresses: ['169.254.7.7'] });
  await Promise.all([alice, bob, mallory].map(({ path }) => box.serve(path, 80, 'server')));
  listeners = [
    new Listener(alice.inside, 'eth0'),
    new Listener(bob.inside, 'eth0'),
    new Listener([], 'br-guarded'),
  ];
  await Promise.all(listeners.map(({ up }) => up));
});
afterAll(async () => {
  for (const listener of listeners) listener.close();
  await clear(manager);
  box.close();
});

const gateway: Station = { mac: '02:42:ac:14:01:01', ipv4: '172.20.1.1', ipv6: 'fd00:1::1' };
const other: Station = { mac: '02:42:ac:14:01:02', ipv4: '172.20.1.2', ipv6: 'fd00:1::2' };
const own: Station = { mac: '02:42:ac:14:01:04', ipv4: '172.20.1.4', ipv6: 'fd00:1::4' };

const honest: readonly (readonly [string, Buffer])[] = [
  ['a datagram of IPv4', frames.ipv4(own)],
  ['a datagram of its link-local IPv4 address', frames.ipv4({ ...own, ipv4: '169.254.7.7' })],
  ['a datagram of IPv6', frames.ipv6(own)],
  ['a datagram of its link-local IPv6 address', frames.ipv6({ ...own, ipv6: linkLocal(own.mac) })],
  ['an ARP request', frames.arp(1, own, own, other.ipv4)],
  ['an ARP reply', frames.arp(2, own, own, other.ipv4)],
  ['an ARP probe', frames.arp(1, own, { ...own, ipv4: '0.0.0.0' }, own.ipv4)],
  ['a neighbour advertisement', frames.neighborAdvertisement(own, own.ipv6)],
  ['a frame of another protocol', frames.experimental(own)],
];

const forged: readonly (readonly [string, Buffer])[] = [
  ['another’s MAC address', frames.ipv4({ ...own, mac: other.mac })],
  ['nobody’s MAC address', frames.ipv6({ ...own, mac: '02:00:00:00:00:01' })],
  ['the gateway’s MAC address, in another protocol', frames.experimental(gateway)],
  ['another’s IPv4 address', frames.ipv4({ ...own, ipv4: other.ipv4 })],
  ['the gateway’s IPv4 address', frames.ipv4({ ...own, ipv4: gateway.ipv4 })],
  ['a stranger’s IPv4 address', frames.ipv4({ ...own, ipv4: '8.8.8.8' })],
  ['all of another’s addresses', frames.ipv4(other)],
  ['another’s IPv6 address', frames.ipv6({ ...own, ipv6: other.ipv6 })],
  ['the gateway’s IPv6 address', frames.ipv6({ ...own, ipv6: gateway.ipv6 })],
  ['another’s link-local address', frames.ipv6({ ...own, ipv6: linkLocal(other.mac) })],
  ['an ARP reply for the gateway', frames.arp(2, own, { ...own, ipv4: gateway.ipv4 }, other.ipv4)],
  ['an ARP reply for another', frames.arp(2, own, { ...own, ipv4: other.ipv4 }, gateway.ipv4)],
  ['an ARP reply with another’s MAC address', frames.arp(2, own, { ...own, mac: other.mac }, gateway.ipv4)],
  ['a gratuitous ARP request', frames.arp(1, own, { ...own, ipv4: other.ipv4 }, other.ipv4)],
  ['a neighbour advertisement for another', frames.neighborAdvertisement(own, other.ipv6)],
  ['the same for the gateway, behind another header', frames.neighborAdvertisement(own, gateway.ipv6, true)],
  ['a router advertisement', frames.routerAdvertisement(own)],
  ['a redirect', frames.redirect(own)],
  ['a frame of a VLAN', frames.tagged(frames.ipv4(own), 0x8100)],
  ['a frame of a VLAN in another', frames.tagged(frames.tagged(frames.ipv4(own), 0x8100), 0x88a8)],
  ['an answer of a DHCP server', frames.dhcp(own)],
  ['an answer of a DHCPv6 server', frames.dhcpv6(own)],
];

const dropped = () => {
  const text = run('nft', 'list', 'counter', 'bridge', 'berth', 'forged');
  return Number(/packets (\d+)/.exec(text)?.[1]);
};

let last = 0;
/** Sends a frame, and then an honest one to know when all have been heard; how many others and the host have heard it. */
async function hear(frame: Buffer): Promise<number[]> {
  last += 1;
  const [mark, end] = [`frame ${last}`, `end ${last}`];
  send(mallory.inside, mark, frame);
  send(mallory.inside, end, frames.ipv4(own));
  await vi.waitFor(() => expect(listeners.map((listener) => listener.count(end))).toEqual([1, 1, 1]), 5000);
  return listeners.map((listener) => listener.count(mark));
}

describe('what is a container’s own passes', () => {
  it.each(honest)('%s', async (_, frame) => {
    const before = dropped();
    expect(await hear(frame)).toEqual([1, 1, 1]);
    expect(dropped()).toBe(before);
  });

  it('and reaches others, the host and the world', () => {
    const before = dropped();
    for (const address of [other.ipv4, other.ipv6])
      expect(ask(mallory.inside, address, 80)).toMatch(/^server/);
    expect(ask([], own.ipv6, 80)).toMatch(/^server/);
    run(...mallory.inside, 'ping', '-c1', '-W1', gateway.ipv6);
    expect(dropped()).toBe(before);
  });
});

describe('what is forged gets nowhere, and is counted', () => {
  it.each(forged)('%s', async (_, frame) => {
    const before = dropped();
    expect(await hear(frame)).toEqual([0, 0, 0]);
    expect(dropped()).toBe(before + 1);
  });

  it('nor does it once the table has been written again', async () => {
    run('nft', 'flush', 'ruleset');
    const late = await place(manager, 'late', ['guarded']);
    expect(await hear(frames.ipv4({ ...own, ipv4: other.ipv4 }))).toEqual([0, 0, 0]);
    await manager.deleteSandbox(late.id);
  });

  it('nor does it after another manager has taken over', async () => {
    await manager.close();
    manager = await NetworkManager.open(box.options());
    expect(await hear(frames.arp(2, own, { ...own, ipv4: gateway.ipv4 }, other.ipv4))).toEqual([0, 0, 0]);
    expect(await hear(frames.ipv4(own))).toEqual([1, 1, 1]);
  });
});

describe('on a network that checks nothing', () => {
  beforeAll(() => {
    const { id } = manager.network('guarded');
    manager.updateNetwork(id, { options: { 'berth.anti_spoofing': 'false' } });
  });

  it.each(forged)('%s passes', async (_, frame) => {
    expect(await hear(frame)).toEqual([1, 1, 1]);
  });
});

it('a port’s elements go with its container', async () => {
  const { id } = manager.network('guarded');
  manager.updateNetwork(id, { options: { 'berth.anti_spoofing': null } });
  const elements = () => run('nft', 'list', 'table', 'bridge', 'berth').match(/"veth/g)?.length ?? 0;
  const before = elements();
  const late = await place(manager, 'late', ['guarded']);
  expect(elements()).toBeGreaterThan(before);
  await manager.deleteSandbox(late.id);
  expect(elements()).toBe(before);
});
