import { existsSync, readdirSync } from 'node:fs';
import { expect, test } from 'vitest';
import { HOST_ADDRESS, HostInABox, OUTSIDE_ADDRESS, eventually } from './box/index.js';
import {
  HOST,
  OUTSIDE,
  connects,
  fetches,
  inContainer,
  macOf,
  pings,
  serve,
  type Place,
} from './box/places.js';
import { ETHER_TYPE, ethernet, listen, sendFrames, udp } from './box/raw-frames.js';
import { FAMILIES, Subjects, openAt } from './box/subjects.js';

const SUBNET = '10.99.0.0/24';

interface Neighbours {
  readonly first: Place;
  readonly second: Place;
  readonly remove: () => Promise<void>;
}

/** A bridge of the host that is none of Berth's, `lan`, with two machines at it, 10.99.0.2 and 10.99.0.3. */
async function unrelatedBridge(box: HostInABox): Promise<Neighbours> {
  const machine = (number: number) => `
    ip netns add machine${number}
    ip link add port${number} type veth peer name eth0 netns machine${number}
    ip link set port${number} master lan up
    ip -n machine${number} link set lo up
    ip -n machine${number} link set eth0 up
    ip -n machine${number} addr add 10.99.0.${number}/24 dev eth0
    ip -n machine${number} route add default via 10.99.0.1`;
  await box.host(
    'sh',
    '-ec',
    `ip link add lan type bridge
    ip link set lan up
    ip addr add 10.99.0.1/24 dev lan
    ${machine(2)}
    ${machine(3)}`,
  );
  const place = (number: number) => [...box.hostPrefix, 'ip', 'netns', 'exec', `machine${number}`];
  return {
    first: place(2),
    second: place(3),
    remove: async () => {
      // The links first: a namespace goes, with its end of them, some time after its name.
      const links = ['port2', 'port3', 'lan'].map((link) => `ip link del ${link}`);
      await box.host('sh', '-ec', [...links, 'ip netns del machine2', 'ip netns del machine3'].join('\n'));
    },
  };
}

/** All that can be read below /proc/sys/net of the host, by path. */
async function settings(box: HostInABox): Promise<ReadonlyMap<string, string>> {
  // Some can only be written, and how many connections are tracked is no setting.
  const { stdout } = await box.tryHost(['sh', '-c', 'cd /proc/sys/net && grep -rs "" .']);
  const pairs = stdout.split('\n').map((line) => {
    const colon = line.indexOf(':');
    return [line.slice(2, colon), line.slice(colon + 1)] as const;
  });
  return new Map(pairs.filter(([path]) => !path.endsWith('nf_conntrack_count')));
}

function differences(before: ReadonlyMap<string, string>, after: ReadonlyMap<string, string>): string[] {
  const paths = new Set([...before.keys(), ...after.keys()]);
  return [...paths].filter((path) => before.get(path) !== after.get(path)).sort();
}

test("a bridge that is not Berth's forwards and routes as before, frames of any source too", async () => {
  await using box = await HostInABox.create();
  await box.host('sh', '-c', 'echo 1 > /proc/sys/net/ipv4/ip_forward');
  const { first, second, remove } = await unrelatedBridge(box);
  await box.outside('ip', 'route', 'add', SUBNET, 'via', HOST_ADDRESS);
  const netfilterBefore = await settings(box);
  await box.startDaemon();
  await box.berth('network', 'create', '--ipv6', 'sea');
  const web = ['busybox', 'httpd', '-f', '-p', '8080'];
  await box.berth('run', '-d', '--name', 'web', '--network', 'sea', '-p', '8081:8080', ...web);

  expect(await pings(first, '10.99.0.3')).toBe(true);
  expect(await pings(second, '10.99.0.2')).toBe(true);
  expect(await pings(first, OUTSIDE_ADDRESS)).toBe(true);
  expect(await pings([...box.hostPrefix], '10.99.0.2')).toBe(true);
  await using server = await serve(first, 8000);
  expect(server.process.exitCode).toBeNull();
  const outside = new Subjects(box).outside;
  expect(await fetches(outside, '10.99.0.2', 8000)).toBe(OUTSIDE_ADDRESS);
  expect(await fetches(second, '10.99.0.2', 8000)).toBe('10.99.0.3');
  await using atSecond = await listen(second, 'eth0');
  const forged = { from: '02:00:00:00:be:ef', to: await macOf(second, 'eth0') };
  const payload = udp('192.0.2.1', '10.99.0.3', [67, 68], 'any source');
  await sendFrames(first, 'eth0', ethernet({ ...forged, type: ETHER_TYPE.ip, payload }));
  await eventually('the frame', () => atSecond.heard('any source'));
  // They are to containers what any other machine is.
  expect(await connects(first, HOST_ADDRESS, 8081)).toBe(true);
  const address = await box.berth('inspect', '-f', '{{.NetworkSettings.Networks.sea.IPAddress}}', 'web');
  expect(await connects(first, address, 8080)).toBe(false);

  const changed = differences(netfilterBefore, await settings(box)).filter((path) =>
    path.startsWith('bridge/'),
  );
  expect(['bridge/bridge-nf-call-ip6tables', 'bridge/bridge-nf-call-iptables']).toEqual(
    expect.arrayContaining(changed),
  );
  await remove();
});

