import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readlinkSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { runIp } from './index.js';

const suffix = randomBytes(3).toString('hex');
const here = `bip-${suffix}-a`;
const there = `bip-${suffix}-b`;

interface Outcome {
  readonly out: string;
  readonly err: string;
  readonly status: number;
}

/** The judge. */
function iproute2(args: readonly string[]): Outcome {
  const { stdout, stderr, status } = spawnSync('ip', args, { encoding: 'utf8' });
  return { out: stdout, err: stderr, status: status ?? -1 };
}

async function berth(args: readonly string[]): Promise<Outcome> {
  let out = '';
  let err = '';
  const stdout = vi
    .spyOn(process.stdout, 'write')
    .mockImplementation((text) => ((out += String(text)), true));
  const stderr = vi
    .spyOn(process.stderr, 'write')
    .mockImplementation((text) => ((err += String(text)), true));
  try {
    const status = await runIp(args);
    return { out, err, status };
  } finally {
    stdout.mockRestore();
    stderr.mockRestore();
  }
}

function ip(command: string): void {
  execFileSync('ip', command.split(' '));
}

function setUp(): void {
  ip(`netns add ${here}`);
  ip(`netns add ${there}`);
  const commands = `
    link set lo up
    link add p1 type veth peer name p2
    link set p1 up
    link set p2 up
    link add x1 type veth peer name eth0 netns ${there}
    link set x1 up
    link add br0 type bridge
    link set br0 up
    link set p2 master br0
    link add x2 type veth peer name eth1 netns ${there}
    link set x2 master br0
    link property add dev x2 altname another
    link property add dev x2 altname third
    link add du0 type veth peer name du1
    link set du0 up
    link set du1 up
    link set du0 alias some.words
    link add half0 type veth peer name half1
    link set half0 up
    link add empty0 type bridge
    link set empty0 up
    addr add 127.9.9.9/32 dev lo scope host
    addr add 10.1.0.1/24 brd + dev p1
    addr add 10.1.0.2/24 dev p1
    addr add 10.1.0.3/24 dev p1 label p1:lab
    addr add 10.2.0.1 peer 10.2.0.2 dev du0
    addr add 10.3.0.1/16 dev du0 valid_lft 90000 preferred_lft 50000
    addr add 10.4.0.1/16 dev du0 valid_lft 90000 preferred_lft 0
    addr add 10.5.0.1/16 dev du0 noprefixroute scope link
    addr add 10.6.0.1/16 dev du0 scope 100 metric 50
    addr add 10.7.0.1/16 dev empty0
    addr add fd00::1/64 dev br0 nodad
    addr add fd00:1::1/64 dev du0 nodad
    addr add fd00:1::2/64 dev du0 valid_lft 90000 preferred_lft 0
    addr add fd00:1::5 peer fd00:2::5/64 dev du0 nodad
    addr add 192.168.7.1/24 dev x1
    route add default via 10.1.0.254 dev p1 metric 100
    route add 172.20.0.0/16 dev du0 src 10.3.0.1 proto static
    route add blackhole 172.21.0.0/16
    route add unreachable 172.22.0.0/16 metric 7
    route add prohibit 172.23.0.0/16
    route add throw 172.28.0.0/16
    route add 172.24.0.0/16 via 10.1.0.9 mtu 1400 advmss 1300
    route add 172.25.0.0/16 via 10.1.0.9 table 100
    route add 172.26.0.0/16 nexthop via 10.1.0.9 weight 2 nexthop via 10.1.0.8
    route add 172.27.0.0/16 via 99.9.9.9 dev du0 onlink
    route add default via fd00::99 dev br0 metric 30
    route add fd55::/64 dev du0
    route add fd56::/64 via fd00::98 dev br0 mtu 1300
    route add blackhole fd66::/64
    neigh add 192.168.7.77 lladdr 02:00:00:00:00:77 dev x1 nud permanent
    neigh add 192.168.7.78 lladdr 02:00:00:00:00:78 dev x1 nud permanent
    neigh add proxy 192.168.7.79 dev x1
    neigh add fd00:1::77 lladdr 02:00:00:00:00:77 router dev du0 nud permanent
  `;
  const lines = commands.trim().split('\n');
  execFileSync('ip', ['-n', here, '-batch', '-'], { input: lines.map((line) => line.trim()).join('\n') });
  execFileSync('ip', ['-n', there, '-batch', '-'], { input: 'link set eth0 up\nlink set lo up\n' });
}

