import { BerthError } from '@berth/core';
import type { ContainerNetwork, EndpointConfig } from '@berth/engine';
import { refuseOthers } from './refuse.js';
import type { EndpointSettings } from './schemas.js';

/** What the API shows in endpoint settings, and clients send back unread. */
const SHOWN_ONLY = [
  'NetworkID',
  'EndpointID',
  'Gateway',
  'IPAddress',
  'IPPrefixLen',
  'IPv6Gateway',
  'GlobalIPv6Address',
  'GlobalIPv6PrefixLen',
  'DNSNames',
];

/** @throws BerthError `invalid` for what Berth does not do */
export function endpointConfig(settings: EndpointSettings | null | undefined): EndpointConfig {
  if (settings === null || settings === undefined) return { aliases: [] };
  const acted = ['IPAMConfig', 'Links', 'Aliases', 'MacAddress', 'DriverOpts', 'GwPriority'];
  refuseOthers('EndpointConfig.', settings, [...acted, ...SHOWN_ONLY]);
  const ipam = settings.IPAMConfig ?? {};
  refuseOthers('EndpointConfig.IPAMConfig.', ipam, ['IPv4Address', 'IPv6Address', 'LinkLocalIPs']);
  const links = settings.Links ?? [];
  for (const link of links) {
    if (/^\/?[^:]+(:[^:]+)?$/.test(link)) continue;
    throw new BerthError('invalid', `bad format for links: ${link}; one looks like web:alias`);
  }
  return {
    aliases: settings.Aliases ?? [],
    ipv4Address: ipam.IPv4Address || undefined,
    ipv6Address: ipam.IPv6Address || undefined,
    linkLocalAddresses: nonEmpty(ipam.LinkLocalIPs),
    macAddress: settings.MacAddress || undefined,
    links: nonEmpty(links),
    driverOptions: settings.DriverOpts ?? undefined,
    gatewayPriority: settings.GwPriority || undefined,
  };
}

function nonEmpty(list: readonly string[] | null | undefined): readonly string[] | undefined {
  return list === null || list === undefined || list.length === 0 ? undefined : list;
}

/** An entry of `NetworkSettings.Networks`. */
export function endpointSettings(network: ContainerNetwork) {
  const { config, endpoint } = network;
  const { linkLocalAddresses = [], links = [] } = config;
  const ipam = {
    ...(config.ipv4Address === undefined ? {} : { IPv4Address: config.ipv4Address }),
    ...(config.ipv6Address === undefined ? {} : { IPv6Address: config.ipv6Address }),
    ...(linkLocalAddresses.length === 0 ? {} : { LinkLocalIPs: linkLocalAddresses }),
  };
  return {
    IPAMConfig: Object.keys(ipam).length === 0 ? null : ipam,
    Links: links.length === 0 ? null : links,
    Aliases: config.aliases.length === 0 ? null : config.aliases,
    MacAddress: endpoint?.macAddress ?? '',
    DriverOpts: config.driverOptions ?? null,
    GwPriority: config.gatewayPriority ?? 0,
    NetworkID: network.networkId,
    EndpointID: endpoint?.id ?? '',
    Gateway: endpoint?.ipv4?.gateway ?? '',
    IPAddress: endpoint?.ipv4?.address ?? '',
    IPPrefixLen: endpoint?.ipv4?.prefixLength ?? 0,
    IPv6Gateway: endpoint?.ipv6?.gateway ?? '',
    GlobalIPv6Address: endpoint?.ipv6?.address ?? '',
    GlobalIPv6PrefixLen: endpoint?.ipv6?.prefixLength ?? 0,
    DNSNames: network.dnsNames.length === 0 ? null : network.dnsNames,
  };
}
