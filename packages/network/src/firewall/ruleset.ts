import { asText, type SetElement } from './element.js';

/** The table that holds all of Berth's rules on the host. */
export const TABLE = 'berth';

/**
 * The mark that `--firewall-coexist` gives to forwarded packets which Berth lets pass, so that another table of the
 * host can let them pass too with one rule: a bit that neither Kubernetes (0x4000, 0x8000) nor Docker uses.
 */
export const COEXIST_MARK = 0x0b00_0000;

export interface RulesetOptions {
  /** Mark what is let pass, before other tables of the host see it. */
  readonly coexist: boolean;
}

const PROTOCOLS = '{ tcp, udp, sctp }';
const SERVICE = 'meta l4proto . th dport';

/** Sets and maps of the table: name, and what nft says of the type. */
const SETS: readonly (readonly [kind: 'set' | 'map', name: string, type: string])[] = [
  ['set', 'bridges', 'type ifname'],
  ['set', 'siblings', 'type ifname . ifname'],
  ['set', 'hairpin', 'type ifname . ifname'],
  ['set', 'internal', 'type ifname'],
  ['set', 'masqueraded', 'type ifname'],
  ['set', 'masqueraded6', 'type ifname'],
  ['map', 'source', 'type ifname : ipv4_addr'],
  ['map', 'source6', 'type ifname : ipv6_addr'],
  ['set', 'routed', 'type ifname'],
  ['set', 'routed6', 'type ifname'],
  ['set', 'unprotected', 'type ifname'],
  ['set', 'unprotected6', 'type ifname'],
  ['set', 'trusted', 'type ifname . ifname'],
  ['set', 'services', 'type ipv4_addr . inet_proto . inet_service; flags interval'],
  ['set', 'services6', 'type ipv6_addr . inet_proto . inet_service; flags interval'],
  ['map', 'published', 'type inet_proto . inet_service : ipv4_addr . inet_service'],
  ['map', 'published_at', 'type ipv4_addr . inet_proto . inet_service : ipv4_addr . inet_service'],
  ['map', 'ranges', 'type inet_proto . inet_service : ipv4_addr; flags interval'],
  ['map', 'ranges_at', 'type ipv4_addr . inet_proto . inet_service : ipv4_addr; flags interval'],
  ['map', 'published6', 'type inet_proto . inet_service : ipv6_addr . inet_service'],
  ['map', 'published_at6', 'type ipv6_addr . inet_proto . inet_service : ipv6_addr . inet_service'],
  ['map', 'ranges6', 'type inet_proto . inet_service : ipv6_addr; flags interval'],
  ['map', 'ranges_at6', 'type ipv6_addr . inet_proto . inet_service : ipv6_addr; flags interval'],
];

/** The sets of the bridges' table. */
const STATION_SETS: readonly (readonly [name: string, type: string])[] = [
  ['ports', 'type ifname'],
  ['stations', 'type ifname . ether_addr'],
  ['sources', 'type ifname . ether_addr . ipv4_addr'],
  ['sources6', 'type ifname . ether_addr . ipv6_addr'],
  // The target of a neighbour advertisement (RFC 4861, section 4.4), for which this nft has no word.
  ['targets6', 'typeof iifname . @th,64,128'],
];

/**
 * The table of the Internet protocols as text (docs/firewall.md walks through it). The chains are the same whatever the
 * networks and ports are: those are elements.
 */