beforeAll(async () => {
  setUp();
  // Addresses of IPv6 that interfaces make for themselves stay tentative for a while.
  await vi.waitUntil(() => !iproute2(['-n', here, '-6', 'addr']).out.includes('tentative'), 10_000);
});

afterAll(() => {
  for (const name of [here, there]) spawnSync('ip', ['netns', 'delete', name]);
});

/** Seconds go on between the two commands. */
function still(text: string): string {
  return text
    .replaceAll(/(valid_lft|preferred_lft) [1-9]\d*sec/g, '$1 N')
    .replaceAll(/"(valid_life_time|preferred_life_time)": ?([1-9]\d{0,8})([,\n}])/g, '"$1":N$3')
    .replaceAll(/used \d+\/\d+\/\d+/g, 'used N')
    .replaceAll(/"(used|confirmed|updated)":\d+/g, '"$1":N');
}

/** One command in each line, or several with a bar between them. */
function commands(text: string): string[] {
  return text
    .split(/[\n|]/)
    .map((command) => command.trim())
    .filter((command) => command !== '');
}

async function compare(command: string): Promise<void> {
  const args = ['-n', here, ...command.split(' ')];
  const judge = iproute2(args);
  const ours = await berth(args);
  expect(still(ours.out)).toBe(still(judge.out));
  expect({ err: ours.err, status: ours.status }).toEqual({ err: judge.err, status: judge.status });
}

