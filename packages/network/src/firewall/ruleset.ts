/** The table that holds all of Berth's rules on the host. */
export const TABLE = 'berth';

/** What a network means to traffic. */
export interface FirewallNetwork {
  readonly bridge: string;
  /** No way in or out. */
  readonly internal: boolean;
  /** Containers leave by the host's own address. */
  readonly masquerade: boolean;
  /** Containers of the network may talk to each other. */
  readonly icc: boolean;
}

/** A host port and where it leads. */
export interface FirewallPort {
  readonly protocol: 'tcp' | 'udp';
  /** Undefined: every address of the host. */
  readonly hostAddress?: string;
  readonly hostPort: number;
  readonly address: string;
  readonly port: number;
}

/**
 * The whole table as text (docs/firewall.md walks through it). The chains are the same whatever the networks and
 * ports are: those are elements.
 */
export function ruleset(networks: readonly FirewallNetwork[], ports: readonly FirewallPort[]): string {
  const bridges = networks.map(({ bridge }) => quote(bridge));
  const pair = ({ bridge }: FirewallNetwork) => `${quote(bridge)} . ${quote(bridge)}`;
  const everywhere = ports.filter((port) => port.hostAddress === undefined);
  const at = ports.filter((port) => port.hostAddress !== undefined);
  const service = (port: FirewallPort) =>
    `${port.protocol} . ${port.hostPort} : ${port.address} . ${port.port}`;
  return `add table inet ${TABLE}
delete table inet ${TABLE}
table inet ${TABLE} {
  set bridges { type ifname; ${elements(bridges)} }
  set siblings { type ifname . ifname; ${elements(networks.filter((network) => network.icc).map(pair))} }
  set hairpin { type ifname . ifname; ${elements(networks.map(pair))} }
  set internal { type ifname; ${elements(namesOf(networks, 'internal'))} }
  set masqueraded { type ifname; ${elements(namesOf(networks, 'masquerade'))} }
  map published { type inet_proto . inet_service : ipv4_addr . inet_service; ${elements(everywhere.map(service))} }
  map published_at {
    type ipv4_addr . inet_proto . inet_service : ipv4_addr . inet_service
    ${elements(at.map((port) => `${port.hostAddress} . ${service(port)}`))}
  }
  chain guard {
    type filter hook prerouting priority raw; policy accept;
    iifname @bridges ip daddr 127.0.0.0/8 drop
  }
  chain forward {
    type filter hook forward priority filter; policy accept;
    iifname . oifname @siblings accept
    iifname @internal drop
    oifname @internal drop
    oifname @bridges jump inbound
  }
  chain inbound {
    ct state established,related accept
    ct status dnat accept
    drop
  }
  chain prerouting {
    type nat hook prerouting priority dstnat; policy accept;
    fib daddr type local ip daddr != 127.0.0.0/8 jump publish
  }
  chain output {
    type nat hook output priority -100; policy accept;
    fib daddr type local jump publish
  }
  chain publish {
    meta l4proto { tcp, udp } dnat ip to ip daddr . meta l4proto . th dport map @published_at
    meta l4proto { tcp, udp } dnat ip to meta l4proto . th dport map @published
  }
  chain postrouting {
    type nat hook postrouting priority srcnat; policy accept;
    iifname . oifname @hairpin ct status dnat masquerade
    ip saddr 127.0.0.0/8 oifname @bridges masquerade
    iifname @masqueraded oifname != @bridges masquerade
  }
}
`;
}

function namesOf(networks: readonly FirewallNetwork[], property: 'internal' | 'masquerade'): string[] {
  return networks.filter((network) => network[property]).map(({ bridge }) => quote(bridge));
}

function elements(texts: readonly string[]): string {
  return texts.length === 0 ? '' : `elements = { ${texts.join(', ')} }`;
}

function quote(name: string): string {
  return `"${name}"`;
}
