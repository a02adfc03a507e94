import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventually } from './box/index.js';
import { OUTSIDE, connects, fetches, macOf, pings } from './box/places.js';
import {
  ALL_NODES,
  BROADCAST,
  ETHER_TYPE,
  arp,
  ethernet,
  listen,
  neighbourAdvertisement,
  routerAdvertisement,
  sendFrames,
  tagged,
  udp,
  type Ethernet,
} from './box/raw-frames.js';
import { FAMILIES, useSubjects, type Subject } from './box/subjects.js';

const fixture = useSubjects();

/** Who is on the bridge `brsea`. */
interface Cast {
  readonly rogue: Subject;
  readonly victim: Subject;
  readonly gateway: { readonly mac: string; readonly ipv4: string; readonly ipv6: string };
}
type Forgery = (cast: Cast) => Omit<Ethernet, 'to' | 'text'>;

const NOBODY = { mac: '02:00:00:00:be:ef', ipv4: '10.61.0.99', ipv6: 'fd00:61::99' } as const;
const PORTS = [5000, 5001] as const;

const ipv4 = (from: string, to: string, mac: string, ports: readonly [number, number] = PORTS) => ({
  from: mac,
  type: ETHER_TYPE.ip,
  payload: udp(from, to, ports, 'text'),
});
const ipv6 = (from: string, to: string, mac: string, ports: readonly [number, number] = PORTS) => ({
  ...ipv4(from, to, mac, ports),
  type: ETHER_TYPE.ip6,
});
/** That an address is at the sender. */
const claim = (mac: string, address: string, to: readonly [string, string]) => ({
  from: mac,
  type: ETHER_TYPE.arp,
  payload: arp({ operation: 'reply', sender: [mac, address], target: to }),
});
const discovery = (mac: string, payload: Buffer) => ({ from: mac, type: ETHER_TYPE.ip6, payload });

const FORGERIES: Readonly<Record<string, Forgery>> = {
  'another source MAC': ({ rogue, victim }) => ipv4(rogue.at.ipv4, victim.at.ipv4, NOBODY.mac),
  'another source MAC, with IPv6': ({ rogue, victim }) => ipv6(rogue.at.ipv6, victim.at.ipv6, NOBODY.mac),
  "the gateway's MAC": ({ rogue, victim, gateway }) => ipv4(rogue.at.ipv4, victim.at.ipv4, gateway.mac),
  'an unknown protocol from another MAC': () => ({
    from: NOBODY.mac,
    type: 0x88b5,
    payload: Buffer.alloc(46),
  }),
  'another source IPv4 address': ({ rogue, victim }) => ipv4(NOBODY.ipv4, victim.at.ipv4, rogue.at.mac),
  "a sibling's IPv4 address": ({ rogue, victim, gateway }) =>
    ipv4(victim.at.ipv4, gateway.ipv4, rogue.at.mac),
  'another source IPv6 address': ({ rogue, victim }) => ipv6(NOBODY.ipv6, victim.at.ipv6, rogue.at.mac),
  "a sibling's IPv6 address": ({ rogue, victim, gateway }) =>
    ipv6(victim.at.ipv6, gateway.ipv6, rogue.at.mac),
  'an ARP reply for the gateway': ({ rogue, victim, gateway }) =>
    claim(rogue.at.mac, gateway.ipv4, [victim.at.mac, victim.at.ipv4]),
  'an ARP reply for a sibling': ({ rogue, victim, gateway }) =>
    claim(rogue.at.mac, victim.at.ipv4, [gateway.mac, gateway.ipv4]),
  'an ARP reply of another MAC': ({ rogue, victim }) => ({
    ...claim(NOBODY.mac, rogue.at.ipv4, [victim.at.mac, victim.at.ipv4]),
    from: rogue.at.mac,
  }),
  'a gratuitous ARP for the gateway': ({ rogue, gateway }) => ({
    from: rogue.at.mac,
    type: ETHER_TYPE.arp,
    payload: arp({
      operation: 'request',
      sender: [rogue.at.mac, gateway.ipv4],
      target: ['00:00:00:00:00:00', gateway.ipv4],
    }),
  }),
  'a neighbour advertisement for the gateway': ({ rogue, victim, gateway }) => {
    const { mac, ipv6: from } = rogue.at;
    return discovery(mac, neighbourAdvertisement(from, victim.at.ipv6, gateway.ipv6, mac));
  },
  'a neighbour advertisement for a sibling': ({ rogue, victim, gateway }) => {
    const { mac, ipv6: from } = rogue.at;
    return discovery(mac, neighbourAdvertisement(from, gateway.ipv6, victim.at.ipv6, mac));
  },
  'a neighbour advertisement from the gateway': ({ rogue, gateway }) =>
    discovery(rogue.at.mac, neighbourAdvertisement(gateway.ipv6, ALL_NODES.ip, gateway.ipv6, rogue.at.mac)),
  'a router advertisement': ({ rogue }) =>
    discovery(rogue.at.mac, routerAdvertisement(rogue.at.ipv6, '2001:db8:bad::')),
  'a VLAN-tagged frame': ({ rogue, victim }) => ({
    from: rogue.at.mac,
    type: ETHER_TYPE.vlan,
    payload: tagged(7, ETHER_TYPE.ip, udp(rogue.at.ipv4, victim.at.ipv4, PORTS, 'text')),
  }),
  'a doubly tagged frame': ({ rogue, victim }) => ({
    from: rogue.at.mac,
    type: ETHER_TYPE.vlanOuter,
    payload: tagged(
      7,
      ETHER_TYPE.vlan,
      tagged(8, ETHER_TYPE.ip, udp(rogue.at.ipv4, victim.at.ipv4, PORTS, 'text')),
    ),
  }),
  'a DHCP offer': ({ rogue }) => ipv4(rogue.at.ipv4, '255.255.255.255', rogue.at.mac, [67, 68]),
  'a DHCPv6 advertisement': ({ rogue, victim }) =>
    ipv6(rogue.at.ipv6, victim.at.ipv6, rogue.at.mac, [547, 546]),
};

