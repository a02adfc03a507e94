import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { HOST_ADDRESS, OUTSIDE_ADDRESS, eventually } from './box/index.js';
import {
  HOST,
  OUTSIDE,
  OUTSIDE_ADDRESS6,
  connects,
  fetches,
  macOf,
  pings,
  serve,
  setting,
} from './box/places.js';
import {
  ETHER_TYPE,
  TCP,
  echoReply,
  ethernet,
  listen,
  packet,
  sendFrames,
  tcp,
  udp,
} from './box/raw-frames.js';
import { EVERYTHING, FAMILIES, openAt, useSubjects, type Subject } from './box/subjects.js';

const fixture = useSubjects();
const berth = (...args: string[]) => fixture.box.berth(...args);

describe('from outside', () => {
  let server: Subject;
  beforeAll(async () => {
    await fixture.network('one', 41);
    server = await fixture.subject('server', 'one', '-p', '8081:8080');
  });
  afterAll(async () => {
    await fixture.remove(['server'], ['one']);
  });

  test.each(FAMILIES)(
    'containers are closed at their own addresses, published ports too: %s',
    async (family) => {
      expect(await openAt(fixture.host, server.at[family])).toEqual(EVERYTHING);
      expect(await openAt(fixture.outside, server.at[family])).toEqual([]);
      expect(await connects(fixture.outside, HOST[family], 8081)).toBe(true);
      expect(await connects(fixture.outside, HOST[family], 8090)).toBe(false);
    },
  );

  test.each(FAMILIES)(
    'packets of no protocol get in, whatever they claim to belong to: %s',
    async (family) => {
      const [from, to] = [OUTSIDE[family], server.at[family]];
      const text = 'a stray packet';
      // Segments of a connection that was never made, an answer to an echo never sent, and protocols without ports: GRE,
      // and one for experiments (RFC 3692).
      const packets = [
        ...[TCP.ack, TCP.syn | TCP.ack, TCP.fin | TCP.ack, TCP.rst].map((flags) =>
          tcp(from, to, [8080, 8080], flags, text),
        ),
        echoReply(from, to, text),
        udp(from, to, [53, 8080], text),
        ...[47, 253].map((protocol) => packet(from, to, protocol, Buffer.from(text))),
      ];
      const link = { from: await macOf(fixture.outside, 'eth0'), to: await macOf(fixture.host, 'eth0') };
      const type = family === 'ipv4' ? ETHER_TYPE.ip : ETHER_TYPE.ip6;
      await using atServer = await listen(server.place, 'eth0');
      const frames = packets.map((payload) => ethernet({ ...link, type, payload }));
      await sendFrames(fixture.outside, 'eth0', ...frames);
      expect(await connects(fixture.outside, HOST[family], 8081)).toBe(true);
      await eventually('the connection', () => atServer.frames.length > 0);
      expect(atServer.heard(text)).toBe(false);
    },
  );

  test.each(FAMILIES)('nothing opens when the host forwards and other tables accept: %s', async (family) => {
    await setting(fixture.host, 'net/ipv4/ip_forward', '1');
    await setting(fixture.host, 'net/ipv6/conf/all/forwarding', '1');
    const chain = (priority: number) =>
      `chain f${priority + 100} {\ntype filter hook forward priority ${priority}; policy accept\naccept\n}\n`;
    await fixture.box.host('nft', `table inet open {\n${chain(-50)}${chain(0)}${chain(50)}}`);
    try {
      expect(await openAt(fixture.outside, server.at[family])).toEqual([]);
    } finally {
      await fixture.box.host('nft', 'delete', 'table', 'inet', 'open');
    }
  });

  test('the same holds after the table was flushed and anything was changed', async () => {
    await fixture.box.host('nft', 'flush', 'ruleset');
    await berth('run', '--rm', '--network', 'one', 'busybox', 'true');
    for (const family of FAMILIES) {
      expect(await openAt(fixture.outside, server.at[family])).toEqual([]);
      expect(await connects(fixture.outside, HOST[family], 8081)).toBe(true);
    }
  });
});