describe('what is shown is what iproute2 shows', () => {
  it.each(
    commands(`
      a | addr | address show | a show up | a show dev p1 | a s x2 | a lst another | a show type veth
      a show master br0 | a show to 10.3.0.0/16 | a show to 10.2.0.1 | a show scope link | a show scope 100
      a show dynamic | a show permanent | a show secondary | a show primary | a show deprecated
      a show nodad | -4 a | -6 a | -6 a show x1 | -s a | -s -4 a | -s -s a show p1 | -f inet a
      -6 a show scope link | -br a | -br -4 a | -br -6 a | -br -6 a show x1 | -br a show up
      -br a show dynamic | -br a show scope 100
    `),
  )('ip %s', compare);

  it.each(
    commands(`
      l | link | link show | li sh | l ls lo | link show dev x1 | l show up | l show type bridge
      l show type bridge_slave | l show master br0 | l show nomaster | l show group default
      l show type nosuch | -4 l | -6 l | -s l | -s -s l | -stats link show x2 | -br l
      -br link show type veth | -brief -6 l show x1
    `),
  )('ip %s', compare);

  it.each(
    commands(`
      r | route | route show | ro li | rou ls default | r show table all | r show table local
      r show table 100 | r show dev du0 | r show table all dev du0 | r show proto static
      r show proto kernel | r show scope link | r show via 10.1.0.9 | r show src 10.3.0.1 | r show metric 7
      r show type blackhole | r show 172.24.0.0/16 | r show to 172.24.0.0/16 | r show 172.20/16
      r show root 172.0.0.0/8 | r list match 172.20.1.1 | r show exact 172.20.0.0/16 | r show 10.1.0.5
      r show fd00::/64 | -6 r | -6 r show default | -6 r show dev du0 | -6 r show fd00::/64
      -6 r show fe80::/64 | -4 r | -br r | -s r | -6 r show table all | r show table 77
    `),
  )('ip %s', compare);

  it.each(
    commands(`
      r get 10.1.0.77 | r get 127.0.0.1 | r get 10.1.0.1 | r get 10.1.0.255 | r get 172.24.0.9
      r get 8.8.8.8 | r get to 10.1.0.9 | r get 10.1.0.77 from 10.1.0.1 | r get 9.9.9.9 oif p1
      -6 r get fd00::77 | r get fd56::1 | r get ::1 | r get 172.21.0.1 | r get 172.22.0.1
      r get 172.23.0.1 | -6 r get fd00:1::77 | r get 10.1.0.0/24
    `),
  )('ip %s', compare);

  it.each(
    commands(`
      n | neigh | neighbour show | ne | -4 n | -6 n | -br n | -s n | n show dev x1 | -br n show dev x1
      n show nud permanent | n show proxy | n show 192.168.7.77 | n show 192.168.7.0/24 | n show nud none
    `),
  )('ip %s', compare);

  it.each(
    commands(`
      -j a | -j -4 a | -6 -j a | -p -j a | -br -j a | -br -p -j a | -s -j a | -j a show to 10.3.0.0/16
      -j -br a show dynamic | -j -4 a show empty0 | -j a show scope 100 | -j l | -p -j l | -s -j l
      -s -s -j l | -br -j l | -p -j -s l show lo | -json link show x2 | --json l show lo | -j r | -p -j r
      -6 -j r | -j r show table all | -j r show dev du0 | -j r show table 100 | -j r get 10.1.0.255
      -p -j r get 172.24.0.9 | -j -6 r get fd00::77 | -j r get 127.0.0.1 | -j n | -p -j n | -s -j n
      -br -j n | -j n show proxy | -j r show 1.2.3.4 | -o -j l | -j l show up | -j l show type bridge_slave
      -j l show master br0 | -br -j l show group 5
    `),
  )('ip %s, byte for byte and as data', async (command) => {
    await compare(command);
    const { out } = await berth(['-n', here, ...command.split(' ')]);
    expect(() => JSON.parse(out) as unknown).not.toThrow();
  });
});

describe('what is shown on one line is what iproute2 shows', () => {
  it.each(
    commands(`
      -o a | -o -4 addr show | -o -6 a | -oneline a show dev x1 | -o -br a | -o -s a show p1 | -o a show half1
      -o l | -o -s link show x2 | -o -br l | -o r | -o -6 r | -o r show 172.26.0.0/16 | -o r get 10.1.0.77 | -o n
    `),
  )('ip %s', compare);
});

