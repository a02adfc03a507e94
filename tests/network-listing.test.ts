import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventually } from './box/index.js';
import { useBox } from './box/fixture.js';

const fixture = useBox();
/** A command line without quotes. */
const words = (line: string) => line.split(' ').filter(Boolean);
const berth = (line: string) => fixture.box.berth(...words(line));
const tryBerth = (line: string) => fixture.box.tryBerth(...words(line));
const docker = (line: string) => fixture.box.docker(...words(line));
const sorted = (text: string) => text.split('\n').filter(Boolean).sort();

/** The names that both commands list. */
async function listed(filters: string): Promise<string[]> {
  const line = `network ls --format {{.Name}} ${filters}`;
  const names = sorted(await berth(line));
  expect(sorted(await docker(line))).toEqual(names);
  return names;
}

describe('the list of networks', () => {
  beforeAll(async () => {
    await berth('network create --label team=sea --label colour=blue northsea');
    await berth('network create --label team=land --label bare southland');
    await berth('network create -d macvlan -o parent=eth0 --subnet 198.51.100.0/24 --label team=sea island');
    await berth('run -d --name user --network southland busybox sleep 600');
  }, 60_000);
  afterAll(async () => {
    await berth('rm -f user');
    await berth('network rm northsea southland island');
  });

  test.each([
    ['', ['bridge', 'host', 'island', 'none', 'northsea', 'southland']],
    ['--filter driver=macvlan', ['island']],
    ['--filter driver=null --filter driver=host', ['host', 'none']],
    ['--filter driver=overlay', []],
    ['--filter label=team', ['island', 'northsea', 'southland']],
    ['--filter label=team=sea', ['island', 'northsea']],
    ['--filter label=team=sea --filter label=colour', ['northsea']],
    ['--filter label=bare=', ['southland']],
    ['--filter label=tea', []],
    ['--filter name=land', ['island', 'southland']],
    ['--filter name=north --filter name=south', ['northsea', 'southland']],
    ['--filter scope=local --filter name=sea', ['northsea']],
    ['--filter scope=swarm', []],
    ['--filter type=builtin', ['bridge', 'host', 'none']],
    ['--filter type=custom', ['island', 'northsea', 'southland']],
    [
      '--filter type=custom --filter type=builtin --filter driver=bridge',
      ['bridge', 'northsea', 'southland'],
    ],
    ['--filter dangling=true', ['island', 'northsea']],
    ['--filter dangling=false', ['bridge', 'host', 'none', 'southland']],
  ])('is filtered: %s', async (filters, names) => {
    expect(await listed(filters)).toEqual(names);
  });

  test('is filtered by the beginning of an id', async () => {
    const id = await berth('network inspect -f {{.Id}} northsea');
    for (const length of [12, 64])
      expect(await listed(`--filter id=${id.slice(0, length)}`)).toEqual(['northsea']);
    expect(await listed(`--filter id=${id.slice(1, 13)}`)).toEqual([]);
    expect(await berth('network ls -q --no-trunc --filter name=northsea')).toBe(id);
    expect(await docker('network ls -q --filter name=northsea')).toBe(id.slice(0, 12));
  });

  test.each([
    ['type=mine', /invalid filter: 'type'='mine'/],
    ['colour=blue', /invalid filter 'colour'/],
  ])('is not filtered by what makes no sense: %s', async (filter, reason) => {
    for (const refused of [
      await tryBerth(`network ls --filter ${filter}`),
      await fixture.box.tryDocker(...words(`network ls --filter ${filter}`)),
    ]) {
      expect(refused.status).toBe(1);
      expect(refused.stderr).toMatch(reason);
    }
  });
});

describe('prune', () => {
  const custom = async () => sorted(await berth('network ls --format {{.Name}} --filter type=custom'));
  /** `network prune`, and what it says that it has removed. */
  async function pruned(command: typeof berth, filters: string): Promise<string[]> {
    return sorted(await command(`network prune -f ${filters}`)).filter(
      (line) => line !== 'Deleted Networks:',
    );
  }

  test('takes those with a label, or without it', async () => {
    await berth('network create --label keep=no a1');
    await berth('network create --label keep=yes a2');
    await berth('network create a3');
    expect(await pruned(berth, '--filter label=keep=no')).toEqual(['a1']);
    expect(await pruned(docker, '--filter label!=keep=yes')).toEqual(['a3']);
    expect(await pruned(berth, '--filter label!=keep')).toEqual([]);
    expect(await custom()).toEqual(['a2']);
    expect(await pruned(docker, '--filter label=keep')).toEqual(['a2']);
  });

  test('takes those that are old enough', async () => {
    await berth('network create b1');
    const created = await berth('network inspect -f {{.Created}} b1');
    await new Promise((resolve) => setTimeout(resolve, 1100));
    await berth('network create b2');
    expect(await pruned(berth, '--filter until=10m')).toEqual([]);
    expect(await pruned(docker, '--filter until=1h30m')).toEqual([]);
    const between = new Date(Date.parse(created) + 1000).toISOString();
    expect(await pruned(berth, `--filter until=${between}`)).toEqual(['b1']);
    expect(await custom()).toEqual(['b2']);
    const refused = await tryBerth('network prune -f --filter until=soon');
    expect(refused).toMatchObject({ status: 1 });
    expect(refused.stderr).toMatch(/until=soon/);
    expect(await pruned(berth, '')).toEqual(['b2']);
  });

  test('takes none that a container uses, running or not', async () => {
    await berth('network create c1');
    await berth('create --name idle --network c1 busybox true');
    expect(await pruned(berth, '')).toEqual([]);
    await berth('rm idle');
    expect(await pruned(berth, '')).toEqual(['c1']);
  });
});