describe('between networks', () => {
  let left: Subject;
  let right: Subject;
  beforeAll(async () => {
    await fixture.network('one', 41);
    await fixture.network('two', 42);
    left = await fixture.subject('left', 'one', '-p', '8081:8080');
    right = await fixture.subject('right', 'two', '-p', '8082:8080');
  });
  afterAll(async () => {
    await fixture.remove(['left', 'right'], ['one', 'two']);
  });

  test.each(FAMILIES)('nothing passes but by published ports of the host: %s', async (family) => {
    for (const [from, to, port] of [
      [left, right, 8082],
      [right, left, 8081],
    ] as const) {
      expect(await openAt(from.place, to.at[family])).toEqual([]);
      expect(await connects(from.place, HOST[family], port)).toBe(true);
    }
  });

  test('nothing passes after the table was flushed and anything was changed', async () => {
    await fixture.box.host('nft', 'flush', 'ruleset');
    await berth('network', 'create', 'three');
    await berth('network', 'rm', 'three');
    for (const family of FAMILIES) expect(await openAt(left.place, right.at[family])).toEqual([]);
  });
});

describe('an internal network', () => {
  let inside: Subject;
  let sibling: Subject;
  beforeAll(async () => {
    await fixture.network('sealed', 43, '--internal');
    inside = await fixture.subject('inside', 'sealed', '-p', '8083:8080');
    sibling = await fixture.subject('sibling', 'sealed');
    await fixture.network('one', 41);
    await fixture.subject('elsewhere', 'one', '-p', '8084:8080');
  });
  afterAll(async () => {
    await fixture.remove(['inside', 'sibling', 'elsewhere'], ['sealed', 'one']);
  });

  test.each(FAMILIES)('lets nothing out and nothing in, published or not: %s', async (family) => {
    const gateway = family === 'ipv4' ? '10.43.0.1' : 'fd00:43::1';
    const version = family === 'ipv4' ? '-4' : '-6';
    expect(await openAt(sibling.place, inside.at[family])).toEqual(EVERYTHING);
    await using server = await serve(fixture.outside, 8000);
    expect(server.process.exitCode).toBeNull();
    expect(await fetches(fixture.host, OUTSIDE[family], 8000)).toBe(HOST[family]);
    const ip = (...args: string[]) => fixture.box.tryHost([...inside.place, 'ip', version, 'route', ...args]);
    expect((await ip('show', 'default')).stdout).toBe('');
    // With a route of its own making too.
    expect((await ip('add', 'default', 'via', gateway)).status).toBe(0);
    expect(await connects(inside.place, OUTSIDE[family], 8000)).toBe(false);
    expect(await pings(inside.place, OUTSIDE[family])).toBe(false);
    expect(await connects(fixture.outside, HOST[family], 8084)).toBe(true);
    expect(await connects(inside.place, HOST[family], 8084)).toBe(false);
    expect(await openAt(fixture.outside, inside.at[family])).toEqual([]);
    expect(await connects(fixture.outside, HOST[family], 8083)).toBe(false);
    expect((await ip('del', 'default')).status).toBe(0);
  });

  test('answers for its own names, and asks nobody for others', async () => {
    const dig = async (...args: string[]) =>
      (
        await fixture.box.tryHost([
          ...inside.place,
          ...['dig', '@127.0.0.11', '+time=2', '+tries=1', '+noall', '+answer', '+comments', ...args],
        ])
      ).stdout;
    await using atOutside = await listen(fixture.outside, 'eth0');
    expect(await dig('sibling')).toContain(sibling.at.ipv4);
    expect(await dig('AAAA', 'sibling')).toContain(sibling.at.ipv6);
    for (const question of [
      ['outside.example'],
      ['AAAA', 'outside.example'],
      ['TXT', 'outside.example'],
      ['+tcp', 'outside.example'],
      ['-x', OUTSIDE_ADDRESS],
      ['-x', OUTSIDE_ADDRESS6],
      ['printer'],
      ['+tcp', 'printer'],
    ]) {
      expect([question, await dig(...question)]).toEqual([question, expect.not.stringContaining('NOERROR')]);
    }
    // What the host itself sends is heard, and it is all that is.
    await fixture.box.host('dig', `@${OUTSIDE_ADDRESS}`, '+short', 'www.baidu.com');
    await eventually('the host is heard', () => atOutside.heard('baidu'));
    for (const name of ['outside', 'printer', 'arpa'])
      expect([name, atOutside.heard(name)]).toEqual([name, false]);
    expect(fixture.box.outsideLog).not.toMatch(/outside\.example|printer|arpa/);
  });
});