test('the settings of the host stay, but for forwarding, and come back when the daemon leaves nothing', async () => {
  await using box = await HostInABox.create();
  const before = await settings(box);
  const own = /^ipv[46]\/(conf|neigh)\/(berth0|br-[^/]*|veth[^/]*)\//;
  const since = async () => differences(before, await settings(box)).filter((path) => !own.test(path));
  // What the kernel itself makes of ip_forward (Documentation/networking/ip-sysctl.rst).
  const forwarding = /^(ipv4\/ip_forward|ipv4\/conf\/\w+\/forwarding|ipv4\/conf\/all\/accept_redirects)$/;
  const forwarding6 = /^ipv6\/conf\/\w+\/forwarding$/;
  const netfilter = /^bridge\/bridge-nf-call-ip6?tables$/;

  const daemon = await box.startDaemon();
  await box.berth('run', '-d', '--name', 'four', '-p', '8081:8080', 'busybox', 'sleep', '600');
  const withoutIPv6 = await since();
  expect(withoutIPv6).toContain('ipv4/ip_forward');
  expect(withoutIPv6.filter((path) => !forwarding.test(path) && !netfilter.test(path))).toEqual([]);
  await box.berth('network', 'create', '--ipv6', 'sea');
  await box.berth('run', '-d', '--name', 'six', '--network', 'sea', 'busybox', 'sleep', '600');
  const withIPv6 = (await since()).filter((path) => !withoutIPv6.includes(path));
  expect(withIPv6).toContain('ipv6/conf/all/forwarding');
  expect(withIPv6.filter((path) => !forwarding6.test(path))).toEqual([]);
  await box.berth('rm', '-f', 'four', 'six');
  await daemon.stop();
  expect(differences(before, await settings(box))).toEqual([]);
});

test("another table's translation of an address works as before, and its text stays as it was", async () => {
  await using box = await HostInABox.create();
  const { first, remove } = await unrelatedBridge(box);
  await box.host('ip', 'addr', 'add', '198.51.100.50/24', 'dev', 'eth0');
  await box.host(
    'nft',
    `table ip foreign {
      chain pre {
        type nat hook prerouting priority dstnat; policy accept;
        ip daddr 198.51.100.50 tcp dport 8081 dnat to 10.99.0.2:8000
      }
      chain post {
        type nat hook postrouting priority srcnat; policy accept;
        oifname "lan" masquerade
      }
    }`,
  );
  await using server = await serve(first, 8000);
  expect(server.process.exitCode).toBeNull();
  const { outside } = new Subjects(box);
  const text = () => box.host('nft', 'list', 'table', 'ip', 'foreign');
  const before = await text();
  const works = async () => (await fetches(outside, '198.51.100.50', 8081)) === '10.99.0.1';

  const daemon = await box.startDaemon();
  expect(await works()).toBe(true);
  const web = ['busybox', 'httpd', '-f', '-p', '8080', '-h', '/etc'];
  await box.berth('run', '-d', '--name', 'web', '-p', `8081:8080`, ...web);
  expect(await fetches(outside, HOST_ADDRESS, 8081, '/hostname')).toBeDefined();
  expect(await works()).toBe(true);
  expect(await text()).toBe(before);
  await box.berth('rm', '-f', 'web');
  expect(await text()).toBe(before);
  await daemon.stop();
  expect(await text()).toBe(before);
  await box.host('nft', 'delete', 'table', 'ip', 'foreign');
  await remove();
});

/** What passes by the host, of all that should: to outside, from outside, between networks, by the host's address. */
async function passing(box: HostInABox): Promise<string[]> {
  const { outside } = new Subjects(box);
  const [client, server] = await Promise.all([inContainer(box, 'client'), inContainer(box, 'server')]);
  const ways = FAMILIES.flatMap((family) => [
    [`${family} out`, pings(client, OUTSIDE[family])] as const,
    [`${family} in`, connects(outside, HOST[family], 8081)] as const,
    [`${family} across`, connects(client, HOST[family], 8081)] as const,
    [`${family} back`, connects(server, HOST[family], 8081)] as const,
  ]);
  const passes = await Promise.all(ways.map(async ([name, way]) => ((await way) ? [name] : [])));
  return passes.flat();
}
const ALL_WAYS = FAMILIES.flatMap((family) =>
  ['out', 'in', 'across', 'back'].map((way) => `${family} ${way}`),
);

