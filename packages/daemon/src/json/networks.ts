import { BerthError } from '@berth/core';
import type { Network, NetworkChange, NetworkSpec } from '@berth/network';
import { hasLabels, type Filters } from '../http/query.js';
import { oneOf, refuseOthers } from './refuse.js';
import { NetworkCreate, type NetworkUpdate } from './schemas.js';

/** Filters of `GET /networks` that are acted on. */
export const NETWORK_FILTERS = ['dangling', 'driver', 'id', 'label', 'name', 'scope', 'type'];

/** @throws BerthError `invalid`, naming the first field that Berth does not act on */
export function networkSpec(body: NetworkCreate): NetworkSpec {
  refuseOthers('', body, Object.keys(NetworkCreate.properties), {
    Scope: oneOf('local'),
    // Networks of one name have always been refused.
    CheckDuplicate: oneOf(true),
  });
  const ipam = body.IPAM ?? {};
  refuseOthers('IPAM.', ipam, ['Driver', 'Options', 'Config']);
  return {
    name: body.Name,
    driver: body.Driver || 'bridge',
    internal: body.Internal ?? false,
    attachable: body.Attachable ?? false,
    enableIPv4: body.EnableIPv4 ?? true,
    enableIPv6: body.EnableIPv6 ?? false,
    configOnly: body.ConfigOnly ?? false,
    configFrom: body.ConfigFrom?.Network || undefined,
    ipam: {
      driver: ipam.Driver || 'default',
      options: ipam.Options ?? {},
      config: (ipam.Config ?? []).map((pool) => ({
        subnet: pool.Subnet || undefined,
        ipRange: pool.IPRange || undefined,
        gateway: pool.Gateway || undefined,
        auxiliaryAddresses: pool.AuxiliaryAddresses ?? pool.AuxAddress ?? undefined,
      })),
    },
    options: body.Options ?? {},
    labels: body.Labels ?? {},
  };
}

/** What is to be changed of a network. */
export function networkChange(body: NetworkUpdate): NetworkChange {
  refuseOthers('', body, ['Labels', 'Options', 'Internal', 'Dns']);
  return {
    labels: body.Labels,
    options: body.Options,
    internal: body.Internal,
    dns: body.Dns,
  };
}

/** A network as `inspect` shows it; the list leaves its endpoints and its state out. */
export function networkJson(network: Network, withEndpoints: boolean) {
  return {
    Name: network.name,
    Id: network.id,
    Created: network.created,
    Scope: network.scope,
    Driver: network.driver,
    EnableIPv4: network.enableIPv4,
    EnableIPv6: network.enableIPv6,
    IPAM: {
      Driver: network.ipam.driver,
      Options: network.ipam.options,
      Config: network.ipam.config.map((pool) => ({
        Subnet: pool.subnet,
        ...(pool.ipRange === undefined ? {} : { IPRange: pool.ipRange }),
        ...(pool.gateway === undefined ? {} : { Gateway: pool.gateway }),
        ...(Object.keys(pool.auxiliaryAddresses ?? {}).length === 0
          ? {}
          : { AuxiliaryAddresses: pool.auxiliaryAddresses }),
      })),
    },
    Internal: network.internal,
    Attachable: network.attachable,
    Ingress: false,
    ConfigFrom: { Network: network.configFrom ?? '' },
    ConfigOnly: network.configOnly,
    Containers: withEndpoints ? endpoints(network) : {},
    Options: network.options,
    Labels: network.labels,
    ...(withEndpoints ? { Status: status(network) } : {}),
    ...(network.dns.length === 0 ? {} : { Dns: network.dns }),
  };
}

/** How full the subnets are, as API 1.52 has it, and which routes of the host get in their way. */
function status({ pools, overlaps }: Network) {
  // JSON has no numbers of 128 bits; clients read 64.
  const number = (value: bigint) => Number(value > MOST_COUNT ? MOST_COUNT : value);
  const subnets = pools.map(({ subnet, used, available }) => [
    subnet,
    { IPsInUse: number(used), DynamicIPsAvailable: number(available) },
  ]);
  return {
    IPAM: { Subnets: Object.fromEntries(subnets) as Record<string, object> },
    ...(overlaps.length === 0 ? {} : { OverlappingRoutes: overlaps }),
  };
}

const MOST_COUNT = BigInt(Number.MAX_SAFE_INTEGER);

function endpoints(network: Network) {
  return Object.fromEntries(
    network.endpoints.map((endpoint) => [
      endpoint.sandboxId,
      {
        Name: endpoint.containerName,
        EndpointID: endpoint.id,
        MacAddress: endpoint.macAddress,
        IPv4Address: withLength(endpoint.ipv4),
        IPv6Address: withLength(endpoint.ipv6),
      },
    ]),
  );
}

function withLength(address: { address: string; prefixLength: number } | undefined): string {
  return address === undefined ? '' : `${address.address}/${address.prefixLength}`;
}

/**
 * The networks that pass all filters, each by any of its values.
 *
 * @throws BerthError `invalid` for a value that fits nothing that the filter can mean
 */
export function filterNetworks(networks: readonly Network[], filters: Filters): Network[] {
  const type = filters.get('type') ?? [];
  for (const value of type) {
    if (value !== 'custom' && value !== 'builtin') {
      throw new BerthError('invalid', `invalid filter: 'type'='${value}': it must be custom or builtin`);
    }
  }
  const dangling = filters.get('dangling') ?? [];
  const any = (name: string, test: (value: string) => boolean) => {
    const values = filters.get(name) ?? [];
    return values.length === 0 || values.some(test);
  };
  return networks.filter(
    (network) =>
      any('name', (value) => network.name.includes(value)) &&
      any('id', (value) => network.id.startsWith(value)) &&
      any('driver', (value) => network.driver === value) &&
      any('scope', (value) => network.scope === value) &&
      any('type', (value) => (value === 'builtin') === network.predefined) &&
      hasLabels(network.labels, filters.get('label')) &&
      dangling.every((value) => ['1', 'true'].includes(value) === isDangling(network)),
  );
}

function isDangling(network: Network): boolean {
  return !network.predefined && network.endpoints.length === 0;
}
