import { expect, test } from 'vitest';
import { OUTSIDE_ADDRESS, eventually } from './box/index.js';
import { HOST, OUTSIDE, connects, fetches, macOf, pings, serve, setting } from './box/places.js';
import {
  ALL_NODES,
  ETHER_TYPE,
  ethernet,
  listen,
  routerAdvertisement,
  sendFrames,
} from './box/raw-frames.js';
import { EVERYTHING, FAMILIES, openAt, useSubjects } from './box/subjects.js';

const fixture = useSubjects();
const mode = (value: string) =>
  FAMILIES.flatMap((family) => ['-o', `com.docker.network.bridge.gateway_mode_${family}=${value}`]);

test('routed: published ports are open at the container, which keeps its address on its way out', async () => {
  await fixture.network('routed', 51, ...mode('routed'));
  const server = await fixture.subject('server', 'routed', '-p', '8081:8080');
  await using web = await serve(fixture.outside, 8000);
  expect(web.process.exitCode).toBeNull();
  for (const family of FAMILIES) {
    expect(await openAt(fixture.outside, server.at[family])).toEqual(['tcp 8080', 'ping']);
    expect(await connects(fixture.outside, HOST[family], 8081)).toBe(false);
    expect(await fetches(server.place, OUTSIDE[family], 8000)).toBe(server.at[family]);
  }
  await fixture.remove(['server'], ['routed']);
});

test('nat-unprotected: all ports are open to outside machines, and none to other networks', async () => {
  await fixture.network('bare', 52, ...mode('nat-unprotected'));
  await fixture.network('other', 53);
  const server = await fixture.subject('server', 'bare', '-p', '8081:8080');
  const neighbour = await fixture.subject('neighbour', 'other');
  await using web = await serve(fixture.outside, 8000);
  expect(web.process.exitCode).toBeNull();
  for (const family of FAMILIES) {
    expect(await openAt(fixture.outside, server.at[family])).toEqual(EVERYTHING);
    expect(await connects(fixture.outside, HOST[family], 8081)).toBe(true);
    expect(await openAt(neighbour.place, server.at[family])).toEqual([]);
    expect(await fetches(server.place, OUTSIDE[family], 8000)).toBe(HOST[family]);
  }
  await fixture.remove(['server', 'neighbour'], ['bare', 'other']);
});

test('neighbours at a trusted interface reach published ports at the container, and no others', async () => {
  const option = 'com.docker.network.bridge.trusted_host_interfaces=eth0';
  await fixture.network('trusting', 54, '-o', option);
  await fixture.network('other', 53);
  const server = await fixture.subject('server', 'trusting', '-p', '8081:8080');
  const neighbour = await fixture.subject('neighbour', 'other');
  for (const family of FAMILIES) {
    expect(await openAt(fixture.outside, server.at[family])).toEqual(['tcp 8080']);
    expect(await connects(fixture.outside, HOST[family], 8081)).toBe(true);
    expect(await openAt(neighbour.place, server.at[family])).toEqual([]);
  }
  await fixture.remove(['server', 'neighbour'], ['trusting', 'other']);
});

test('containers leave by the address of the host that their network names', async () => {
  const addresses = { ipv4: '198.51.100.77', ipv6: '2001:db8:9::77' } as const;
  await fixture.box.host('ip', 'addr', 'add', `${addresses.ipv4}/24`, 'dev', 'eth0');
  await fixture.box.host('ip', 'addr', 'add', `${addresses.ipv6}/64`, 'dev', 'eth0', 'nodad');
  const options = FAMILIES.flatMap((family) => [
    '-o',
    `com.docker.network.host_${family}=${addresses[family]}`,
  ]);
  await fixture.network('named', 55, ...options);
  const traveller = await fixture.subject('traveller', 'named');
  await using web = await serve(fixture.outside, 8000);
  expect(web.process.exitCode).toBeNull();
  for (const family of FAMILIES) {
    expect(await fetches(traveller.place, OUTSIDE[family], 8000)).toBe(addresses[family]);
  }
  await fixture.remove(['traveller'], ['named']);
  await fixture.box.host('ip', 'addr', 'del', `${addresses.ipv4}/24`, 'dev', 'eth0');
  await fixture.box.host('ip', 'addr', 'del', `${addresses.ipv6}/64`, 'dev', 'eth0');
});

test('isolated: the bridge has no address, and the host is out of reach', async () => {
  await fixture.network(
    'cell',
    44,
    '--internal',
    ...FAMILIES.flatMap((family) => ['-o', `com.docker.network.bridge.gateway_mode_${family}=isolated`]),
    ...['-o', 'com.docker.network.bridge.name=brcell'],
  );
  const inside = await fixture.subject('inside', 'cell');
  const sibling = await fixture.subject('sibling', 'cell');
  const shown = await fixture.box.host('ip', '-o', 'addr', 'show', 'dev', 'brcell');
  expect(shown).not.toMatch(/inet/);
  for (const family of FAMILIES) {
    expect(await openAt(sibling.place, inside.at[family])).toEqual(EVERYTHING);
    expect(await openAt(fixture.host, inside.at[family])).toEqual([]);
    expect(await pings(inside.place, family === 'ipv4' ? '10.44.0.1' : 'fd00:44::1')).toBe(false);
  }
  await fixture.remove(['inside', 'sibling'], ['cell']);
});