async function populate(box: HostInABox): Promise<void> {
  const subjects = new Subjects(box);
  await subjects.network('one', 41);
  await subjects.network('two', 42);
  await subjects.subject('client', 'one');
  const server = await subjects.subject('server', 'two', '-p', '8081:8080');
  // Frames of one bridge are none of the firewall's business, whoever's it is.
  const sibling = await subjects.subject('sibling', 'two');
  for (const family of FAMILIES) expect(await connects(sibling.place, server.at[family], 8080)).toBe(true);
}

/** Runs rules that were printed, a line each, on the host. */
const runOnHost = (box: HostInABox, rules: readonly string[]) => box.host('sh', '-ec', rules.join('\n'));

const NFT_RULE = /nft insert rule .*? accept/g;
const LEGACY_RULE = /ip6?tables-legacy -I FORWARD .*? -j ACCEPT/g;

interface Foreign {
  readonly name: string;
  readonly programs: readonly string[];
  /** Makes it (shell). */
  readonly make: string;
  /** Takes away what is left of it as a table of nftables (shell). */
  readonly remove: string;
  readonly rule: RegExp;
  /** What a warning has to name. */
  readonly named: readonly string[];
}

const FOREIGN: readonly Foreign[] = [
  {
    name: 'a table of nftables whose policy is drop',
    programs: ['nft'],
    make: `nft 'table inet filter { chain forward { type filter hook forward priority 0; policy drop; }; }'`,
    remove: 'nft delete table inet filter',
    rule: NFT_RULE,
    named: ['chain forward of table inet filter (policy drop)'],
  },
  {
    name: 'a table of nftables whose last rule drops',
    programs: ['nft'],
    make: `nft 'table inet guard { chain last { type filter hook forward priority 10; ct state established accept; counter drop; }; }'`,
    remove: 'nft delete table inet guard',
    rule: NFT_RULE,
    named: ['chain last of table inet guard (its last rule: drop)'],
  },
  {
    name: 'iptables-nft',
    programs: ['iptables-nft', 'ip6tables-nft'],
    make: 'iptables-nft -P FORWARD DROP; ip6tables-nft -P FORWARD DROP',
    remove: 'nft delete table ip filter; nft delete table ip6 filter',
    rule: NFT_RULE,
    named: ['chain FORWARD of table ip filter', 'chain FORWARD of table ip6 filter'],
  },
  {
    name: 'iptables-legacy',
    programs: ['iptables-legacy', 'ip6tables-legacy'],
    make: 'iptables-legacy -P FORWARD DROP; ip6tables-legacy -P FORWARD DROP',
    remove: ':',
    rule: LEGACY_RULE,
    named: ['iptables-legacy has a filter table', 'ip6tables-legacy has a filter table'],
  },
];

function isThere(program: string): boolean {
  return (process.env.PATH ?? '')
    .split(':')
    .some((folder) => existsSync(folder) && readdirSync(folder).includes(program));
}

for (const { name, programs, make, remove, rule, named } of FOREIGN) {
  const missing = programs.filter((program) => !isThere(program));
  test(`beside ${name}: warnings say what to do, and it helps`, async ({ skip }) => {
    skip(missing.length > 0, `${missing.join(', ')} not on this machine: apt-get install iptables`);
    await using box = await HostInABox.create();
    await new Subjects(box).prepare();
    await runOnHost(box, [make]);
    const plain = await box.startDaemon();
    const { stdout, stderr } = await box.tryBerth('info');
    for (const text of [plain.log, stdout + stderr]) {
      for (const words of [...named, '--firewall-coexist']) expect(text).toContain(words);
      expect(text.match(rule)).not.toBeNull();
    }
    await populate(box);
    expect(await passing(box)).toEqual([]);
    await plain.stop();

    await box.startDaemon({ flags: ['--firewall-coexist'] });
    expect(await passing(box)).toEqual([]);
    const again = await box.tryBerth('info');
    const rules = [...new Set((again.stdout + again.stderr).match(rule))];
    await runOnHost(box, rules);
    expect(await passing(box)).toEqual(ALL_WAYS);
    // What Berth keeps closed stays so, and what is none of Berth's stays the other's to decide.
    const subjects = new Subjects(box);
    const server = await box.berth('inspect', '-f', '{{.NetworkSettings.Networks.two.IPAddress}}', 'server');
    expect(await openAt(subjects.outside, server)).toEqual([]);
    expect(await openAt(await inContainer(box, 'client'), server)).toEqual([]);
    await runOnHost(box, [remove]);
  });
}

test('without the flag the rule that a daemon with it prints lets nothing pass', async () => {
  await using box = await HostInABox.create();
  await new Subjects(box).prepare();
  await runOnHost(box, [FOREIGN[0]?.make ?? '']);
  await box.startDaemon();
  const { stdout, stderr } = await box.tryBerth('info');
  await runOnHost(box, (stdout + stderr).match(NFT_RULE) ?? []);
  await populate(box);
  expect(await passing(box)).toEqual([]);
  await box.host('nft', 'delete', 'table', 'inet', 'filter');
});
