import { silentLogger } from '@berth/core';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Box, run } from '../box.fixture.js';
import type { FamilyRules, FirewallNetwork, FirewallPort, FirewallStation } from './elements.js';
import { Firewall } from './firewall.js';

let box: Box;
let firewall: Firewall;
beforeAll(() => void (box = new Box()));
afterAll(() => box.close());
beforeEach(() => {
  firewall = Firewall.open(silentLogger, { coexist: false });
  return () => {
    firewall.remove();
    firewall.close();
    expect(run('nft', 'list', 'ruleset')).toBe('');
  };
});

/** A table as nft lists it, elements in the order of the alphabet: theirs is the kernel's. */
const table = (family: 'inet' | 'bridge') =>
  run('nft', 'list', 'table', family, 'berth').replace(/(?<=elements = \{ )[^}]+(?= \})/g, (elements) =>
    elements.split(/,\s+/).sort().join(',\n\t\t\t     '),
  ) + '\n';
const elementsOf = (set: string) => {
  const [, elements = ''] =
    new RegExp(`(?:set|map) ${set} \\{[^{}]*elements = \\{ ([^}]+) \\}`).exec(table('inet')) ?? [];
  return elements === '' ? [] : elements.split(/,\s+/);
};

const masqueraded: FamilyRules = { masquerade: true, routed: false, unprotected: false };
const nothing: FamilyRules = { ...masqueraded, masquerade: false };
const network = (bridge: string, rest: Partial<FirewallNetwork> = {}): FirewallNetwork => ({
  bridge,
  internal: false,
  icc: true,
  ipv4: masqueraded,
  ipv6: nothing,
  trusted: [],
  ...rest,
});
const port = (hostPort: number, rest: Partial<FirewallPort> = {}): FirewallPort => ({
  protocol: 'tcp',
  hostPort,
  address: '172.17.0.2',
  port: 80,
  count: 1,
  ...rest,
});
const networks = [
  network('berth0'),
  network('br-six', { ipv6: masqueraded }),
  network('br-apart', { icc: false }),
  network('br-hidden', { internal: true, ipv4: nothing }),
  network('br-plain', { ipv4: nothing }),
  network('br-routed', {
    ipv4: { ...nothing, routed: true },
    ipv6: { ...nothing, routed: true },
    trusted: ['wg0'],
  }),
  network('br-open', {
    ipv4: { ...masqueraded, unprotected: true },
    ipv6: { ...masqueraded, unprotected: true },
  }),
  network('br-source', {
    ipv4: { ...masqueraded, source: '198.51.100.7' },
    ipv6: { ...masqueraded, source: '2001:db8::7' },
  }),
];
const six = 'fd00:1::2';
const openings = {
  ports: [
    port(8081),
    port(8081, { protocol: 'udp' }),
    port(8082, { hostAddress: '127.0.0.1' }),
    port(9000, { port: 9000, count: 1000 }),
    port(7000, { port: 7000, count: 10, protocol: 'udp', hostAddress: '198.51.100.1' }),
    port(6000, { port: 5000, count: 3 }),
    port(8081, { address: six }),
    port(8082, { address: six, hostAddress: '::1' }),
    port(9000, { port: 9000, count: 1000, address: six }),
    port(7000, { port: 7000, count: 10, address: six, hostAddress: '2001:db8::1' }),
    port(6000, { port: 5000, count: 3, protocol: 'sctp', address: six }),
  ],
  services: [
    { address: '172.21.0.2', protocol: 'tcp' as const, port: 80, count: 1 },
    { address: '172.21.0.2', protocol: 'udp' as const, port: 5000, count: 100 },
    { address: 'fd00:2::2', protocol: 'tcp' as const, port: 80, count: 1 },
  ],
};
const stations: FirewallStation[] = [
  { link: 'veth1111111', macAddress: '02:42:ac:11:00:02', addresses: ['172.17.0.2'] },
  {
    link: 'veth2222222',
    macAddress: '02:42:ac:12:00:02',
    addresses: ['172.18.0.2', six, '169.254.9.9', 'fe80::42:acff:fe12:2'],
  },
];
const closed = { ports: [], services: [] };