test('a published port takes nothing that is on its way to the same port of another machine', async () => {
  await fixture.network('one', 41);
  await fixture.network('two', 42);
  await fixture.subject('publisher', 'one', '-p', '8000:8080');
  const sibling = await fixture.subject('sibling', 'one');
  const stranger = await fixture.subject('stranger', 'two');
  await using web = await serve(fixture.outside, 8000);
  expect(web.process.exitCode).toBeNull();
  for (const family of FAMILIES) {
    expect(await fetches(fixture.outside, HOST[family], 8000, '/hostname')).toBeDefined();
    for (const { place } of [sibling, stranger]) {
      expect(await fetches(place, OUTSIDE[family], 8000)).toBe(HOST[family]);
    }
  }
  await fixture.remove(['publisher', 'sibling', 'stranger'], ['one', 'two']);
});

test('a router advertisement of a container changes nothing, on the host and its siblings', async () => {
  // Where nothing is checked at its port, so that it gets through.
  await fixture.network(
    'lax',
    56,
    '-o',
    'berth.anti_spoofing=false',
    '-o',
    'com.docker.network.bridge.name=brlax',
  );
  const rogue = await fixture.subject('rogue', 'lax');
  const sibling = await fixture.subject('sibling', 'lax');
  const places = [fixture.host, sibling.place];
  // Lifetimes count down.
  const state = async () =>
    Promise.all(
      places.flatMap((place) =>
        ['addr', 'route'].map(async (what) => {
          const { stdout } = await fixture.box.tryHost([...place, 'ip', '-6', '-o', what]);
          return stdout.replaceAll(/\d+sec/g, '');
        }),
      ),
    );
  const advertise = (text: string) =>
    sendFrames(
      rogue.place,
      'eth0',
      ethernet({
        from: rogue.at.mac,
        to: ALL_NODES.mac,
        type: ETHER_TYPE.ip6,
        payload: routerAdvertisement('fe80::bad', '2001:db8:bad::'),
        text,
      }),
    );
  const before = await state();
  await using atHost = await listen(fixture.host, 'brlax');
  await using atSibling = await listen(sibling.place, 'eth0');
  await advertise('first');
  for (const listener of [atHost, atSibling]) await eventually('it comes', () => listener.heard('first'));
  expect(await state()).toEqual(before);
  // One that is willing to listen takes it: it is a proper one.
  for (const [name, value] of [
    ['accept_ra', '2'],
    ['autoconf', '1'],
  ] as const) {
    await setting(sibling.place, `net/ipv6/conf/eth0/${name}`, value);
  }
  await advertise('second');
  await eventually('the address', async () => (await state()).some((text) => text.includes('2001:db8:bad:')));
  expect((await state()).slice(0, 2)).toEqual(before.slice(0, 2));
  await fixture.remove(['rogue', 'sibling'], ['lax']);
});

test('a network without IPv6 has no address of it anywhere', async () => {
  await fixture.box.berth('network', 'create', '-o', 'com.docker.network.bridge.name=brfour', 'four');
  const { place } = await fixture.subject('plain', 'four');
  const addresses = async (from: readonly string[]) => {
    const shown = await fixture.box.tryHost([...from, 'ip', '-6', '-o', 'addr']);
    return shown.stdout.split('\n').flatMap((line) => line.split(/\s+/)[1] ?? []);
  };
  expect(await addresses(fixture.host)).toEqual(expect.not.arrayContaining(['brfour']));
  expect((await addresses(fixture.host)).filter((link) => link.startsWith('veth'))).toEqual([]);
  expect((await addresses(place)).filter((link) => link !== 'lo')).toEqual([]);
  // Nor does it take one that is offered.
  const from = await macOf(fixture.host, 'brfour');
  await using atContainer = await listen(place, 'eth0');
  const payload = routerAdvertisement('fe80::bad', '2001:db8:bad::');
  await sendFrames(
    fixture.host,
    'brfour',
    ethernet({ from, to: ALL_NODES.mac, type: ETHER_TYPE.ip6, payload, text: 'offered' }),
  );
  await eventually('it comes', () => atContainer.heard('offered'));
  expect((await addresses(place)).filter((link) => link !== 'lo')).toEqual([]);
  expect(await pings(place, OUTSIDE_ADDRESS)).toBe(true);
  await fixture.remove(['plain'], ['four']);
});