describe('what is refused is refused in iproute2 words and with its status', () => {
  it.each(
    commands(`
      link set nope up | link set p1 netns nons | link set p1 mtu abc | link set p1 mtu 10
      link set p1 address zz | link set p1 netns 99999999 | link set p1 name br0 | link set p1 master nope
      link set p1 master p2 | link set | link set p1 name averyveryverylongname | link set up
      link set p1 bogus | link set p1 up bogus | link add | link add foo | link add p1 type bridge
      link add p1 type veth | link add foo type veth peer name foo
      link add foo type veth peer name bar netns nons | link add name a dev b type bridge
      link add foo bogus | link add averyveryverylongname type bridge | link del nope | link del
      link del p1 p2 | link delete lo | link bogus | link show nope | link show bogus bogus2
      link show type | link show master nope
    `),
  )('ip %s', compare);

  it.each(
    commands(`
      addr add 10.1.0.1/24 dev p1 | addr add 10.1.0.1/33 dev p1 | addr add 10.1.0.300/24 dev p1
      addr add 10.9.9.9/24 | addr add 10.9.9.9/24 dev nope | addr add dev p1 | addr add 10.9.9.9/24 p1
      addr add 10.9.9.9/24 dev p1 brd | addr add 10.9.9.9/24 dev p1 brd zzz
      addr add 10.9.9.9/24 dev p1 scope zzz | addr add zz dev p1 | ad add
      addr add 10.9.9.9/24 dev p1 valid_lft 10 preferred_lft 20 | addr add 10.9.9.9/24 dev p1 valid_lft x
      addr add 10.9.9.9/24 dev p1 valid_lft 0 | addr add fd99::1/64 brd + dev p1
      -4 addr add fd00::1 dev p1 | -6 addr add 1.1.1.1 dev p1 | addr del 10.9.9.9/24 dev p1
      addr del 10.9.9.9/24 | addr del 10.9.9.9/24 dev nope | a del 9.9.9.9 dev p1
      addr add fd00::1/64 dev br0 | addr del fd00::99/64 dev br0 | addr add fd00::1/129 dev br0
      addr bogus | addr show bogus thing | addr show bogus | addr show dev | addr show dev nope
      addr show scope zz
    `),
  )('ip %s', compare);

  it.each(
    commands(`
      route add default | route add 10.77.0.0/16 dev nope | route add 10.77.0.0/16 via 9.9.9.9
      route add blackhole | route add default via 10.1.0.254 dev p1 metric 100
      route add 10.77.0.1/16 dev p1 | route add zzz dev p1 | route add 10.77.0.0/16 via zzz
      route add 10.77.0.0/16 via fd00::1 | route add fd07::/16 via 1.1.1.1 | route add 10.77.0.0/40 dev p1
      route del 10.77.0.0/16 | route del default via 1.2.3.4 | route add 10.77.0.0/16
      route add 10.77.0.0/16 dev p1 metric x | route add 10.77.0.0/16 dev p1 bogus
      route add 10.77.0.0/16 dev p1 table zz | route add 10.77.0.0/16 dev p1 proto zz
      route add 10.77.0.0/16 dev p1 scope zz | route add 10.77.0.0/16 dev x1 via
      route add 10.77.0.0/16 dev half1 | route add 10.77.0.0/16 dev p1 src 7.7.7.7 | route get
      route get zzz | route get 1.1.1.1 oif nope | route get 1.1.1.1 bogus 1 | -6 r get 1.1.1.1
      route bogus | route show bogus | route show table zz | route show scope zz | route show proto zz
      route show type zz | route show metric x | route show dev nope | route show 10.0.0.0/99
      neigh show dev nope | neigh show nud zz | neigh bogus | neigh show zz | bogus | -bogus a
    `),
  )('ip %s', compare);

  it.each(
    commands(`
      netns add | netns add a/b | netns del nons | netns del | netns exec | netns exec nons true
      netns bogus | netns identify abc | netns identify 99999999 | netns pids nons | netns pids
      netns add ${here} | netns exec ${here} | netns exec ${here} nosuchcommand
      netns exec ${here} /etc/passwd
    `),
  )('ip %s', compare);

  it('names what it does not have', async () => {
    for (const [command, named] of [
      ['rule', 'object "rule"'],
      ['route replace default dev p1', '"route replace"'],
      ['addr flush dev p1', '"address flush"'],
      ['link add v0 type vxlan', '"vxlan"'],
      ['link set p1 promisc on', '"promisc"'],
      ['-d link', '-details'],
      ['link add b0 alias words type bridge', '"alias" for link add'],
      ['neigh add 1.1.1.1 dev p1', '"neigh add"'],
    ] as const) {
      const { err, status, out } = await berth(['-n', here, ...command.split(' ')]);
      expect(err).toContain(named);
      expect(out).toBe('');
      expect(status).not.toBe(0);
    }
  });
});

