import { beforeAll, expect, test } from 'vitest';
import { eventually, type BoxedDaemon } from './box/index.js';
import { HOST, OUTSIDE, connects, macOf, type Place } from './box/places.js';
import {
  ETHER_TYPE,
  PROTOCOL,
  TCP,
  ethernet,
  listen,
  packet,
  sendFrames,
  tcp,
  udp,
} from './box/raw-frames.js';
import { FAMILIES, useSubjects, type Subject } from './box/subjects.js';

// What is closed stays so while something changes: frames are sent all the time, and none may get in.
const fixture = useSubjects();
const TEXT = 'a packet of the flood';

let links: { readonly from: string; readonly to: string };
beforeAll(async () => {
  links = { from: await macOf(fixture.outside, 'eth0'), to: await macOf(fixture.host, 'eth0') };
});

/** What an outside machine sends to a container, in both families. */
const floodFor = ({ at }: Subject): Buffer[] =>
  FAMILIES.flatMap((family) => {
    const [from, to] = [OUTSIDE[family], at[family]];
    const type = family === 'ipv4' ? ETHER_TYPE.ip : ETHER_TYPE.ip6;
    return [
      tcp(from, to, [4001, 8080], TCP.syn, TEXT),
      tcp(from, to, [4001, 8090], TCP.syn, TEXT),
      udp(from, to, [4001, 8080], TEXT),
      packet(from, to, PROTOCOL.icmp, Buffer.from(TEXT)),
    ].map((payload) => ethernet({ ...links, type, payload }));
  });

/** Runs `change` while frames are sent; answers how many were. */
async function underFire(
  place: Place,
  frames: readonly Buffer[],
  change: () => Promise<void>,
): Promise<number> {
  let over = false;
  let sent = 0;
  const fire = async () => {
    const many = Array.from({ length: 20 }, () => frames).flat();
    while (!over) {
      await sendFrames(place, 'eth0', ...many);
      sent += many.length;
    }
  };
  const firing = fire();
  try {
    await change();
  } finally {
    over = true;
    await firing;
  }
  return sent;
}

const away: Readonly<Record<string, (daemon: BoxedDaemon) => Promise<void>>> = {
  stops: (daemon) => daemon.stop(),
  crashes: (daemon) => daemon.crash(),
};

let daemon: BoxedDaemon | undefined;
test.each(Object.keys(away))('nothing gets in while the daemon %s, and starts again', async (way) => {
  await fixture.network('one', 41);
  const server = await fixture.subject('server', 'one', '-p', '8081:8080', '-p', '127.0.0.1:8082:8090');
  await using atServer = await listen(server.place, 'eth0');
  const sent = await underFire(fixture.outside, floodFor(server), async () => {
    await away[way]?.(daemon ?? fixture.daemon);
    daemon = await fixture.box.startDaemon();
    await fixture.box.berth('run', '--rm', '--network', 'one', 'busybox', 'true');
  });
  expect(sent).toBeGreaterThan(100);
  for (const family of FAMILIES) expect(await connects(fixture.outside, HOST[family], 8081)).toBe(true);
  await eventually('the connection', () => atServer.frames.length > 0);
  expect(atServer.heard(TEXT)).toBe(false);
  // The flood would have been heard: without the table it is.
  await fixture.box.host('nft', 'delete', 'table', 'inet', 'berth');
  await sendFrames(fixture.outside, 'eth0', ...floodFor(server));
  await eventually('the flood', () => atServer.heard(TEXT));
  await fixture.remove(['server'], ['one']);
});

test('nothing gets in while networks, ports and containers come and go', async () => {
  await fixture.network('one', 41);
  await fixture.network('two', 42);
  const server = await fixture.subject('server', 'one', '-p', '8081:8080');
  await using atServer = await listen(server.place, 'eth0');
  const sent = await underFire(fixture.outside, floodFor(server), async () => {
    await fixture.network('three', 43);
    await fixture.box.berth(
      'run',
      '-d',
      '--name',
      'other',
      '--network',
      'three',
      '-p',
      '8085:80',
      'busybox',
      'sleep',
      '600',
    );
    await fixture.box.berth('network', 'connect', 'two', 'server');
    await fixture.box.berth('network', 'disconnect', 'two', 'server');
    await fixture.remove(['other'], ['three']);
    await fixture.remove(['server'], ['one', 'two']);
  });
  expect(sent).toBeGreaterThan(100);
  expect(atServer.frames.length).toBeGreaterThan(0);
  expect(atServer.heard(TEXT)).toBe(false);
});

test('nothing gets in between the network of a container and the container of another', async () => {
  await fixture.network('one', 41);
  await fixture.network('two', 42, '-o', 'com.docker.network.bridge.name=brtwo');
  const server = await fixture.subject('server', 'one', '-p', '8081:8080');
  const neighbour = await fixture.subject('neighbour', 'two');
  await using atServer = await listen(server.place, 'eth0');
  const gateway = await macOf(fixture.host, 'brtwo');
  const frames = FAMILIES.map((family) =>
    ethernet({
      from: neighbour.at.mac,
      to: gateway,
      type: family === 'ipv4' ? ETHER_TYPE.ip : ETHER_TYPE.ip6,
      payload: udp(neighbour.at[family], server.at[family], [4001, 8080], TEXT),
    }),
  );
  const sent = await underFire(neighbour.place, frames, async () => {
    await (daemon ?? fixture.daemon).crash();
    daemon = await fixture.box.startDaemon();
    await fixture.box.berth('network', 'update', '--icc=false', 'two');
    await fixture.remove(['server'], ['one']);
  });
  expect(sent).toBeGreaterThan(100);
  expect(atServer.heard(TEXT)).toBe(false);
  await fixture.remove(['neighbour'], ['two']);
});
