import { BerthError } from '@berth/core';
import type { RouteSocket } from '@berth/kernel';
import { OWNER_PREFIX } from '../drivers/driver.js';
import { formatPrefix, overlaps, parsePrefix, type Prefix } from '../ipam/address.js';

/** RT_TABLE_MAIN (include/uapi/linux/rtnetlink.h). */
const MAIN_TABLE = 254;
/** Link-local prefixes are on every link, and no network's (RFC 4291, section 2.4). */
const LINK_LOCAL = parsePrefix('fe80::/10')?.prefix;
/** RTAX_MTU (include/uapi/linux/rtnetlink.h). */
const RTAX_MTU = 2;

/** Where the host sends packets. */
export interface HostRoute {
  readonly prefix: Prefix;
  readonly interfaceName: string;
  /** Without a gateway the hosts of the prefix are neighbours. */
  readonly direct: boolean;
}

/** The host's routes but for the default ones and those of our own links. */
export function hostRoutes(socket: RouteSocket): HostRoute[] {
  const links = new Map(socket.links({ statistics: false }).map((link) => [link.index, link]));
  return socket.routes({ table: MAIN_TABLE }).flatMap((route) => {
    const prefix = parsePrefix(route.destination ?? '')?.prefix;
    const link = links.get(route.outputIndex ?? -1);
    if (prefix === undefined || prefix.length === 0 || link?.alias?.startsWith(OWNER_PREFIX)) return [];
    if (LINK_LOCAL !== undefined && overlaps(prefix, LINK_LOCAL)) return [];
    const direct = route.gateway === undefined && route.nexthops === undefined;
    return [{ prefix, interfaceName: link?.name ?? 'several interfaces', direct }];
  });
}

/** Bytes: the least MTU of the host's default routes, of the route itself or of its link; undefined without any. */
export function leastUplinkMtu(socket: RouteSocket): number | undefined {
  const defaults = socket
    .routes({ table: MAIN_TABLE })
    .filter(({ destination }) => destination === undefined);
  if (defaults.length === 0) return undefined;
  const mtus = defaults.flatMap((route) => {
    const own = route.metrics?.find(([number]) => number === RTAX_MTU)?.[1];
    const indexes = [route.outputIndex, ...(route.nexthops ?? []).map(({ outputIndex }) => outputIndex)];
    const ofLinks = indexes.flatMap((index) => (index === undefined ? [] : (socket.link(index)?.mtu ?? [])));
    return own === undefined ? ofLinks : [own, ...ofLinks];
  });
  return mtus.length === 0 ? undefined : Math.min(...mtus);
}

/**
 * Refuses a subnet that somebody asked for where it would cut the host off from what it reaches now: its neighbours,
 * or the whole of a route. A part of a route through a gateway may be meant.
 *
 * @throws BerthError `forbidden`
 */
export function checkSubnetAgainstHost(subnet: Prefix, routes: readonly HostRoute[]): void {
  for (const { prefix, interfaceName, direct } of routes) {
    if (!overlaps(prefix, subnet) || (!direct && prefix.length < subnet.length)) continue;
    throw new BerthError(
      'forbidden',
      `invalid network config: subnet ${formatPrefix(subnet)} overlaps the host's route to ${formatPrefix(prefix)} ` +
        `(${interfaceName}): choose another subnet, or none to get a free one`,
      { subject: formatPrefix(subnet) },
    );
  }
}

/** The routes that overlap any of the subnets, in words: `10.8.0.0/16 (tun0)`. */
export function overlappingRoutes(subnets: readonly Prefix[], routes: readonly HostRoute[]): string[] {
  return routes
    .filter(({ prefix }) => subnets.some((subnet) => overlaps(subnet, prefix)))
    .map(({ prefix, interfaceName }) => `${formatPrefix(prefix)} (${interfaceName})`);
}