interface Shown {
  readonly Containers: Readonly<
    Record<string, { Name: string; MacAddress: string; IPv4Address: string; IPv6Address: string }>
  >;
  readonly Status: {
    readonly IPAM: {
      readonly Subnets: Readonly<Record<string, { IPsInUse: number; DynamicIPsAvailable: number }>>;
    };
  };
}
async function inspect(network: string): Promise<Shown> {
  const [shown] = JSON.parse(await berth(`network inspect ${network}`)) as [Shown];
  return shown;
}

test('inspect shows who is on a network, and how full its subnets are', async () => {
  await berth(
    'network create --ipv6 --subnet 10.31.0.0/24 --ip-range 10.31.0.64/26 --subnet fd00:31::/64 full',
  );
  const subnets = async () => (await inspect('full')).Status.IPAM.Subnets;
  // The gateway, 10.31.0.1, is not of the range.
  expect((await subnets())['10.31.0.0/24']).toEqual({ IPsInUse: 1, DynamicIPsAvailable: 64 });
  const six = (await subnets())['fd00:31::/64'];
  expect(six?.IPsInUse).toBe(1);
  expect(six?.DynamicIPsAvailable).toBeGreaterThan(2 ** 50);
  expect((await inspect('full')).Containers).toEqual({});

  const id = await berth('run -d --name aa --network full --ip6 fd00:31::a busybox sleep 600');
  expect((await subnets())['10.31.0.0/24']).toEqual({ IPsInUse: 2, DynamicIPsAvailable: 63 });
  expect((await subnets())['fd00:31::/64']?.IPsInUse).toBe(2);
  await berth('run -d --name bb --network full --ip 10.31.0.9 busybox sleep 600');
  expect((await subnets())['10.31.0.0/24']).toEqual({ IPsInUse: 3, DynamicIPsAvailable: 63 });
  const { Containers } = await inspect('full');
  expect(Object.keys(Containers)).toHaveLength(2);
  expect(Containers[id]).toMatchObject({
    Name: 'aa',
    IPv4Address: expect.stringMatching(/^10\.31\.0\.\d+\/24$/) as string,
    IPv6Address: 'fd00:31::a/64',
    MacAddress: await berth('exec aa cat /sys/class/net/eth0/address'),
  });
  await berth('rm -f aa bb');
  expect((await subnets())['10.31.0.0/24']).toEqual({ IPsInUse: 1, DynamicIPsAvailable: 64 });
  // What docker shows is the same, as far as it knows the fields.
  const [theirs] = JSON.parse(await docker('network inspect full')) as [Shown & { Created: string }];
  // Go writes a time without zeros at its end.
  const { Created, ...rest } = theirs;
  expect(await inspect('full')).toMatchObject(rest);
  expect(Date.parse(Created)).toBe(Date.parse(await berth('network inspect -f {{.Created}} full')));
  await berth('network rm full');
});

test('what happens to networks is told, in order', async () => {
  const command = words(`${fixture.box.berthCommand} events --filter type=network --format json`);
  const watcher = fixture.box.startOnHost(...command);
  const ended = new Promise((resolve) => watcher.once('close', resolve));
  let heard = '';
  watcher.stdout?.on('data', (chunk: Buffer) => (heard += chunk.toString()));
  // Until a first event is heard nobody knows whether it listens yet.
  await eventually('somebody listens', async () => {
    await berth('network create probe');
    await berth('network rm probe');
    return heard.includes('probe');
  });
  await berth('network create told');
  const network = await berth('network inspect -f {{.Id}} told');
  const id = await berth('run -d --name aa --network told busybox sleep 600');
  await berth('network update --label a=b told');
  await berth('network disconnect told aa');
  await berth('rm -f aa');
  await berth('network rm told');
  const events = await eventually('the last event', () => {
    const all = heard
      .split('\n')
      .filter((line) => line.includes('"told"'))
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    return all.at(-1)?.['Action'] === 'destroy' ? all : undefined;
  });
  watcher.kill();
  await ended;
  const attributes = { name: 'told', type: 'bridge' };
  const about = (Action: string, more: object = {}) => ({
    Type: 'network',
    Action,
    Actor: { ID: network, Attributes: { ...attributes, ...more } },
  });
  expect(events).toMatchObject([
    about('create'),
    about('connect', { container: id }),
    about('update'),
    about('disconnect', { container: id }),
    about('destroy'),
  ]);
  const times = events.map(({ timeNano }) => Number(timeNano));
  expect(times).toEqual([...times].sort((one, other) => one - other));
});
