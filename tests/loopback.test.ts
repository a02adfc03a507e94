import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { HOST_ADDRESS, OUTSIDE_ADDRESS, eventually } from './box/index.js';
import { HOST, OUTSIDE_ADDRESS6, connects, fetches, macOf, serve, setting } from './box/places.js';
import { ETHER_TYPE, PROTOCOL, TCP, ethernet, listen, sendFrames, tcp } from './box/raw-frames.js';
import { FAMILIES, openAt, useSubjects, type Subject } from './box/subjects.js';

const fixture = useSubjects();
const berth = (...args: string[]) => fixture.box.berth(...args);

describe('a port published on a loopback address', () => {
  let server: Subject;
  let frames: { readonly ipv4: Buffer; readonly ipv6: Buffer; readonly container: Buffer };
  beforeAll(async () => {
    await fixture.network('one', 41);
    server = await fixture.subject('server', 'one', '-p', '127.0.0.1:8081:8080', '-p', '[::1]:8081:8080');
    const to = await macOf(fixture.host, 'eth0');
    const from = await macOf(fixture.outside, 'eth0');
    frames = {
      ipv4: ethernet({
        from,
        to,
        type: ETHER_TYPE.ip,
        payload: tcp(OUTSIDE_ADDRESS, '127.0.0.1', [4001, 8081], TCP.syn),
      }),
      ipv6: ethernet({
        from,
        to,
        type: ETHER_TYPE.ip6,
        payload: tcp(OUTSIDE_ADDRESS6, '::1', [4001, 8081], TCP.syn),
      }),
      container: ethernet({
        from,
        to,
        type: ETHER_TYPE.ip,
        payload: tcp(OUTSIDE_ADDRESS, server.at.ipv4, [4001, 8080], TCP.syn),
      }),
    };
  });
  afterAll(() => fixture.remove(['server'], ['one']));

  test.each([
    ['as it was', '0', false],
    ['with route_localnet', '1', false],
    ['after the table was flushed and anything was changed', '1', true],
  ] as const)(
    'is closed to a neighbour that sends frames for it to the host: %s',
    async (_, value, flush) => {
      if (flush) {
        await fixture.box.host('nft', 'flush', 'ruleset');
        await berth('run', '--rm', 'busybox', 'true');
      }
      await setting(fixture.host, 'net/ipv4/conf/eth0/route_localnet', value);
      try {
        await using atContainer = await listen(server.place, 'eth0');
        await using atNeighbour = await listen(fixture.outside, 'eth0');
        await sendFrames(fixture.outside, 'eth0', frames.ipv4, frames.ipv6, frames.container);
        // A connection that is let in is seen by both listeners, which tells that they are not too late.
        expect(await fetches(fixture.host, '127.0.0.1', 8081, '/hostname')).toBeDefined();
        await eventually('the host is heard', () => atContainer.frames.length > 0);
        expect(await connects(fixture.outside, HOST_ADDRESS, 8081)).toBe(false);
        expect(atContainer.frames.filter((frame) => mentions(frame, 4001))).toEqual([]);
        expect(atNeighbour.frames.filter(acceptsConnection)).toEqual([]);
      } finally {
        await setting(fixture.host, 'net/ipv4/conf/eth0/route_localnet', '0');
      }
    },
  );

  test.each(FAMILIES)('is closed at the addresses of host and container: %s', async (family) => {
    expect(await connects(fixture.outside, HOST[family], 8081)).toBe(false);
    expect(await openAt(fixture.outside, server.at[family])).toEqual([]);
  });

  test('is closed to containers that send frames for it to their gateway, as all of the host behind loopback is', async () => {
    await fixture.network('two', 42);
    await using ofHost = await serve(fixture.host, 8000);
    expect(ofHost.process.exitCode).toBeNull();
    for (const network of ['one', 'two']) {
      const rogue = await fixture.subject('rogue', network);
      const shown = await fixture.box.tryHost([...rogue.place, 'ip', 'route', 'show', 'default']);
      const gateway = /via (\S+)/.exec(shown.stdout)?.[1] ?? '';
      expect(await connects(rogue.place, gateway, 8000)).toBe(true);
      const neighbour = await fixture.box.tryHost([...rogue.place, 'ip', 'neigh', 'show', gateway]);
      const to = /lladdr (\S+)/.exec(neighbour.stdout)?.[1] ?? '';
      await using atServer = await listen(server.place, 'eth0');
      await using atRogue = await listen(rogue.place, 'eth0');
      const { mac: from, ipv4, ipv6 } = rogue.at;
      const attempts = [8000, 8081].flatMap((port) => [
        { type: ETHER_TYPE.ip, payload: tcp(ipv4, '127.0.0.1', [4001, port], TCP.syn) },
        { type: ETHER_TYPE.ip6, payload: tcp(ipv6, '::1', [4001, port], TCP.syn) },
      ]);
      // An honest attempt at the end is answered.
      const honest = { type: ETHER_TYPE.ip, payload: tcp(ipv4, gateway, [4002, 8000], TCP.syn) };
      const frames = [...attempts, honest].map((attempt) => ethernet({ from, to, ...attempt }));
      await sendFrames(rogue.place, 'eth0', ...frames);
      await eventually('the answer', () => atRogue.frames.some(acceptsConnection));
      expect(atRogue.frames.filter(acceptsConnection).filter((frame) => mentions(frame, 4001))).toEqual([]);
      expect(atServer.frames.filter((frame) => mentions(frame, 4001))).toEqual([]);
      await berth('rm', '-f', 'rogue');
    }
    await berth('network', 'rm', 'two');
  });
});

/** Whether a frame has both flags, SYN and ACK (RFC 9293, section 3.1), in a TCP header without options before it. */
function acceptsConnection(frame: Buffer): boolean {
  const [protocol, flags] =
    frame.readUInt16BE(12) === ETHER_TYPE.ip ? [frame[23], frame[47]] : [frame[20], frame[67]];
  return protocol === PROTOCOL.tcp && ((flags ?? 0) & 0x12) === 0x12;
}

/** Whether a port's number is in what follows the Ethernet and the shortest IP header. */
function mentions(frame: Buffer, port: number): boolean {
  return frame.subarray(34).includes(Buffer.from([port >> 8, port & 0xff]));
}
