import { BerthError } from '@berth/core';
import type { Network, NetworkSpec } from '@berth/network';
import { hasLabels, type Filters } from '../http/query.js';
import { oneOf, refuseOthers } from './refuse.js';
import { NetworkCreate } from './schemas.js';

/** Filters of `GET /networks` that are acted on. */
export const NETWORK_FILTERS = ['dangling', 'driver', 'id', 'label', 'name', 'scope', 'type'];

/** @throws BerthError `invalid`, naming the first field that Berth does not act on */
export function networkSpec(body: NetworkCreate): NetworkSpec {
  refuseOthers('', body, Object.keys(NetworkCreate.properties), {
    Scope: oneOf('local'),
    // Networks of one name have always been refused.
    CheckDuplicate: oneOf(true),
  });
  if (body.EnableIPv4 === false) {
    throw new BerthError('invalid', 'EnableIPv4=false is not supported by Berth yet');
  }
  const ipam = body.IPAM ?? {};
  refuseOthers('IPAM.', ipam, ['Driver', 'Options', 'Config']);
  return {
    name: body.Name,
    driver: body.Driver || 'bridge',
    internal: body.Internal ?? false,
    attachable: body.Attachable ?? false,
    enableIPv6: body.EnableIPv6 ?? false,
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

/** A network as `inspect` shows it; the list leaves its endpoints out. */
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
    ConfigFrom: { Network: '' },
    ConfigOnly: false,
    Containers: withEndpoints ? endpoints(network) : {},
    Options: network.options,
    Labels: network.labels,
  };
}

function endpoints(network: Network) {
  return Object.fromEntries(
    network.endpoints.map((endpoint) => [
      endpoint.sandboxId,
      {
        Name: endpoint.containerName,
        EndpointID: endpoint.id,
        MacAddress: endpoint.macAddress,
        IPv4Address:
          endpoint.ipv4 === undefined ? '' : `${endpoint.ipv4.address}/${endpoint.ipv4.prefixLength}`,
        IPv6Address: '',
      },
    ]),
  );
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
