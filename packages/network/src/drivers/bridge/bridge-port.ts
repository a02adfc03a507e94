import { existsSync } from 'node:fs';
import { BerthError } from '@berth/core';
import { RouteSocket, isErrno, linkRequests, type LinkChange } from '@berth/kernel';
import type { FirewallStation } from '../../firewall/elements.js';
import { parseAddress, formatAddress } from '../../ipam/address.js';
import { interfaceOf, ownerAlias, type Attachment } from '../driver.js';
import { configureInterface, namespaceOf } from '../sandbox-interface.js';

export interface PortSettings {
  /** Index of the bridge. */
  readonly bridge: number;
  readonly mtu: number | undefined;
  /** The port can't exchange frames with other isolated ports of its bridge. */
  readonly isolated: boolean;
}

/** BR_MAX_PORTS (net/bridge/br_private.h), less the number 0. */
const MOST_PORTS = 1023;

/** Makes the veth pair of an endpoint, its peer straight in the sandbox, and configures that. */
export function attachPort(routes: RouteSocket, settings: PortSettings, attachment: Attachment): void {
  const { endpoint } = attachment;
  const namespace = namespaceOf(attachment);
  const { name, hostName, macAddress } = interfaceOf(endpoint);
  const mtu = settings.mtu === undefined ? {} : { mtu: settings.mtu };
  try {
    routes.run(
      linkRequests.addVeth({
        name: hostName,
        master: settings.bridge,
        ...mtu,
        // Its peer can be up only when both are there (veth_open of drivers/net/veth.c).
        peer: { name, namespace, address: macAddress, ...mtu },
      }),
      linkRequests.set(
        { name: hostName },
        { alias: ownerAlias(endpoint.id), up: true, ...withoutAddresses() },
      ),
    );
  } catch (error) {
    if (!isErrno(error, 'EXFULL')) throw error;
    throw new BerthError(
      'exhausted',
      `the bridge of this network has ${MOST_PORTS} ports already, and Linux bridges have no more: use another network`,
      { subject: endpoint.containerName, cause: error },
    );
  }
  // A new port is not isolated.
  if (settings.isolated) setPort(routes, hostName, true);
  configureInterface(attachment);
}

/** As {@link attachPort}, for an endpoint of which anything may be there already. */
export function restorePort(routes: RouteSocket, settings: PortSettings, attachment: Attachment): void {
  const { endpoint } = attachment;
  const { name, hostName } = interfaceOf(endpoint);
  if (routes.link(hostName) === undefined) {
    attachPort(routes, settings, attachment);
    return;
  }
  const { bridge: master, mtu } = settings;
  const alias = ownerAlias(endpoint.id);
  routes.run(
    linkRequests.set({ name: hostName }, { master, up: true, alias, ...(mtu !== undefined && { mtu }) }),
  );
  setPort(routes, hostName, settings.isolated);
  if (mtu !== undefined) {
    using inside = RouteSocket.open(namespaceOf(attachment));
    inside.run(linkRequests.set({ name }, { mtu }));
  }
  configureInterface(attachment, { anew: true });
}

/** What an endpoint may send: its own addresses, and the link-local one that its interface has where IPv6 is on. */
export function stationOf({ endpoint }: Pick<Attachment, 'endpoint'>): FirewallStation {
  const { hostName: link, macAddress, ipv4, ipv6, linkLocalAddresses } = interfaceOf(endpoint);
  const hasIPv6 = ipv6 !== undefined || linkLocalAddresses.some((address) => address.includes(':'));
  const addresses = [
    ...[ipv4, ipv6].flatMap((one) => one?.address ?? []),
    ...linkLocalAddresses,
    ...(hasIPv6 ? [linkLocalOf(macAddress)] : []),
  ];
  return { link, macAddress, addresses: [...new Set(addresses)] };
}

/** The link-local address of an interface: fe80::/64 and its modified EUI-64 (RFC 4291, appendix A). */
function linkLocalOf(macAddress: string): string {
  const [first = 0, ...rest] = macAddress.split(':').map((byte) => Number.parseInt(byte, 16));
  const bytes = [first ^ 2, ...rest.slice(0, 2), 0xff, 0xfe, ...rest.slice(2)];
  const interfaceId = bytes.reduce((value, byte) => (value << 8n) | BigInt(byte), 0n);
  const base = parseAddress('fe80::')?.value ?? 0n;
  return formatAddress({ family: 6, value: base | interfaceId });
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

/** The host's end has no IPv6 address: what comes in by it is the bridge's. */
function withoutAddresses(): Pick<LinkChange, 'noIPv6Addresses'> {
  return existsSync('/proc/sys/net/ipv6') ? { noIPv6Addresses: true } : {};
}