function forgeryOf(name: string): Forgery {
  const forgery = FORGERIES[name];
  if (forgery === undefined) throw new Error(`no forgery is called ${name}`);
  return forgery;
}

/** How many frames were dropped so far. */
async function forged(): Promise<number> {
  const shown = await fixture.box.host('nft', 'list', 'counter', 'bridge', 'berth', 'forged');
  return Number(/packets (\d+)/.exec(shown)?.[1]);
}

async function castOf(network: string, bridge: string): Promise<Cast> {
  return {
    rogue: await fixture.subject('rogue', network),
    victim: await fixture.subject('victim', network, '-p', '8081:8080'),
    gateway: { mac: await macOf(fixture.host, bridge), ipv4: '10.61.0.1', ipv6: 'fd00:61::1' },
  };
}

let frameNumber = 0;

/** Sends a frame to all, the victim and the host, then an honest one; answers who got the first. */
async function attempt(cast: Cast, bridge: string, forgery: Forgery): Promise<string[]> {
  await using atVictim = await listen(cast.victim.place, 'eth0');
  await using atHost = await listen(fixture.host, bridge);
  frameNumber += 1;
  const text = `forged ${frameNumber}!`;
  const honest = {
    ...ipv4(cast.rogue.at.ipv4, cast.victim.at.ipv4, cast.rogue.at.mac),
    text: `honest ${frameNumber}!`,
  };
  await sendFrames(
    cast.rogue.place,
    'eth0',
    ...[BROADCAST, cast.victim.at.mac, cast.gateway.mac].map((to) =>
      ethernet({ ...forgery(cast), to, text }),
    ),
    ethernet({ ...honest, to: BROADCAST }),
  );
  // Frames of one link stay in order: what has not come before the honest one never does.
  await eventually('the honest frame', () => atVictim.heard(honest.text) && atHost.heard(honest.text));
  return [...(atVictim.heard(text) ? ['victim'] : []), ...(atHost.heard(text) ? ['host'] : [])];
}

const named = (bridge: string) => ['-o', `com.docker.network.bridge.name=${bridge}`];

