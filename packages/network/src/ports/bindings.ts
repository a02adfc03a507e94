import { isIP, isIPv4, isIPv6 } from 'node:net';
import { BerthError } from '@berth/core';
import type { Publishing } from '../drivers/driver.js';
import type { PortSpec } from '../model.js';

const ANY = { ipv4: '0.0.0.0', ipv6: '::' } as const;

export function isAnyAddress(address: string): boolean {
  return address === ANY.ipv4 || address === ANY.ipv6;
}

/** How the network that holds a sandbox's ports publishes them, by family; undefined where it has none of the family. */
export interface PublishingNetwork {
  readonly publishing: Publishing;
  /** Where ports go that name no host address. */
  readonly defaultBinding?: string;
}

export interface PublishingNetworks {
  readonly ipv4?: PublishingNetwork;
  readonly ipv6?: PublishingNetwork;
}

/** A port with the host addresses that it is to be published on, all at the same number. */
export interface Binding {
  readonly spec: PortSpec;
  /** Empty: at the container's own address only. */
  readonly addresses: readonly string[];
}

/**
 * Where a port is to be published. One that names no host address goes to every address of the families that the
 * sandbox has, unless the network or the daemon names one.
 *
 * @param fallback the daemon's default address
 * @throws BerthError `invalid`
 */
export function bindingOf(spec: PortSpec, networks: PublishingNetworks, fallback: string): Binding {
  const { hostAddress = '' } = spec;
  if (hostAddress !== '') {
    if (isIP(hostAddress) === 0 || hostAddress.includes('%')) {
      throw new BerthError(
        'invalid',
        `invalid host address ${hostAddress}: it should be an address like 127.0.0.1 or ::1`,
        { subject: hostAddress },
      );
    }
    const [own, other] = isIPv6(hostAddress)
      ? [networks.ipv6, networks.ipv4]
      : [networks.ipv4, networks.ipv6];
    if (own === undefined && other !== undefined) {
      const family = isIPv6(hostAddress) ? 'IPv6' : 'IPv4';
      throw new BerthError(
        'invalid',
        `can't publish at ${hostAddress}: the container has no ${family}, and nothing translates between the families; ` +
          `publish at an ${family === 'IPv6' ? 'IPv4' : 'IPv6'} address, or give it a network with ${family}`,
        { subject: hostAddress },
      );
    }
    return { spec, addresses: translates(own) ? [hostAddress] : [] };
  }
  const chosen = networks.ipv4?.defaultBinding ?? fallback;
  if (!isAnyAddress(chosen)) {
    return { spec, addresses: translates(networks[isIPv4(chosen) ? 'ipv4' : 'ipv6']) ? [chosen] : [] };
  }
  const none = networks.ipv4 === undefined && networks.ipv6 === undefined;
  const addresses = [
    ...(none || networks.ipv4?.publishing === 'nat' ? [ANY.ipv4] : []),
    ...(networks.ipv6?.publishing === 'nat' ? [ANY.ipv6] : []),
  ];
  return { spec, addresses };
}

/** Whether a host address leads to a sandbox there. Without a network the port is kept for one that comes later. */
function translates(network: PublishingNetwork | undefined): boolean {
  return network === undefined || network.publishing === 'nat';
}