function fill(): void {
  for (const each of networks) firewall.addNetwork(each);
  firewall.change(closed, openings);
  for (const station of stations) firewall.addStation(station);
}

describe('the tables', () => {
  it('are those that docs/firewall.md walks through', async () => {
    fill();
    firewall.write();
    await expect(table('inet')).toMatchFileSnapshot('firewall.golden');
    await expect(table('bridge')).toMatchFileSnapshot('stations.golden');
  });

  it('are the same whether written as a whole or changed one by one, and empty after all has gone', () => {
    firewall.write();
    const empty = [table('inet'), table('bridge')];
    fill();
    const changed = [table('inet'), table('bridge')];
    firewall.write();
    expect([table('inet'), table('bridge')]).toEqual(changed);
    firewall.change(openings, closed);
    for (const { link } of stations) firewall.removeStation(link);
    for (const { bridge } of networks) firewall.removeNetwork(bridge);
    expect([table('inet'), table('bridge')]).toEqual(empty);
  });

  it('forget what is not there without a word', () => {
    firewall.write();
    firewall.removeNetwork('br-none');
    firewall.removeStation('veth0000000');
    firewall.change(openings, closed);
    expect(elementsOf('published')).toEqual([]);
  });

  it('mark what passes, and come before those of others, where they have to get along with these', () => {
    firewall.close();
    firewall = Firewall.open(silentLogger, { coexist: true });
    firewall.write();
    const text = table('inet');
    expect(text).toContain('hook forward priority filter - 1');
    expect(text).toMatch(/ct status dnat meta mark set (meta mark \| )?0x0b000000.* accept/);
    expect(text).not.toMatch(/\bct status dnat accept/);
  });
});

describe('a change', () => {
  it('leads a port elsewhere, keeps another that is in both, and opens more', () => {
    firewall.write();
    firewall.change(closed, { ports: [port(8081), port(8082)], services: [] });
    const next = [port(8081, { address: '172.17.0.9' }), port(8082), port(8083)];
    firewall.change({ ports: [port(8081), port(8082)], services: [] }, { ports: next, services: [] });
    expect(elementsOf('published')).toEqual([
      'tcp . 8081 : 172.17.0.9 . 80',
      'tcp . 8082 : 172.17.0.2 . 80',
      'tcp . 8083 : 172.17.0.2 . 80',
    ]);
  });

  it('replaces a network’s and a station’s elements', () => {
    firewall.write();
    firewall.addNetwork(network('br-one'));
    firewall.addNetwork(network('br-one', { internal: true, ipv4: nothing, icc: false }));
    expect(elementsOf('internal')).toEqual(['"br-one"']);
    expect(elementsOf('masqueraded')).toEqual([]);
    expect(elementsOf('siblings')).toEqual([]);
    const [station] = stations;
    if (station === undefined) return;
    firewall.addStation(station);
    firewall.addStation({ ...station, addresses: ['172.17.0.3'] });
    expect(table('bridge')).toContain('elements = { "veth1111111" . 02:42:ac:11:00:02 . 172.17.0.3 }');
  });

  it('that the kernel refuses changes nothing, here or there', () => {
    firewall.write();
    firewall.change(closed, { ports: [port(9000, { port: 9000, count: 10 })], services: [] });
    const before = table('inet');
    const clash = { ports: [port(8081), port(9005, { port: 9005, count: 10 })], services: [] };
    expect(() => firewall.change(closed, clash)).toThrow();
    firewall.write();
    expect(table('inet')).toBe(before);
  });

  it('of ten thousand neighbouring ports is one element', () => {
    firewall.write();
    const range = port(20_000, { port: 20_000, count: 10_000 });
    firewall.change(closed, { ports: [range], services: [] });
    expect(elementsOf('ranges')).toEqual(['tcp . 20000-29999 : 172.17.0.2']);
    firewall.change({ ports: [range], services: [] }, closed);
    expect(elementsOf('ranges')).toEqual([]);
  });
});

it('takes what was said before it is written for the first time', () => {
  fill();
  expect(run('nft', 'list', 'ruleset')).toBe('');
  firewall.write();
  expect(elementsOf('bridges')).toHaveLength(networks.length);
});