test('without communication among containers they meet at published ports of the host alone', async () => {
  await fixture.network('quiet', 45, '-o', 'com.docker.network.bridge.enable_icc=false');
  const left = await fixture.subject('left', 'quiet', '-p', '8081:8080');
  const right = await fixture.subject('right', 'quiet', '-p', '8082:8080');
  for (const family of FAMILIES) {
    const [length, gateway] = family === 'ipv4' ? ['32', '10.45.0.1'] : ['128', 'fd00:45::1'];
    expect(await openAt(left.place, right.at[family])).toEqual([]);
    for (const [from, to] of [
      [left, right],
      [right, left],
    ] as const) {
      const route = ['ip', 'route', 'add', `${to.at[family]}/${length}`, 'via', gateway];
      expect((await fixture.box.tryHost([...from.place, ...route])).status).toBe(0);
    }
    expect(await openAt(left.place, right.at[family])).toEqual([]);
    expect(await openAt(right.place, left.at[family])).toEqual([]);
    expect(await connects(left.place, HOST[family], 8082)).toBe(true);
    expect(await connects(right.place, HOST[family], 8081)).toBe(true);
    expect(await pings(left.place, OUTSIDE[family])).toBe(true);
  }
  await fixture.remove(['left', 'right'], ['quiet']);
});

test('a new container at the address of one that was killed gets none of its ports', async () => {
  await fixture.network('one', 41);
  const old = await fixture.subject('old', 'one', '-p', '8081:8080');
  expect(await connects(fixture.outside, HOST_ADDRESS, 8081)).toBe(true);
  await fixture.box.host('kill', '-9', await berth('inspect', '-f', '{{.State.Pid}}', 'old'));
  await berth('wait', 'old');
  const heir = await fixture.subject('heir', 'one', '--ip', old.at.ipv4, '--ip6', old.at.ipv6);
  expect(heir.at).toMatchObject({ ipv4: old.at.ipv4, ipv6: old.at.ipv6 });
  for (const family of FAMILIES) {
    expect(await openAt(fixture.host, heir.at[family])).toEqual(EVERYTHING);
    expect(await openAt(fixture.outside, heir.at[family])).toEqual([]);
    expect(await connects(fixture.outside, HOST[family], 8081)).toBe(false);
  }
  await fixture.remove(['old', 'heir'], ['one']);
});

test('all stays closed, and published ports open, while the daemon is away', async () => {
  await fixture.network('one', 41);
  await fixture.network('two', 42);
  const left = await fixture.subject('left', 'one', '-p', '8081:8080');
  const right = await fixture.subject('right', 'two', '-p', '127.0.0.1:8082:8080');
  const before = await fixture.box.host('nft', '-s', 'list', 'ruleset');
  await fixture.daemon.stop();
  expect(await fixture.box.host('nft', '-s', 'list', 'ruleset')).toBe(before);
  for (const family of FAMILIES) {
    expect(await openAt(fixture.outside, left.at[family])).toEqual([]);
    expect(await openAt(left.place, right.at[family])).toEqual([]);
    expect(await connects(fixture.outside, HOST[family], 8081)).toBe(true);
    expect(await connects(fixture.outside, HOST[family], 8082)).toBe(false);
  }
  await fixture.box.startDaemon();
  await fixture.remove(['left', 'right'], ['one', 'two']);
});
