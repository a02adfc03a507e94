import { BerthError } from '@berth/core';
import {
  RouteSocket,
  addressRequests,
  inNamespace,
  isErrno,
  linkRequests,
  routeRequests,
  writeSysctl,
  type NetworkNamespace,
  type RouteRequest,
} from '@berth/kernel';
import { broadcastOf, parseAddress, parsePrefix, contains } from '../ipam/address.js';
import type { EndpointAddress } from '../model.js';
import { interfaceOf, type Attachment } from './driver.js';

/** Prefix lengths of link-local addresses: RFC 3927; RFC 4291, section 2.5.6. */
const LINK_LOCAL_LENGTH = { ipv4: 16, ipv6: 64 } as const;

/**
 * Brings an endpoint's interface, which is in the sandbox, to what it shall be: settings, addresses, up, routes.
 *
 * @param options `anew`: something of it may be there already; `announce`: it tells its neighbours whose its addresses
 * are when it comes up, as they may remember an earlier owner's hardware address
 */
export function configureInterface(
  attachment: Attachment,
  { anew = false, announce = false }: { readonly anew?: boolean; readonly announce?: boolean } = {},
): void {
  const { endpoint } = attachment;
  const namespace = namespaceOf(attachment);
  const { name, sysctls } = interfaceOf(endpoint);
  applySettings(namespace, attachment, announce);
  using inside = RouteSocket.open(namespace);
  const index = inside.link(name)?.index;
  if (index === undefined)
    throw new BerthError('internal', `interface ${name} is not in the sandbox`, { subject: name });
  const requests = interfaceRequests(attachment, index);
  if (anew) for (const request of requests) runUnlessThere(inside, request);
  else inside.run(...requests);
  // Some settings can only be made, or come out right, when the interface has its addresses.
  const entries = Object.entries(sysctls);
  if (entries.length > 0) inNamespace(namespace, () => writeAll(name, entries));
}

/** The namespace that an endpoint must have. */
export function namespaceOf({ namespace }: Attachment): NetworkNamespace {
  if (namespace !== undefined) return namespace;
  throw new BerthError('internal', 'an endpoint with an interface needs a namespace of its own');
}

/** A request for the default route of a family, by an interface of that index. */
export function defaultRoute(
  { address, prefixLength, gateway }: EndpointAddress,
  index: number,
): { gateway: string; index: number; onLink?: boolean } | undefined {
  if (gateway === undefined) return undefined;
  const prefix = parsePrefix(`${address}/${prefixLength}`)?.prefix;
  const router = parseAddress(gateway);
  const near = prefix !== undefined && router !== undefined && contains(prefix, router);
  return { gateway, index, ...(!near && { onLink: true }) };
}

function interfaceRequests({ endpoint, defaultRoute: wanted }: Attachment, index: number): RouteRequest[] {
  const { ipv4, ipv6, linkLocalAddresses } = interfaceOf(endpoint);
  const routes = [
    wanted.ipv4 && ipv4 && defaultRoute(ipv4, index),
    wanted.ipv6 && ipv6 && defaultRoute(ipv6, index),
  ];
  return [
    // Before it comes up: what it then announces are the addresses that it has.
    ...(ipv4 === undefined ? [] : [addAddress(index, ipv4)]),
    linkRequests.set({ index }, { up: true }),
    ...(ipv6 === undefined ? [] : [addAddress(index, ipv6)]),
    ...linkLocalAddresses.map((address) => {
      const prefixLength = LINK_LOCAL_LENGTH[address.includes(':') ? 'ipv6' : 'ipv4'];
      return addAddress(index, { address, prefixLength });
    }),
    ...routes.flatMap((route) => (route ? [routeRequests.add(route)] : [])),
  ];
}

function addAddress(index: number, { address, prefixLength }: EndpointAddress): RouteRequest {
  const broadcast = broadcastOf(address, prefixLength);
  return addressRequests.add({
    index,
    address,
    prefixLength,
    ...(broadcast !== undefined && { broadcast }),
    // Nobody else can have it: there is nothing to wait for.
    ...(address.includes(':') && { noDuplicateDetection: true }),
  });
}

/** Sandboxes have IPv6 off by default; an interface that has an IPv6 address gets it on, and learns nothing from others. */
function applySettings(namespace: NetworkNamespace, { endpoint }: Attachment, announce: boolean): void {
  const { name, ipv6, linkLocalAddresses } = interfaceOf(endpoint);
  if (announce) inNamespace(namespace, () => writeSysctl(`net/ipv4/conf/${name}/arp_notify`, 1));
  if (ipv6 === undefined && !linkLocalAddresses.some((address) => address.includes(':'))) return;
  inNamespace(namespace, () => {
    for (const [setting, value] of [
      // Before IPv6 comes on: it must not send a solicitation.
      ['accept_ra', 0],
      ['autoconf', 0],
      ['accept_dad', 0],
      ['ndisc_notify', announce ? 1 : 0],
      ['disable_ipv6', 0],
    ] as const) {
      writeSysctl(`net/ipv6/conf/${name}/${setting}`, value);
    }
  });
}

function writeAll(name: string, sysctls: readonly (readonly [string, string])[]): void {
  for (const [setting, value] of sysctls) writeSysctl(setting.replaceAll('IFNAME', name), value);
}

function runUnlessThere(inside: RouteSocket, request: RouteRequest): void {
  try {
    inside.run(request);
  } catch (error) {
    if (!isErrno(error, 'EEXIST')) throw error;
  }
}
