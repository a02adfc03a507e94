import type { Collection, Store } from '@berth/core';
import type { Driver, DriverNetwork } from '../drivers/driver.js';
import type { NetworkAddresses } from '../ipam/network-addresses.js';
import type { Endpoint, EndpointId, Network, NetworkId, SandboxId } from '../model.js';
import type { EndpointRecord, NetworkRecord, SandboxRecord } from '../records.js';

export interface NetworkEntry {
  readonly id: NetworkId;
  readonly name: string;
  readonly driver: Driver;
  /** Replaced, with {@link network}, when the network is changed. */
  record: NetworkRecord;
  network: DriverNetwork;
  readonly addresses: NetworkAddresses | undefined;
  readonly endpoints: Map<EndpointId, EndpointRecord>;
  /** Routes of the host that have come to overlap its subnets. */
  overlaps: readonly string[];
}

export interface Gateways {
  readonly ipv4?: EndpointId;
  readonly ipv6?: EndpointId;
}

export interface SandboxEntry {
  record: SandboxRecord;
  /** In the order of connection. */
  endpoints: EndpointRecord[];
  /** Which endpoints hold the default routes and the published ports. */
  gateways: Gateways;
  /** Whether the name service answers in it. */
  nameService: boolean;
}

/** Addresses that stay with their owner whether it is attached or not. */
export interface AddressReservation {
  readonly owner: string;
  readonly networkId: NetworkId;
  readonly addresses: readonly string[];
}

/** What there shall be: in memory for reading, in the store for the next process. */
export class NetworkState {
  readonly networks = new Map<NetworkId, NetworkEntry>();
  readonly sandboxes = new Map<SandboxId, SandboxEntry>();
  readonly storedNetworks: Collection<NetworkRecord>;
  readonly storedSandboxes: Collection<SandboxRecord>;
  readonly storedEndpoints: Collection<EndpointRecord>;
  readonly storedReservations: Collection<AddressReservation>;
  #sequence = 0;

  constructor(store: Store) {
    this.storedNetworks = store.collection('network.networks');
    this.storedSandboxes = store.collection('network.sandboxes');
    this.storedEndpoints = store.collection('network.endpoints');
    this.storedReservations = store.collection('network.reservations');
  }

  nextSequence(): number {
    this.#sequence += 1;
    return this.#sequence;
  }

  /** Adds an endpoint, or replaces its record, where both its network and its sandbox are known. */
  setEndpoint(record: EndpointRecord): void {
    const sandbox = this.sandboxes.get(record.sandboxId);
    if (sandbox === undefined) return;
    this.#sequence = Math.max(this.#sequence, record.sequence);
    this.networks.get(record.networkId)?.endpoints.set(record.id, record);
    const others = sandbox.endpoints.filter(({ id }) => id !== record.id);
    sandbox.endpoints = [...others, record].sort((one, other) => one.sequence - other.sequence);
    this.storedEndpoints.put(record.id, record);
  }

  deleteEndpoint(record: EndpointRecord): void {
    this.storedEndpoints.delete(record.id);
    this.networks.get(record.networkId)?.endpoints.delete(record.id);
    const sandbox = this.sandboxes.get(record.sandboxId);
    if (sandbox !== undefined) sandbox.endpoints = sandbox.endpoints.filter(({ id }) => id !== record.id);
  }
}

export function networkOf({ record, endpoints, addresses, overlaps }: NetworkEntry): Network {
  return {
    ...record,
    scope: 'local',
    endpoints: [...endpoints.values()].map((endpoint) => endpointOf(endpoint, record.name)),
    pools: addresses?.status() ?? [],
    overlaps,
  };
}

export function endpointOf(record: EndpointRecord, networkName: string): Endpoint {
  const { id, networkId, sandboxId, containerName, names, gatewayPriority } = record;
  const common = { id, networkId, networkName, sandboxId, containerName, names, gatewayPriority };
  if (record.interface === undefined) return { ...common, macAddress: '', linkLocalAddresses: [] };
  const { name, hostName, macAddress, ipv4, ipv6, linkLocalAddresses } = record.interface;
  return {
    ...common,
    macAddress,
    ...(ipv4 && { ipv4 }),
    ...(ipv6 && { ipv6 }),
    linkLocalAddresses,
    interfaceName: name,
    hostInterfaceName: hostName,
  };
}
