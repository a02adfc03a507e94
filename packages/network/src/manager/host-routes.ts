import { BerthError } from '@berth/core';
import type { RouteSocket } from '@berth/kernel';
import { OWNER_PREFIX } from '../drivers/driver.js';
import { formatPrefix, overlaps, parsePrefix, type Prefix } from '../ipam/address.js';

/** RT_TABLE_MAIN (include/uapi/linux/rtnetlink.h). */
const MAIN_TABLE = 254;

/** Where the host sends packets. */
export interface HostRoute {
  readonly prefix: Prefix;
  readonly interfaceName: string;
  /** Without a gateway the hosts of the prefix are neighbours. */
  readonly direct: boolean;
}

/** The host's IPv4 routes but for the default one and those of our own bridges. */
export function hostRoutes(socket: RouteSocket): HostRoute[] {
  const links = new Map(socket.links({ statistics: false }).map((link) => [link.index, link]));
  return socket.routes({ family: 'inet', table: MAIN_TABLE }).flatMap((route) => {
    const prefix = parsePrefix(route.destination ?? '')?.prefix;
    const link = links.get(route.outputIndex ?? -1);
    if (prefix === undefined || prefix.length === 0 || link?.alias?.startsWith(OWNER_PREFIX)) return [];
    const direct = route.gateway === undefined && route.nexthops === undefined;
    return [{ prefix, interfaceName: link?.name ?? 'several interfaces', direct }];
  });
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
