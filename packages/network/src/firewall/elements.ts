import { isIPv6 } from 'node:net';
import type { Protocol } from '../model.js';
import { field, type SetElement } from './element.js';

/** What a network means to traffic. */
export interface FirewallNetwork {
  readonly bridge: string;
  /** No way in or out. */
  readonly internal: boolean;
  /** Containers of the network may talk to each other. */
  readonly icc: boolean;
  readonly ipv4: FamilyRules;
  readonly ipv6: FamilyRules;
  /** Links of the host whose neighbours may reach published ports at the container's own address. */
  readonly trusted: readonly string[];
}

/** What a network does with the packets of one family. */
export interface FamilyRules {
  /** Containers leave by the host's own address, or by {@link source}. */
  readonly masquerade: boolean;
  /** The host's address that containers leave by; undefined: that of the link. */
  readonly source?: string;
  /** Who has a route reaches published ports at the container's own address. */
  readonly routed: boolean;
  /** Who has a route reaches every port of a container. */
  readonly unprotected: boolean;
}

/** A run of host ports and where it leads. */
export interface FirewallPort {
  readonly protocol: Protocol;
  /** Undefined: every address of the host, of the family of `address`. */
  readonly hostAddress?: string;
  readonly hostPort: number;
  readonly address: string;
  readonly port: number;
  /** How many ports from `hostPort` and `port` on. */
  readonly count: number;
}

/** Ports that can be reached at a container's own address, where its network allows that. */
export interface FirewallService {
  readonly address: string;
  readonly protocol: Protocol;
  readonly port: number;
  readonly count: number;
}

/** What may come in by a port of a bridge. */
export interface FirewallStation {
  /** The host's end of the veth pair. */
  readonly link: string;
  readonly macAddress: string;
  /** Of both families, link-local ones included. */
  readonly addresses: readonly string[];
}

/** The elements that stand for a network. */
export function networkElements(network: FirewallNetwork): SetElement[] {
  const { ipv4, ipv6 } = network;
  const name = field.link(network.bridge);
  const inSet = (set: string, condition: boolean): SetElement[] => (condition ? [{ set, key: [name] }] : []);
  const leaves = (rules: FamilyRules) => rules.masquerade && rules.source === undefined;
  const source = (set: string, rules: FamilyRules): SetElement[] =>
    rules.masquerade && rules.source !== undefined
      ? [{ set, key: [name], data: [field.address(rules.source)] }]
      : [];
  return [
    ...inSet('bridges', true),
    { set: 'hairpin', key: [name, name] },
    ...(network.icc ? [{ set: 'siblings', key: [name, name] }] : []),
    ...inSet('internal', network.internal),
    ...inSet('masqueraded', leaves(ipv4)),
    ...inSet('masqueraded6', leaves(ipv6)),
    ...source('source', ipv4),
    ...source('source6', ipv6),
    ...inSet('routed', ipv4.routed),
    ...inSet('routed6', ipv6.routed),
    ...inSet('unprotected', ipv4.unprotected),
    ...inSet('unprotected6', ipv6.unprotected),
    ...network.trusted.map((link) => ({ set: 'trusted', key: [field.link(link), name] })),
  ];
}

/**
 * The elements that stand for a run of published ports. One that keeps its numbers is one interval, whatever its
 * length; nf_tables can't add, so that a run which changes its numbers takes an element for each.
 */
export function portElements(run: FirewallPort): SetElement[] {
  const { protocol, hostAddress, hostPort, address, port, count } = run;
  const suffix = isIPv6(address) ? '6' : '';
  const where = hostAddress === undefined ? '' : '_at';
  const at = hostAddress === undefined ? [] : [field.address(hostAddress)];
  const target = field.address(address);
  if (count > 1 && hostPort === port) {
    const key = [...at, field.protocol(protocol), field.ports(hostPort, count)];
    return [{ set: `ranges${where}${suffix}`, key, data: [target], interval: true }];
  }
  return Array.from({ length: count }, (_, offset) => ({
    set: `published${where}${suffix}`,
    key: [...at, field.protocol(protocol), field.port(hostPort + offset)],
    data: [target, field.port(port + offset)],
  }));
}

/** The elements that stand for ports which are open at the container's own address. */
export function serviceElements({ address, protocol, port, count }: FirewallService): SetElement[] {
  const set = isIPv6(address) ? 'services6' : 'services';
  return [
    {
      set,
      key: [field.address(address), field.protocol(protocol), field.ports(port, count)],
      interval: true,
    },
  ];
}

/** The elements that stand for what may come in by a port of a bridge. */
export function stationElements({ link, macAddress, addresses }: FirewallStation): SetElement[] {
  const name = field.link(link);
  const mac = field.mac(macAddress);
  return [
    { set: 'ports', key: [name] },
    { set: 'stations', key: [name, mac] },
    ...addresses.map((address) => ({
      set: isIPv6(address) ? 'sources6' : 'sources',
      key: [name, mac, field.address(address)],
    })),
    ...addresses
      .filter((address) => isIPv6(address))
      .map((address) => ({ set: 'targets6', key: [name, field.number(address)] })),
  ];
}
