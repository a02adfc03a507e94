import { BerthError, isBerthError, shortId } from '@berth/core';
import {
  addressRequests,
  isErrno,
  linkRequests,
  routeRequests,
  writeSysctl,
  type RouteSocket,
} from '@berth/kernel';
import { broadcastOf } from '../../ipam/address.js';

/** RT_TABLE_LOCAL and RTN_LOCAL (include/uapi/linux/rtnetlink.h). */
const LOCAL = { table: 255, type: 2 } as const;

export interface BridgeSettings {
  readonly name: string;
  /** Marks the link as ours. */
  readonly alias: string;
  readonly macAddress: string;
  readonly mtu: number | undefined;
  /** The gateways'. */
  readonly addresses: readonly { readonly address: string; readonly prefixLength: number }[];
  /** Whether the network has IPv6. */
  readonly ipv6: boolean;
}

/** The bridge of a network that doesn't name one. */
export function bridgeNameOf(networkId: string): string {
  return `br-${shortId(networkId)}`;
}

/**
 * Makes the bridge, or brings the one that is there to what it should be.
 *
 * @returns its index
 * @throws BerthError `conflict` where an interface of that name is not ours
 */
export function ensureBridge(routes: RouteSocket, settings: BridgeSettings): number {
  const { name, alias, mtu } = settings;
  const existing = routes.link(name);
  if (existing === undefined) {
    // A bridge with an address of its own keeps it, whatever ports it gets, and has no carrier while it has none.
    routes.run(
      linkRequests.addBridge({ name, address: settings.macAddress, ...(mtu !== undefined && { mtu }) }),
      linkRequests.set({ name }, { alias }),
    );
  } else if (existing.kind !== 'bridge' || existing.alias !== alias) {
    throw new BerthError(
      'conflict',
      `interface ${name} exists on this host and is not this network's: choose another name for the bridge, or remove it`,
      { op: 'create bridge', subject: name },
    );
  }
  const index = existing?.index ?? routes.link(name)?.index;
  if (index === undefined) throw new BerthError('internal', `bridge ${name} vanished while it was made`);
  applySettings(settings);
  // The MTU again, for one that is there: a bridge takes that of its smallest port until it is given one.
  routes.run(linkRequests.set({ name }, { up: true, ...(mtu !== undefined && { mtu }) }));
  for (const { address, prefixLength } of settings.addresses) {
    const broadcast = broadcastOf(address, prefixLength);
    const noDuplicateDetection = address.includes(':');
    try {
      routes.run(
        addressRequests.add({
          index,
          address,
          prefixLength,
          ...(broadcast !== undefined && { broadcast }),
          noDuplicateDetection,
        }),
      );
    } catch (error) {
      if (!isErrno(error, 'EEXIST')) throw error;
    }
  }
  if (settings.ipv6) takeLoopbackReplies(routes, index);
  return index;
}

/**
 * So that [::1]:PORT of the host leads to a container: a reply for ::1 that comes in by the bridge finds a route there
 * only if one names the bridge (rt6_need_strict of net/ipv6/route.c). What a container itself sends to ::1 the kernel
 * has dropped before (ip6_rcv_core of net/ipv6/ip6_input.c).
 */
function takeLoopbackReplies(routes: RouteSocket, index: number): void {
  try {
    // Behind that of lo, and beside those of other bridges.
    routes.run(routeRequests.append({ destination: '::1', index, ...LOCAL }));
  } catch (error) {
    if (!isErrno(error, 'EEXIST')) throw error;
  }
}

/** Settings of the bridge alone; those of other links stay as they are. */
function applySettings({ name, ipv6 }: BridgeSettings): void {
  // So that 127.0.0.1:PORT of the host leads to a container: replies come in by the bridge for a loopback address.
  // What containers send to loopback addresses themselves is dropped by the firewall's guard chain.
  writeSysctl(`net/ipv4/conf/${name}/route_localnet`, 1);
  const settings = ipv6
    ? [
        // No container can give the host an address or a default route by a router advertisement (CVE-2020-13401).
        ['accept_ra', 0],
        ['autoconf', 0],
        // The gateway's address is nobody else's: it is there at once.
        ['accept_dad', 0],
        ['disable_ipv6', 0],
      ]
    : [['disable_ipv6', 1]];
  try {
    for (const [setting, value] of settings) writeSysctl(`net/ipv6/conf/${name}/${setting}`, Number(value));
  } catch (error) {
    // A kernel without IPv6 takes none either.
    if (ipv6 || !isBerthError(error, 'unsupported')) throw error;
  }
}