describe('by default', () => {
  let cast: Cast;
  beforeAll(async () => {
    await fixture.network('sea', 61, ...named('brsea'));
    cast = await castOf('sea', 'brsea');
  });
  afterAll(() => fixture.remove(['rogue', 'victim'], ['sea']));

  test.each(Object.keys(FORGERIES))('nobody gets %s, and it is counted', async (name) => {
    const before = await forged();
    expect(await attempt(cast, 'brsea', forgeryOf(name))).toEqual([]);
    expect(await forged()).toBe(before + 3);
  });

  test('honest traffic goes on, and nobody is led astray', async () => {
    const before = await forged();
    for (const family of FAMILIES) {
      expect(await pings(cast.rogue.place, cast.victim.at[family])).toBe(true);
      expect(await pings(cast.victim.place, cast.rogue.at[family])).toBe(true);
      expect(await pings(cast.rogue.place, OUTSIDE[family])).toBe(true);
      expect(await pings(cast.rogue.place, cast.gateway[family])).toBe(true);
      expect(await connects(cast.rogue.place, cast.victim.at[family], 8080)).toBe(true);
    }
    expect(await fetches(fixture.outside, '198.51.100.1', 8081, '/hostname')).toBeDefined();
    expect(await forged()).toBe(before);
    const neighbours = async (place: readonly string[]) =>
      (await fixture.box.tryHost([...place, 'ip', 'neigh', 'show'])).stdout
        .split('\n')
        .filter((line) => line.includes('lladdr') && !line.startsWith('fe80'));
    for (const line of await neighbours(cast.victim.place)) {
      const rogues = line.startsWith(`${cast.rogue.at.ipv4} `) || line.startsWith(`${cast.rogue.at.ipv6} `);
      expect(line).toContain(rogues ? cast.rogue.at.mac : cast.gateway.mac);
    }
  });

  test('a network is told to let forgeries pass, and to stop them again, while it is in use', async () => {
    const forgery = forgeryOf('another source IPv4 address');
    await fixture.box.berth('network', 'update', '--anti-spoofing=false', 'sea');
    const before = await forged();
    expect(await attempt(cast, 'brsea', forgery)).toEqual(['victim', 'host']);
    expect(await forged()).toBe(before);
    await fixture.box.berth('network', 'update', '--anti-spoofing=true', 'sea');
    expect(await attempt(cast, 'brsea', forgery)).toEqual([]);
    expect(await forged()).toBe(before + 3);
    expect(await pings(cast.rogue.place, cast.victim.at.ipv4)).toBe(true);
  });

  test('forgeries are stopped after the tables were flushed and anything was changed', async () => {
    await fixture.box.host('nft', 'flush', 'ruleset');
    await fixture.box.berth('run', '--rm', '--network', 'sea', 'busybox', 'true');
    for (const name of ['another source MAC', 'an ARP reply for the gateway', 'a router advertisement']) {
      expect([name, await attempt(cast, 'brsea', forgeryOf(name))]).toEqual([name, []]);
    }
  });
});

test('berth.anti_spoofing=false lets all of them pass', async () => {
  await fixture.network('lax', 61, ...named('brlax'), '-o', 'berth.anti_spoofing=false');
  const cast = await castOf('lax', 'brlax');
  const before = await forged();
  for (const [name, forgery] of Object.entries(FORGERIES)) {
    // What claims to come from the bridge itself is dropped by the bridge.
    if (name === "the gateway's MAC") continue;
    expect([name, await attempt(cast, 'brlax', forgery)]).toEqual([name, ['victim', 'host']]);
  }
  expect(await forged()).toBe(before);
  await fixture.remove(['rogue', 'victim'], ['lax']);
});

test('without communication among containers not even frames of an unknown protocol pass', async () => {
  await fixture.network('quiet', 61, ...named('brquiet'), '-o', 'com.docker.network.bridge.enable_icc=false');
  const { rogue, victim } = await castOf('quiet', 'brquiet');
  await using atVictim = await listen(victim.place, 'eth0');
  await using atHost = await listen(fixture.host, 'brquiet');
  const text = 'between siblings';
  const frames = [
    { from: rogue.at.mac, type: 0x88b5, payload: Buffer.alloc(46) },
    ipv4(rogue.at.ipv4, victim.at.ipv4, rogue.at.mac),
    ipv6(rogue.at.ipv6, victim.at.ipv6, rogue.at.mac),
    claim(rogue.at.mac, rogue.at.ipv4, [victim.at.mac, victim.at.ipv4]),
  ].flatMap((frame) => [victim.at.mac, BROADCAST].map((to) => ethernet({ ...frame, to, text })));
  await sendFrames(rogue.place, 'eth0', ...frames);
  await eventually('the broadcasts', () => atHost.frames.filter((frame) => frame.includes(text)).length >= 4);
  expect(await pings(victim.place, '10.61.0.1')).toBe(true);
  expect(atVictim.heard(text)).toBe(false);
  await fixture.remove(['rogue', 'victim'], ['quiet']);
});
