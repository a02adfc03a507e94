import { execFile, execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { NetworkNamespace, inNamespace } from '../namespace/index.js';
import { readSysctl, writeSysctl } from '../sysctl/index.js';
import { Nftables, NftSocket, nftChanges, nftKeys } from './index.js';

/**
 * What of nf_tables the layer above builds on, proven by packets: ports are map elements. Two plain maps for single
 * ports and two interval maps for ranges, since a change of an interval map costs more with each element that it holds.
 */
const RULESET = `table inet berth {
	map published {
		type inet_proto . inet_service : ipv4_addr . inet_service
	}

	map published_at {
		type ipv4_addr . inet_proto . inet_service : ipv4_addr . inet_service
	}

	map published_ranges {
		type inet_proto . inet_service : ipv4_addr
		flags interval
	}

	set bridges {
		type ifname
	}

	set hairpin {
		type ifname . ifname
	}

	chain prerouting {
		type nat hook prerouting priority dstnat; policy accept;
		fib daddr type local jump publish
	}

	chain output {
		type nat hook output priority -100; policy accept;
		fib daddr type local jump publish
	}

	chain publish {
		meta l4proto { tcp, udp } dnat ip to ip daddr . meta l4proto . th dport map @published_at
		meta l4proto { tcp, udp } dnat ip to meta l4proto . th dport map @published
		meta l4proto { tcp, udp } dnat ip to meta l4proto . th dport map @published_ranges
	}

	chain postrouting {
		type nat hook postrouting priority srcnat; policy accept;
		iifname . oifname @hairpin ct status dnat masquerade
		ip saddr 127.0.0.0/8 oifname @bridges masquerade
	}
}
`;

const NAMES = ['host', 'outside', 'server', 'neighbour'] as const;
type Name = (typeof NAMES)[number];
let directory: string;
const namespaces = new Map<Name, NetworkNamespace>();
let server: ChildProcess | undefined;

const enter = (name: Name): string => `--net=${join(directory, name)}`;
const sh = (name: Name, script: string): string =>
  execFileSync('nsenter', [enter(name), 'sh', '-ec', script], { encoding: 'utf8' });
const host = (): NetworkNamespace => namespaces.get('host') ?? NetworkNamespace.current();

/** Says over each port, tcp and udp, which port it is and who asks. */
const SERVER = `
  const net = require('node:net'), dgram = require('node:dgram');
  for (const port of [80, 9000, 9010]) {
    net.createServer((s) => s.end(port + ' ' + s.remoteAddress)).listen(port, '0.0.0.0');
    const udp = dgram.createSocket('udp4');
    udp.on('message', (_, from) => udp.send(port + ' ' + from.address, from.port, from.address)).bind(port);
  }
  setTimeout(() => console.log('ready'), 50);`;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'berth-published-'));
  for (const name of NAMES) namespaces.set(name, NetworkNamespace.create(join(directory, name)));
  // veth pairs are made with their far end in place: `netns` takes a path through its process.
  const at = (name: Name): string => `/proc/${process.pid}/fd/${namespaces.get(name)?.fd ?? -1}`;
  const attach = (link: string, name: Name, address: string): string =>
    `ip link add ${link} type veth peer name eth0 netns ${at(name)}
     nsenter --net=${at(name)} sh -ec 'ip addr add ${address} dev eth0; ip link set lo up; ip link set eth0 up'`;
  sh(
    'host',
    `ip link set lo up
     ${attach('up0', 'outside', '198.51.100.2/24')}
     ip addr add 198.51.100.1/24 dev up0; ip link set up0 up
     ip link add br0 type bridge; ip addr add 10.9.0.1/24 dev br0; ip link set br0 up
     ${attach('v2', 'server', '10.9.0.2/24')}
     ${attach('v3', 'neighbour', '10.9.0.3/24')}
     for port in v2 v3; do ip link set $port master br0 up; ip link set $port type bridge_slave hairpin on; done`,
  );
  for (const name of ['server', 'neighbour'] as const) sh(name, 'ip route add default via 10.9.0.1');
  inNamespace(host(), () => {
    writeSysctl('net.ipv4.ip_forward', 1);
    writeSysctl('net.ipv4.conf.br0.route_localnet', 1);
    const bridgeFilter = 'net.bridge.bridge-nf-call-iptables';
    if (readSysctl(bridgeFilter) !== undefined) writeSysctl(bridgeFilter, 0);
  });
  using nftables = inNamespace(host(), () => Nftables.open());
  nftables.run(RULESET);
  expect(sh('host', 'nft list ruleset')).toBe(RULESET);

  using socket = NftSocket.open(host());
  const add = (set: string, key: Buffer, data?: Buffer, keyEnd?: Buffer) =>
    nftChanges.addElements({
      family: 'inet',
      table: 'berth',
      set,
      elements: [{ key, ...(data && { data }), ...(keyEnd && { keyEnd }) }],
    });
  const address = nftKeys.address('10.9.0.2');
  const target = nftKeys.concat(address, nftKeys.service(80));
  const key = (protocol: 'tcp' | 'udp', port: number) =>
    nftKeys.concat(nftKeys.protocol(protocol), nftKeys.service(port));
  const bridge = nftKeys.interfaceName('br0');
  socket.commit([
    ...add('bridges', bridge),
    ...add('hairpin', nftKeys.concat(bridge, bridge)),
    ...(['tcp', 'udp'] as const).flatMap((protocol) => [
      ...add('published', key(protocol, 8081), target),
      ...add('published_at', nftKeys.concat(nftKeys.address('127.0.0.1'), key(protocol, 8082)), target),
      ...add('published_ranges', key(protocol, 9000), address, key(protocol, 9010)),
    ]),
  ]);
  server = spawn('nsenter', [enter('server'), process.execPath, '-e', SERVER], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  if (server.stdout !== null) await once(server.stdout, 'data');
});

