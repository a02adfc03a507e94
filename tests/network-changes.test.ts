import type { ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { OUTSIDE_ADDRESS, eventually, start } from './box/index.js';
import { useBox } from './box/fixture.js';
import { REPOSITORY } from './box/paths.js';

const fixture = useBox();
/** A command line without quotes. */
const words = (line: string) => line.split(' ').filter(Boolean);
const berth = (line: string) => fixture.box.berth(...words(line));
const tryBerth = (line: string) => fixture.box.tryBerth(...words(line));
const host = (line: string) => fixture.box.host(...words(line));

const sleeper = (name: string, flags: string) => fixture.box.sleeper(name, ...words(flags));
const reaches = async (from: string, address: string) =>
  (await tryBerth(`exec ${from} ping -c1 -W1 ${address}`)).status === 0;

interface Shown {
  readonly Internal: boolean;
  readonly Labels: Readonly<Record<string, string>>;
  readonly Options: Readonly<Record<string, string>>;
  readonly Status: { readonly OverlappingRoutes?: readonly string[] };
  readonly Dns?: readonly string[];
}
async function inspect(network: string): Promise<Shown> {
  const [shown] = JSON.parse(await berth(`network inspect ${network}`)) as [Shown];
  return shown;
}

interface Watched {
  /** What it has printed so far. */
  readonly printed: string;
  end(): Promise<void>;
}
/** Keeps what a running program prints. */
function watch(child: ChildProcess): Watched {
  let printed = '';
  const keep = (chunk: Buffer) => (printed += chunk.toString());
  child.stdout?.on('data', keep);
  child.stderr?.on('data', keep);
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  return {
    get printed() {
      return printed;
    },
    end() {
      child.kill();
      return ended;
    },
  };
}

const ECHO = `require('net').createServer((c) => c.pipe(c)).listen(5000, '::', () => console.log('ready'))`;
/** Sends a line each 20 ms, prints those that come back, and says when the connection breaks. */
const TALK = (address: string) => `
  const c = require('net').connect(5000, '${address}');
  let n = 0;
  c.on('connect', () => setInterval(() => c.write(++n + '\\n'), 20));
  c.pipe(process.stdout);
  c.on('error', (e) => console.log('broken', e.code)).on('end', () => console.log('broken end'));`;

/** A program of the host in the network of a container. */
const inside = (container: string, script: string) =>
  watch(
    fixture.box.startOnHost(
      ...[fixture.box.berthCommand, 'nsexec', container, '--', process.execPath, '-e', script],
    ),
  );

describe('a network with a connection under way', () => {
  let server: Watched;
  let talk: Watched;

  beforeAll(async () => {
    await berth('network create --label old=1 -o com.docker.network.bridge.name=brsea sea');
    await sleeper('aa', '--network sea');
    await sleeper('bb', '--network sea');
    const address = await berth('inspect -f {{.NetworkSettings.Networks.sea.IPAddress}} bb');
    server = inside('bb', ECHO);
    await eventually('the server is ready', () => server.printed.includes('ready'));
    talk = inside('aa', TALK(address));
    await goesOn();
  }, 60_000);
  afterAll(async () => {
    await talk.end();
    await server.end();
    await berth('rm -f aa bb');
    await berth('network rm sea');
  });

  /** Waits until 10 more lines have come back on the connection. */
  async function goesOn(): Promise<void> {
    const { length } = talk.printed.split('\n');
    await eventually('the connection goes on', () => {
      if (talk.printed.includes('broken')) throw new Error(`the connection is broken: ${talk.printed}`);
      return talk.printed.split('\n').length >= length + 10;
    });
  }

  test('gets other labels', async () => {
    expect(await berth('network update --label new=2 --label-rm old sea')).toBe('sea');
    expect((await inspect('sea')).Labels).toEqual({ new: '2' });
    expect(await berth('network ls -q --filter label=old')).toBe('');
    await goesOn();
  });

  test('asks other name servers', async () => {
    const other = '198.51.100.3';
    await fixture.box.outside(...words(`ip addr add ${other}/24 dev eth0`));
    const script = join(REPOSITORY, 'tests/box/outside-machine.mjs');
    const enter = ['nsenter', '-t', String(fixture.box.outsidePid), '--net', '--'];
    const second = watch(start([...enter, process.execPath, script, other, 'only.there.example']));
    await eventually('the second name server answers', () => second.printed.includes('ready'));
    const ask = 'nsexec aa -- dig @127.0.0.11 +short +time=2 +tries=1 only.there.example';
    expect(await berth(ask)).toBe('');
    await berth(`network update --dns ${other} sea`);
    expect((await inspect('sea')).Dns).toEqual([other]);
    expect(await berth(ask)).toBe(other);
    expect(second.printed).toContain('asked A only.there.example');
    await sleeper('cc', '--network sea');
    expect(await berth(ask.replace('aa', 'cc'))).toBe(other);
    expect(await berth('exec aa nslookup bb')).toContain('bb');
    await berth('rm -f cc');
    await berth('network update --dns none sea');
    expect((await inspect('sea')).Dns).toBeUndefined();
    expect(await berth(ask.replace('only.there', 'outside'))).toBe(OUTSIDE_ADDRESS);
    expect(second.printed).not.toContain('outside.example');
    await second.end();
    await goesOn();
  });

  test('gets another MTU: bridge, and both ends of each container', async () => {
    await berth('network update --mtu 1380 sea');
    const links = JSON.parse(await host('ip -j link show')) as {
      mtu: number;
      master?: string;
      ifname: string;
    }[];
    const ours = links.filter(({ ifname, master }) => ifname === 'brsea' || master === 'brsea');
    expect(ours.map(({ mtu }) => mtu)).toEqual([1380, 1380, 1380]);
    for (const name of ['aa', 'bb'])
      expect(await berth(`exec ${name} cat /sys/class/net/eth0/mtu`)).toBe('1380');
    expect((await inspect('sea')).Options).toMatchObject({ 'com.docker.network.driver.mtu': '1380' });
    await goesOn();
  });

  test('forbids its containers to talk to each other, and lets them again', async () => {
    await berth('network update --icc=false sea');
    expect(await reaches('aa', 'bb')).toBe(false);
    expect(await reaches('aa', OUTSIDE_ADDRESS)).toBe(true);
    await berth('network update --icc sea');
    expect(await reaches('aa', 'bb')).toBe(true);
    // The connection has waited.
    await goesOn();
  });

  test('is closed to the outside, and opened again', async () => {
    await berth(`run -d --name web --network sea -p 8080:80 busybox httpd -f -p 80 -h /etc`);
    const fetch = words('curl -sf --max-time 2 http://198.51.100.1:8080/hostname');
    await fixture.box.outside(...fetch);
    await berth('network update --internal sea');
    expect((await inspect('sea')).Internal).toBe(true);
    expect(await berth('exec aa ip route')).not.toContain('default');
    expect(await reaches('aa', OUTSIDE_ADDRESS)).toBe(false);
    expect((await fixture.box.tryOutside(...fetch)).status).not.toBe(0);
    expect(await reaches('aa', 'bb')).toBe(true);
    await goesOn();
    await berth('network update --internal=false sea');
    expect(await berth('exec aa ip route')).toContain('default via');
    expect(await reaches('aa', OUTSIDE_ADDRESS)).toBe(true);
    await fixture.box.outside(...fetch);
    await berth('rm -f web');
    await goesOn();
  });

  test('is found as it was changed by the next daemon', async () => {
    await berth('network update --icc=true --mtu 1360 --label later=3 sea');
    await fixture.daemon.stop();
    await fixture.box.startDaemon();
    expect(await inspect('sea')).toMatchObject({
      Labels: { new: '2', later: '3' },
      Options: {
        'com.docker.network.driver.mtu': '1360',
        'com.docker.network.bridge.enable_icc': 'true',
      },
    });
    await goesOn();
  });
});

describe('the MTU of networks that name none', () => {
  const mtuOf = async (container: string) =>
    Number(await berth(`exec ${container} cat /sys/class/net/eth0/mtu`));

  test("follows the host's way out", async () => {
    await berth('network create -o com.docker.network.bridge.name=brfollow follows');
    await berth('network create -o com.docker.network.driver.mtu=1450 fixed');
    await sleeper('default', '');
    await sleeper('follower', '--network follows');
    await sleeper('other', '--network fixed');
    expect(await mtuOf('follower')).toBe(1500);
    for (const mtu of [1400, 1500]) {
      await host(`ip link set eth0 mtu ${mtu}`);
      await eventually('follows', async () => (await mtuOf('follower')) === mtu, 2000);
      expect(await mtuOf('default')).toBe(mtu);
      expect(await host('cat /sys/class/net/brfollow/mtu')).toBe(`${mtu}\n`);
      expect(await mtuOf('other')).toBe(1450);
      await berth('network create afterwards');
      await sleeper('late', '--network afterwards');
      expect(await mtuOf('late')).toBe(mtu);
      await berth('rm -f late');
      await berth('network rm afterwards');
    }
    await berth('rm -f default follower other');
    await berth('network rm follows fixed');
  });
});

test('a route of the host that comes to overlap a network is told, until it goes', async () => {
  const heard = watch(
    fixture.box.startOnHost(
      ...words(`${fixture.box.berthCommand} events --filter type=network --format json`),
    ),
  );
  // Until a first event is heard nobody knows whether it listens yet.
  await eventually('somebody listens', async () => {
    await berth('network create probe');
    await berth('network rm probe');
    return heard.printed.includes('probe');
  });
  await berth('network create --subnet 10.41.0.0/16 crossed');
  const events = () =>
    heard.printed
      .split('\n')
      .filter((line) => line.includes('"overlap"'))
      .map(
        (line) => (JSON.parse(line) as { Actor: { Attributes: Record<string, string> } }).Actor.Attributes,
      );
  expect((await inspect('crossed')).Status.OverlappingRoutes).toBeUndefined();
  await host(`ip route add 10.41.5.0/24 via ${OUTSIDE_ADDRESS}`);
  await eventually('the route is shown', async () => (await inspect('crossed')).Status.OverlappingRoutes);
  expect((await inspect('crossed')).Status.OverlappingRoutes).toEqual(['10.41.5.0/24 (eth0)']);
  await eventually('the event', () => events().length > 0);
  await host('ip route del 10.41.5.0/24');
  await eventually(
    'it is gone',
    async () => (await inspect('crossed')).Status.OverlappingRoutes === undefined,
  );
  await eventually('the second event', () => events().length > 1);
  await heard.end();
  expect(events()).toMatchObject([
    { name: 'crossed', routes: '10.41.5.0/24 (eth0)' },
    { name: 'crossed', routes: '' },
  ]);
  await berth('network rm crossed');
});

describe('a change', () => {
  beforeAll(async () => {
    await berth('network create --label a=b still');
  });
  afterAll(async () => {
    await berth('network rm still');
  });

  test.each([
    [
      { Options: { 'com.docker.network.bridge.name': 'brnew' } },
      400,
      /com\.docker\.network\.bridge\.name can't be/,
    ],
    [
      { Options: { 'com.docker.network.driver.mtu': '12' } },
      400,
      /com\.docker\.network\.driver\.mtu.*from 68/,
    ],
    [
      { Options: { 'com.docker.network.bridge.enable_icc': 'x' } },
      400,
      /enable_icc: it should be true or false/,
    ],
    [{ Dns: ['198.51.100.2', 'resolver'] }, 400, /name server resolver: it should be an IP address/],
    [{ Driver: 'macvlan' }, 400, /Driver/],
    [{ EnableIPv6: true }, 400, /EnableIPv6/],
    [
      { Labels: { a: 'c' }, Options: { 'com.docker.network.host_ipv4': '10.0.0.1' } },
      400,
      /host_ipv4 can't be/,
    ],
  ])('that cannot be made is refused by name, and nothing has changed: %j', async (body, status, reason) => {
    const before = await inspect('still');
    const curl = words('curl -s --unix-socket /run/berth/berth.sock -w \\n%{http_code} -H');
    const json = ['Content-Type: application/json', '-d', JSON.stringify(body)];
    const answer = await fixture.box.host(...curl, ...json, 'http://d/networks/still/update');
    expect(answer.trimEnd().split('\n').at(-1)).toBe(String(status));
    expect(answer).toMatch(reason);
    expect(await inspect('still')).toEqual(before);
  });

  test.each([
    ['network update still', 1, /you must provide one or more flags/],
    ['network update --mtu many still', 125, /many/],
    ['network update --label a=c --label-rm a still', 125, /label "a" cannot be both set and removed/],
    ['network update --internal bridge', 1, /bridge is a pre-defined network/],
    ['network update --label a=c nowhere', 1, /network nowhere not found/],
  ])('that makes no sense is refused: %s', async (line, status, reason) => {
    const refused = await tryBerth(line);
    expect(refused.stderr).toMatch(reason);
    expect(refused.status).toBe(status);
  });
});