describe('what is changed is there for iproute2 to see', () => {
  const other = `bip-${suffix}-c`;
  const show = (name: string, command: string) => iproute2(['-n', name, ...command.split(' ')]).out;

  async function done(command: string): Promise<void> {
    expect({ command, ...(await berth(command.split(' '))) }).toEqual({
      command,
      out: '',
      err: '',
      status: 0,
    });
  }

  afterAll(() => {
    spawnSync('ip', ['netns', 'delete', other]);
  });

  it('makes, lists, identifies and removes namespaces that iproute2 knows', async () => {
    await done(`netns add ${other}`);
    expect(iproute2(['netns', 'list']).out).toContain(other);
    expect(iproute2(['-n', other, 'link', 'show', 'lo']).status).toBe(0);
    expect((await berth(['netns', 'exec', other, 'sh', '-c', 'exit 7'])).status).toBe(7);
    const child = spawnSync('ip', ['netns', 'exec', other, 'ip', 'netns', 'identify'], { encoding: 'utf8' });
    expect(child.stdout.trim()).toBe(other);
    expect((await berth(['-n', other, 'netns', 'identify'])).out.trim()).toBe(other);
    await done(`netns delete ${other}`);
    expect(iproute2(['netns', 'list']).out).not.toContain(other);
  });

  it('shows the numbers by which namespaces are known, and ends in namespaces without a name', async () => {
    const own = (text: string) => text.split('\n').filter((line) => line.includes(suffix));
    const listed = own((await berth(['-n', here, 'netns', 'list'])).out);
    expect(listed).toEqual(own(iproute2(['-n', here, 'netns', 'list']).out));
    expect(listed).toContain(`${there} (id: 0)`);
    const nameless = spawn('unshare', ['-n', 'sleep', '60'], { stdio: 'ignore' });
    try {
      const pid = nameless.pid ?? 0;
      await vi.waitUntil(() => readlinkSync(`/proc/${pid}/ns/net`) !== readlinkSync('/proc/self/ns/net'));
      ip(`-n ${here} link add q0 type veth peer name q1`);
      await done(`-n ${here} link set q1 netns ${pid}`);
      for (const command of ['l show q0', '-j l show q0', '-4 -br l show q0']) await compare(command);
      expect((await berth(['-n', here, 'link', 'show', 'q0'])).out).toMatch(/link-netnsid \d+/);
      expect((await berth(['-n', here, '--explain', 'link', 'show', 'q0'])).out).toContain(
        `in the namespace of process ${pid} (sleep)`,
      );
    } finally {
      nameless.kill();
    }
  });

  it('makes the pairs, moves and names of the walkthrough', async () => {
    await done(`netns add ${other}`);
    await done(`-n ${other} link add veth-ns1 type veth peer name veth-ns2`);
    await done(`-n ${other} link set veth-ns2 netns ${there}`);
    await done(`-n ${other} link set veth-ns1 up`);
    await done(`-n ${there} link set veth-ns2 up`);
    await done(`-n ${other} addr add 192.168.0.11/24 dev veth-ns1`);
    await done(`-n ${there} a add 192.168.0.12/24 dev veth-ns2`);
    const ping = spawnSync('ip', ['netns', 'exec', other, 'ping', '-c1', '-W2', '192.168.0.12']);
    expect(ping.status).toBe(0);
    // The kernel names the ends itself.
    await done(`-n ${other} link add type veth`);
    expect(show(other, '-br link')).toMatch(/veth0@veth1[^]*veth1@veth0|veth1@veth0[^]*veth0@veth1/);
    await done(`-n ${other} link set dev veth0 name ns3-bridge netns ${there}`);
    expect(show(there, '-br link show ns3-bridge')).toContain('ns3-bridge@if');
    await done(`-n ${other} link delete veth1`);
    expect(iproute2(['-n', there, 'link', 'show', 'ns3-bridge']).status).toBe(1);
  });

  it('makes and sets links', async () => {
    await done(`-n ${other} link add br9 address 02:00:00:00:00:09 mtu 1400 type bridge`);
    await done(`-n ${other} link add v9 type veth peer name w9 netns ${there}`);
    await done(`-n ${other} link set v9 master br9 up mtu 1300 address 02:00:00:00:00:19 alias more`);
    const text = show(other, 'link show v9');
    for (const part of ['mtu 1300', 'master br9', '02:00:00:00:00:19', 'alias more', ',UP'])
      expect(text).toContain(part);
    expect(show(other, 'link show br9')).toMatch(/mtu 1[34]00[^]*02:00:00:00:00:09/);
    expect(show(there, '-br link show w9')).toContain('w9@if');
    await done(`-n ${other} link set dev v9 nomaster down`);
    expect(show(other, 'link show v9')).not.toMatch(/master|,UP/);
    await done(`-n ${other} link del dev br9`);
    expect(iproute2(['-n', other, 'link', 'show', 'br9']).status).toBe(1);
  });

  it('makes a dummy, or says that this kernel has none', async () => {
    const ours = await berth(['-n', other, 'link', 'add', 'd0', 'type', 'dummy']);
    const judge = iproute2(['-n', other, 'link', 'add', 'd1', 'type', 'dummy']);
    expect(ours.status).toBe(judge.status);
    if (judge.status === 0) expect(show(other, '-br link show d0')).toContain('d0');
    else expect(ours.err).toBe(`${judge.err.trim()} This kernel has no "dummy" links (CONFIG_DUMMY).\n`);
  });

  it('adds and deletes addresses as iproute2 does', async () => {
    const commands = [
      'addr add 10.1.0.1/24 brd + dev D',
      'addr add 10.1.0.2/24 dev D label D:x',
      'addr add 10.2.0.1 peer 10.2.0.2 dev D',
      'addr add 10.3.0.1/16 dev D valid_lft 90000 preferred_lft 50000',
      'addr add 10.4.0.1/16 dev D scope link noprefixroute',
      'addr add 10.5.0.1/16 dev D metric 50 broadcast 10.5.0.9',
      'addr add 127.5.0.1/32 dev D',
      'addr add fd01::1/64 dev D nodad',
      'addr add fd01::2/64 dev D valid_lft 90000 preferred_lft 0 nodad',
      'addr add 10.6.0.1/16 dev D',
      'addr del 10.6.0.1/16 dev D',
    ];
    ip(`-n ${other} link add ours type veth peer name ours1`);
    ip(`-n ${other} link add base type veth peer name base1`);
    for (const device of ['ours', 'base']) ip(`-n ${other} link set ${device} up`);
    for (const command of commands) {
      await done(`-n ${other} ${command.replaceAll('D', 'ours')}`);
      // In a namespace of its own, or the second would be in the way of the first.
      ip(`-n ${other} ${command.replaceAll('D', 'base')}`);
    }
    const addresses = (device: string) => {
      const lines = show(other, `addr show ${device}`).split('\n').slice(2);
      return still(lines.filter((line) => !line.includes('fe80')).join('\n')).replaceAll(device, 'D');
    };
    expect(addresses('ours')).toBe(addresses('base'));
  });

  it('adds and deletes routes as iproute2 does', async () => {
    const commands = [
      'route add default via 10.1.0.254',
      'route add 10.50.0.0/16 dev ours',
      'route add 10.51.0.0/16 via 10.1.0.9 dev ours metric 7 proto static src 10.1.0.1',
      'route add 10.52.0.0/16 via 99.9.9.9 dev ours onlink mtu 1300',
      'route add blackhole 10.53.0.0/16',
      'route add unreachable 10.54.0.0/16 table 77',
      'route add local 10.55.0.1 dev ours',
      'route add 10.56.0.1 dev ours scope global',
      'route add default via fd01::9',
      'route add fd50::/64 dev ours metric 9',
      'route add blackhole fd51::/64',
    ];
    const all = () => show(other, 'route show table all');
    const before = all();
    for (const command of commands) ip(`-n ${other} ${command}`);
    const wanted = all();
    for (const command of commands.toReversed())
      await done(`-n ${other} ${command.replace(' add ', ' del ')}`);
    expect(all()).toBe(before);
    for (const command of commands) await done(`-n ${other} ${command}`);
    expect(all()).toBe(wanted);
  });
});