export function ruleset(elements: readonly SetElement[], { coexist }: RulesetOptions): string {
  const sets = SETS.map(
    ([kind, name, type]) => `  ${kind} ${name} { ${type}; ${asText(name, elements)} }\n`,
  ).join('');
  // A verdict can't be taken back by a later chain of ours, so that the mark goes with it.
  const accept = coexist ? `meta mark set meta mark or 0x${COEXIST_MARK.toString(16)} accept` : 'accept';
  const outward = coexist ? `    iifname @bridges ${accept}\n` : '';
  const known = coexist
    ? `  chain known {\n    oifname @bridges ${accept}\n    iifname @bridges ${accept}\n  }\n`
    : '';
  return `add table inet ${TABLE}
delete table inet ${TABLE}
table inet ${TABLE} {
${sets}
${known}  chain guard {
    type filter hook prerouting priority raw; policy accept;
    iifname @bridges ip daddr 127.0.0.0/8 drop
  }
  chain forward {
    type filter hook forward priority ${coexist ? 'filter - 1' : 'filter'}; policy accept;
    ct state established,related ${coexist ? 'goto known' : 'accept'}
    iifname . oifname @siblings ${accept}
    iifname @internal drop
    oifname @internal drop
    oifname @bridges jump inbound
${outward}  }
  chain inbound {
    ct status dnat ${accept}
    oifname @routed ip daddr . ${SERVICE} @services ${accept}
    oifname @routed6 ip6 daddr . ${SERVICE} @services6 ${accept}
    oifname @routed meta l4proto icmp ${accept}
    oifname @routed6 meta l4proto ipv6-icmp ${accept}
    iifname . oifname @trusted ip daddr . ${SERVICE} @services ${accept}
    iifname . oifname @trusted ip6 daddr . ${SERVICE} @services6 ${accept}
    iifname @bridges drop
    meta nfproto ipv4 oifname @unprotected ${accept}
    meta nfproto ipv6 oifname @unprotected6 ${accept}
    drop
  }
  chain prerouting {
    type nat hook prerouting priority dstnat + 1; policy accept;
    fib daddr type local ip daddr != 127.0.0.0/8 jump publish
    fib daddr type local ip6 daddr != ::1 jump publish6
  }
  chain output {
    type nat hook output priority -99; policy accept;
    meta nfproto ipv4 fib daddr type local jump publish
    meta nfproto ipv6 fib daddr type local jump publish6
  }
  chain publish {
    meta l4proto != ${PROTOCOLS} return
    dnat ip to ip daddr . ${SERVICE} map @published_at
    dnat ip to ${SERVICE} map @published
    dnat ip to ip daddr . ${SERVICE} map @ranges_at
    dnat ip to ${SERVICE} map @ranges
  }
  chain publish6 {
    meta l4proto != ${PROTOCOLS} return
    dnat ip6 to ip6 daddr . ${SERVICE} map @published_at6
    dnat ip6 to ${SERVICE} map @published6
    dnat ip6 to ip6 daddr . ${SERVICE} map @ranges_at6
    dnat ip6 to ${SERVICE} map @ranges6
  }
  chain postrouting {
    type nat hook postrouting priority srcnat; policy accept;
    iifname . oifname @hairpin ct status dnat masquerade
    ip saddr 127.0.0.0/8 oifname @bridges masquerade
    ip6 saddr ::1 oifname @bridges masquerade
    oifname @bridges return
    snat ip to iifname map @source
    snat ip6 to iifname map @source6
    meta nfproto ipv4 iifname @masqueraded masquerade
    meta nfproto ipv6 iifname @masqueraded6 masquerade
  }
}
`;
}

/**
 * The table of the bridges' ports as text: what a container sends must be its own. Frames that come in by other ports
 * of the host's bridges pass.
 */
export function stationRuleset(elements: readonly SetElement[]): string {
  const sets = STATION_SETS.map(([name, type]) => `  set ${name} { ${type}; ${asText(name, elements)} }\n`);
  return `add table bridge ${TABLE}
delete table bridge ${TABLE}
table bridge ${TABLE} {
${sets.join('')}
  counter forged { }
  chain prerouting {
    type filter hook prerouting priority dstnat; policy accept;
    iifname @ports goto port
  }
  chain port {
    ether type vmap { ip : goto port_ip, ip6 : goto port_ip6, arp : goto port_arp, 8021q : goto forgery, 8021ad : goto forgery }
    iifname . ether saddr @stations accept
    goto forgery
  }
  chain port_ip {
    iifname . ether saddr . ip saddr != @sources goto forgery
    udp sport 67 goto forgery
    accept
  }
  chain port_arp {
    iifname . arp saddr ether != @stations goto forgery
    iifname . ether saddr . arp saddr ip @sources accept
    arp saddr ip 0.0.0.0 iifname . ether saddr @stations accept
    goto forgery
  }
  chain port_ip6 {
    meta l4proto ipv6-icmp goto port_icmp6
    iifname . ether saddr . ip6 saddr != @sources6 goto forgery
    udp sport 547 goto forgery
    accept
  }
  chain port_icmp6 {
    icmpv6 type { nd-router-advert, nd-redirect } goto forgery
    icmpv6 type nd-neighbor-advert iifname . @th,64,128 != @targets6 goto forgery
    iifname . ether saddr . ip6 saddr @sources6 accept
    ip6 saddr :: iifname . ether saddr @stations accept
    goto forgery
  }
  chain forgery {
    counter name forged drop
  }
}
`;
}
