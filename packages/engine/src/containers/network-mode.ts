import { BerthError, isBerthError, shortId } from '@berth/core';
import { checkDnsName } from '@berth/network';
import type { EndpointSpec, Network, NetworkId, PortSpec, SandboxSpec } from '@berth/network';
import type { ContainerSpec, EndpointConfig, ExposedPort } from '../model.js';
import { withoutPorts } from '../ports/runs.js';
import type { ContainerContext } from './context.js';
import type { ContainerRecord, NetworkMembership } from './table.js';

const CONTAINER_PREFIX = 'container:';

/** The container whose sandbox is shared, for the mode `container:ID`. */
export function sharedContainer(mode: string): string | undefined {
  return mode.startsWith(CONTAINER_PREFIX) ? mode.slice(CONTAINER_PREFIX.length) : undefined;
}

/**
 * The mode with names resolved: `bridge`, `host`, `none`, a network's name, `container:<id>`.
 *
 * @throws BerthError in Docker's wording for what cannot go together
 */
export function resolveNetworkMode(context: ContainerContext, spec: ContainerSpec): string {
  const mode = spec.host.networkMode;
  const reference = sharedContainer(mode);
  if (reference !== undefined) {
    if (reference === '') throw new BerthError('invalid', `invalid container format container:<name|id>`);
    checkShared(spec);
    return `${CONTAINER_PREFIX}${askedContainer(context, reference).id}`;
  }
  if (mode === '' || mode === 'default' || mode === 'bridge') return 'bridge';
  return askedNetwork(context, mode).name;
}

/** The network that a request for a new container names. @throws BerthError `invalid` where there is none */
function askedNetwork(context: ContainerContext, reference: string): Network {
  return asked(reference, () => context.network.network(reference));
}

/** The container that a request for a new one names. @throws BerthError `invalid` where there is none */
export function askedContainer({ table }: ContainerContext, reference: string): ContainerRecord {
  return asked(reference, () => table.find(reference));
}

/** Clients take "not found" in the answer to a creation for the image, and pull it. */
function asked<T>(reference: string, find: () => T): T {
  try {
    return find();
  } catch (error) {
    if (!isBerthError(error, 'not-found')) throw error;
    throw new BerthError('invalid', error.message, { subject: reference, cause: error });
  }
}

function checkShared(spec: ContainerSpec): void {
  const { host } = spec;
  const conflicts: [boolean, string][] = [
    [spec.hostname !== undefined, 'hostname and the network mode'],
    [host.dns.length > 0, 'dns and the network mode'],
    [host.extraHosts.length > 0, 'custom host-to-IP mapping and the network mode'],
    [
      (host.links ?? []).length > 0,
      "container type network can't be used with links. This would result in undefined behavior",
    ],
    [spec.macAddress !== undefined, 'mac-address and the network mode'],
    [
      host.portBindings.length > 0 || host.publishAllPorts === true,
      'port publishing and the container type network mode',
    ],
    [spec.exposedPorts.length > 0, 'port exposing and the container type network mode'],
  ];
  const conflict = conflicts.find(([given]) => given);
  if (conflict !== undefined) throw new BerthError('invalid', `conflicting options: ${conflict[1]}`);
}

/** The networks that a new container will join when it starts, by name. */
export function memberships(
  context: ContainerContext,
  spec: ContainerSpec,
  mode: string,
): Record<string, NetworkMembership> {
  const joined: Record<string, NetworkMembership> = {};
  if (sharedContainer(mode) !== undefined) return joined;
  const main = askedNetwork(context, mode);
  joined[main.name] = { networkId: main.id, config: { aliases: [], macAddress: spec.macAddress } };
  for (const [reference, config] of Object.entries(spec.networks)) {
    const { id, name } = askedNetwork(context, reference === 'default' ? 'bridge' : reference);
    checkEndpointConfig(name, config);
    joined[name] = {
      networkId: id,
      config: { ...config, macAddress: config.macAddress ?? (id === main.id ? spec.macAddress : undefined) },
    };
  }
  const private_ = Object.keys(joined).find((name) => name === 'none' || name === 'host');
  if (private_ !== undefined && Object.keys(joined).length > 1) {
    throw new BerthError(
      'invalid',
      `container cannot be connected to multiple networks with one of the networks in ${private_ === 'none' ? 'private (none)' : 'host'} mode`,
    );
  }
  return joined;
}

