import type { HostInABox } from '@berth/tests/box';

/** What is put in front of the commands of a client and of its server, and the address that leads to the server. */
export interface Path {
  readonly client: readonly string[];
  readonly server: readonly string[];
  readonly address: string;
}

const SWITCHED = ['bare-switch', 'bare-left', 'bare-right'];
const ROUTED = ['bare-router', 'bare-outside', 'bare-inside'];

/** Two namespaces, each joined by a veth pair to a plain bridge in a third one: what a custom network is at least. */
export async function bareSwitch(box: HostInABox): Promise<Path> {
  const [bridge = '', left = '', right = ''] = SWITCHED;
  await script(box, [
    ...SWITCHED.flatMap((name) => [`ip netns add ${name}`, `ip -n ${name} link set lo up`]),
    `ip -n ${bridge} link add br0 up type bridge`,
    ...[left, right].flatMap((name, index) => [
      `ip -n ${bridge} link add port${index} type veth peer name eth0 netns ${name}`,
      `ip -n ${bridge} link set port${index} master br0 up`,
      `ip -n ${name} addr add 10.98.0.${index + 2}/24 dev eth0`,
      `ip -n ${name} link set eth0 up`,
    ]),
  ]);
  return { client: inside(box, left), server: inside(box, right), address: '10.98.0.3' };
}

/**
 * An outside namespace, a router with a rule of destination NAT for each port, and a namespace at its bridge: what a
 * published port is at least. The outside link has addresses of TEST-NET-3 (RFC 5737).
 */
export async function bareRouter(box: HostInABox, ports: readonly number[]): Promise<Path> {
  const [router = '', outside = '', server = ''] = ROUTED;
  const rules = ports.map((port) => `add rule ip nat in tcp dport ${port} dnat to 10.98.1.2:${port}`);
  await script(box, [
    ...ROUTED.flatMap((name) => [`ip netns add ${name}`, `ip -n ${name} link set lo up`]),
    `ip netns exec ${router} sysctl -qw net.ipv4.ip_forward=1`,
    `ip -n ${router} link add out0 type veth peer name eth0 netns ${outside}`,
    `ip -n ${router} addr add 203.0.113.1/24 dev out0`,
    `ip -n ${router} link set out0 up`,
    `ip -n ${outside} addr add 203.0.113.2/24 dev eth0`,
    `ip -n ${outside} link set eth0 up`,
    `ip -n ${router} link add br0 up type bridge`,
    `ip -n ${router} addr add 10.98.1.1/24 dev br0`,
    `ip -n ${router} link add port0 type veth peer name eth0 netns ${server}`,
    `ip -n ${router} link set port0 master br0 up`,
    `ip -n ${server} addr add 10.98.1.2/24 dev eth0`,
    `ip -n ${server} link set eth0 up`,
    `ip -n ${server} route add default via 10.98.1.1`,
    `ip netns exec ${router} nft -f - <<'END'`,
    'add table ip nat',
    'add chain ip nat in { type nat hook prerouting priority dstnat; }',
    ...rules,
    'END',
  ]);
  return { client: inside(box, outside), server: inside(box, server), address: '203.0.113.1' };
}

/** Takes away the namespaces of both. */
export async function removeBarePaths(box: HostInABox): Promise<void> {
  await script(
    box,
    [...SWITCHED, ...ROUTED].map((name) => `ip netns delete ${name} 2>/dev/null || :`),
  );
}

function inside(box: HostInABox, namespace: string): string[] {
  return [...box.hostPrefix, 'nsenter', `--net=/run/netns/${namespace}`, '--'];
}

async function script(box: HostInABox, lines: readonly string[]): Promise<void> {
  await box.host('sh', '-ec', lines.join('\n'));
}
