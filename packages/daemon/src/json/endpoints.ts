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
  const acted = ['IPAMConfig', 'Aliases', 'MacAddress', 'DriverOpts'];
  refuseOthers('EndpointConfig.', settings, [...acted, ...SHOWN_ONLY]);
  refuseOthers('EndpointConfig.IPAMConfig.', settings.IPAMConfig ?? {}, ['IPv4Address']);
  return {
    aliases: settings.Aliases ?? [],
    ipv4Address: settings.IPAMConfig?.IPv4Address || undefined,
    macAddress: settings.MacAddress || undefined,
    driverOptions: settings.DriverOpts ?? undefined,
  };
}

/** An entry of `NetworkSettings.Networks`. */
export function endpointSettings(network: ContainerNetwork) {
  const { config, endpoint } = network;
  return {
    IPAMConfig: config.ipv4Address === undefined ? null : { IPv4Address: config.ipv4Address },
    Links: null,
    Aliases: config.aliases.length === 0 ? null : config.aliases,
    MacAddress: endpoint?.macAddress ?? '',
    DriverOpts: config.driverOptions ?? null,
    GwPriority: 0,
    NetworkID: network.networkId,
    EndpointID: endpoint?.id ?? '',
    Gateway: endpoint?.gateway ?? '',
    IPAddress: endpoint?.ipv4?.address ?? '',
    IPPrefixLen: endpoint?.ipv4?.prefixLength ?? 0,
    IPv6Gateway: '',
    GlobalIPv6Address: '',
    GlobalIPv6PrefixLen: 0,
    DNSNames: network.dnsNames.length === 0 ? null : network.dnsNames,
  };
}