/** @throws BerthError `invalid`: what only networks that a user has made can give, and aliases that are no names */
export function checkEndpointConfig(networkName: string, config: EndpointConfig): void {
  for (const alias of config.aliases) checkDnsName('network-scoped alias', alias);
  if (!['bridge', 'host', 'none'].includes(networkName)) return;
  const address = config.ipv4Address ?? config.ipv6Address;
  if (address !== undefined) {
    throw new BerthError(
      'invalid',
      'invalid config for network ' +
        networkName +
        ': invalid endpoint settings: user specified IP address is supported on user defined networks only',
    );
  }
  if (config.aliases.length > 0) {
    throw new BerthError(
      'invalid',
      'invalid config for network ' +
        networkName +
        ': invalid endpoint settings: network-scoped alias is supported only for containers in user defined networks',
    );
  }
}

/** What the container's sandbox shall be. */
export function sandboxSpec(record: ContainerRecord): SandboxSpec {
  const { host } = record.spec;
  const kind = record.networkMode === 'host' ? 'host' : 'private';
  return {
    id: record.id as string as SandboxSpec['id'],
    kind,
    hostname: record.hostname,
    ports: kind === 'host' || record.networkMode === 'none' ? [] : portsOf(record.spec),
    networks: Object.values(record.networks).map(({ networkId, config }) => ({
      id: networkId as NetworkId,
      gatewayPriority: config.gatewayPriority ?? 0,
    })),
    dns: { servers: [...host.dns], search: [...host.dnsSearch], options: [...host.dnsOptions] },
  };
}

/** The ports that a container publishes, those that `-P` adds included. */
export function portsOf({ host, exposedPorts }: Pick<ContainerSpec, 'host' | 'exposedPorts'>): PortSpec[] {
  const bound = [...host.portBindings];
  if (host.publishAllPorts !== true) return bound;
  const rest = withoutPorts(exposedPorts, exposedBy(bound));
  return [
    ...bound,
    ...rest.map(({ port, protocol, count }) => ({
      containerPort: port,
      protocol,
      ...(count !== undefined && { count }),
    })),
  ];
}

/** What is published is exposed as well. */
export function exposedBy(bindings: readonly PortSpec[]): ExposedPort[] {
  return bindings.map(({ containerPort, protocol, count }) => ({
    port: containerPort,
    protocol,
    ...(count !== undefined && { count }),
  }));
}

/** The names by which a network's name service shall know the container. */
export function dnsNames(record: ContainerRecord, config: EndpointConfig): string[] {
  const { hostname } = record.spec;
  const own = hostname === undefined ? [] : [hostname];
  return [...new Set([record.name, ...config.aliases, shortId(record.id), ...own])];
}

export function endpointSpec(
  { table }: Pick<ContainerContext, 'table'>,
  record: ContainerRecord,
  { config }: NetworkMembership,
): EndpointSpec {
  const links = (config.links ?? []).map((link) => {
    const [target = '', alias = target] = link.split(':');
    return [alias.replace(/^\//, ''), linkedName(table, target)] as const;
  });
  return {
    names: dnsNames(record, config),
    containerName: record.name,
    ipv4Address: config.ipv4Address,
    ipv6Address: config.ipv6Address,
    linkLocalAddresses: config.linkLocalAddresses ?? [],
    macAddress: config.macAddress,
    links: Object.fromEntries(links),
    driverOptions: config.driverOptions,
    gatewayPriority: config.gatewayPriority ?? 0,
  };
}

/**
 * The name of a container that another one is linked to on a user's network. It may come later, or again, so that a name
 * that nobody has yet is not taken for the beginning of an id.
 */
function linkedName(table: ContainerContext['table'], reference: string): string {
  const plain = reference.replace(/^\//, '');
  return table.has(plain) ? table.find(plain).name : plain;
}
