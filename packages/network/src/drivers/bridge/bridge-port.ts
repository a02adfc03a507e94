import { BerthError } from '@berth/core';
import {
  RouteSocket,
  addressRequests,
  isErrno,
  linkRequests,
  routeRequests,
  type RouteRequest,
} from '@berth/kernel';
import { broadcastOf } from '../../ipam/address.js';
import { interfaceOf, ownerAlias, type Attachment } from '../driver.js';

export interface PortSettings {
  /** Index of the bridge. */
  readonly bridge: number;
  readonly mtu: number | undefined;
  /** The port can't exchange frames with other isolated ports of its bridge. */
  readonly isolated: boolean;
}

/** Makes the veth pair of an endpoint, its peer straight in the sandbox, and configures that. */
export function attachPort(routes: RouteSocket, settings: PortSettings, attachment: Attachment): void {
  const { endpoint, namespace } = attachment;
  const { name, hostName, macAddress } = interfaceOf(endpoint);
  if (namespace === undefined)
    throw new BerthError('internal', 'a bridge endpoint needs a namespace of its own');
  const mtu = settings.mtu === undefined ? {} : { mtu: settings.mtu };
  routes.run(
    linkRequests.addVeth({
      name: hostName,
      master: settings.bridge,
      up: true,
      ...mtu,
      // Its peer can be up only when both are there (veth_open of drivers/net/veth.c).
      peer: { name, namespace, address: macAddress, ...mtu },
    }),
    linkRequests.set({ name: hostName }, { alias: ownerAlias(endpoint.id) }),
  );
  // A new port is not isolated.
  if (settings.isolated) setPort(routes, hostName, true);
  using inside = RouteSocket.open(namespace);
  inside.run(...sandboxRequests(inside, attachment));
}

/** As {@link attachPort}, for an endpoint of which anything may be there already. */
export function restorePort(routes: RouteSocket, settings: PortSettings, attachment: Attachment): void {
  const { endpoint, namespace } = attachment;
  const { hostName } = interfaceOf(endpoint);
  if (namespace === undefined || routes.link(hostName) === undefined) {
    attachPort(routes, settings, attachment);
    return;
  }
  const alias = ownerAlias(endpoint.id);
  routes.run(linkRequests.set({ name: hostName }, { master: settings.bridge, up: true, alias }));
  setPort(routes, hostName, settings.isolated);
  using inside = RouteSocket.open(namespace);
  for (const request of sandboxRequests(inside, attachment)) {
    try {
      inside.run(request);
    } catch (error) {
      if (!isErrno(error, 'EEXIST')) throw error;
    }
  }
}

/**
 * The port's isolation. Its hairpin flag stays off: what a container sends to itself through a published port is routed
 * by the host and enters the bridge anew, and the flag would only give a container's broadcasts back to it.
 */
function setPort(routes: RouteSocket, name: string, isolated: boolean): void {
  // Port settings are the one thing that goes by index alone (br_setlink of net/bridge/br_netlink.c).
  const index = routes.link(name)?.index;
  if (index === undefined)
    throw new BerthError('not-found', `interface ${name} has vanished`, { subject: name });
  routes.run(linkRequests.setBridgePort({ index }, { isolated }));
}

function sandboxRequests(inside: RouteSocket, { endpoint, defaultRoute }: Attachment): RouteRequest[] {
  const { name, address, prefixLength, gateway } = interfaceOf(endpoint);
  const index = inside.link(name)?.index;
  if (index === undefined)
    throw new BerthError('internal', `interface ${name} is not in the sandbox`, { subject: name });
  return [
    linkRequests.set({ index }, { up: true }),
    addressRequests.add({ index, address, prefixLength, broadcast: broadcastOf(address, prefixLength) }),
    ...(defaultRoute && gateway !== undefined ? [routeRequests.add({ gateway, index })] : []),
  ];
}