afterAll(async () => {
  if (server !== undefined) {
    server.kill('SIGKILL');
    await once(server, 'exit');
  }
  for (const [name, namespace] of namespaces) {
    namespace.close();
    NetworkNamespace.remove(join(directory, name));
  }
  rmSync(directory, { recursive: true });
});

const CLIENT = `
  const [address, port, protocol] = process.argv.slice(1);
  const say = (text) => { console.log(String(text)); process.exit(); };
  setTimeout(() => say('no answer'), 2000);
  if (protocol === 'tcp') {
    require('node:net').connect(port, address).on('data', say).on('error', (e) => say(e.code));
  } else {
    const socket = require('node:dgram').createSocket('udp4').on('message', say).on('error', (e) => say(e.code));
    socket.connect(port, address, () => socket.send('?'));
  }`;

/** What a client gets, which over udp takes answers only from the address that it asked. */
async function ask(from: Name, address: string, port: number, protocol: string): Promise<string> {
  const args = [enter(from), process.execPath, '-e', CLIENT, address, String(port), protocol];
  return (await promisify(execFile)('nsenter', args)).stdout.trim();
}

describe.each(['tcp', 'udp'])('a published %s port', (protocol) => {
  it.each<[Name, string, number, string]>([
    ['outside', '198.51.100.1', 8081, '80 198.51.100.2'],
    ['outside', '198.51.100.1', 9000, '9000 198.51.100.2'],
    ['outside', '198.51.100.1', 9010, '9010 198.51.100.2'],
    ['host', '198.51.100.1', 8081, '80 198.51.100.1'],
    ['host', '10.9.0.1', 8081, '80 10.9.0.1'],
    ['host', '127.0.0.1', 8081, '80 10.9.0.1'],
    ['host', '127.0.0.1', 8082, '80 10.9.0.1'],
    ['host', '127.0.0.1', 9010, '9010 10.9.0.1'],
    ['neighbour', '198.51.100.1', 8081, '80 10.9.0.1'],
    ['neighbour', '10.9.0.1', 9000, '9000 10.9.0.1'],
    ['server', '198.51.100.1', 8081, '80 10.9.0.1'],
    ['server', '10.9.0.1', 8081, '80 10.9.0.1'],
  ])('from %s through %s:%i arrives: %s', async (from, address, port, answer) => {
    expect(await ask(from, address, port, protocol)).toBe(answer);
  });

  it.each<[Name, string, number]>([
    ['outside', '198.51.100.1', 8082],
    ['outside', '198.51.100.1', 8999],
    ['outside', '198.51.100.1', 9011],
  ])('from %s through %s:%i does not arrive', async (from, address, port) => {
    expect(await ask(from, address, port, protocol)).toMatch(/^(ECONNREFUSED|no answer)$/);
  });
});
