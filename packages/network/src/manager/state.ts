import type { Collection, Store } from '@berth/core';
import type { Driver, DriverNetwork } from '../drivers/driver.js';
import type { Prefix } from '../ipam/address.js';
import type { LeasePool } from '../ipam/lease-pool.js';
import type { Endpoint, EndpointId, Network, NetworkId, SandboxId } from '../model.js';
import type { EndpointRecord, NetworkRecord, SandboxRecord } from '../records.js';

export interface NetworkEntry {
  readonly record: NetworkRecord;
  readonly id: NetworkId;
  readonly name: string;
  readonly driver: Driver;
  readonly network: DriverNetwork;
  readonly addresses: { readonly subnet: Prefix; readonly pool: LeasePool } | undefined;
  readonly endpoints: Map<EndpointId, EndpointRecord>;
}

export interface SandboxEntry {
  readonly record: SandboxRecord;
  /** In the order of connection. */
  endpoints: EndpointRecord[];
  /** Which endpoint holds the default route and the published ports. */
  gateway: EndpointId | undefined;
  /** Whether the name service answers in it. */
  nameService: boolean;
}

/** What there shall be: in memory for reading, in the store for the next process. */
export class NetworkState {
  readonly networks = new Map<NetworkId, NetworkEntry>();
  readonly sandboxes = new Map<SandboxId, SandboxEntry>();
  readonly storedNetworks: Collection<NetworkRecord>;
  readonly storedSandboxes: Collection<SandboxRecord>;
  readonly storedEndpoints: Collection<EndpointRecord>;
  #sequence = 0;

  constructor(store: Store) {
    this.storedNetworks = store.collection('network.networks');
    this.storedSandboxes = store.collection('network.sandboxes');
    this.storedEndpoints = store.collection('network.endpoints');
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

export function networkOf({ record, endpoints }: NetworkEntry): Network {
  return {
    ...record,
    scope: 'local',
    enableIPv4: true,
    enableIPv6: false,
    endpoints: [...endpoints.values()].map((endpoint) => endpointOf(endpoint, record.name)),
  };
}

export function endpointOf(record: EndpointRecord, networkName: string): Endpoint {
  const { id, networkId, sandboxId, containerName, names } = record;
  const common = { id, networkId, networkName, sandboxId, containerName, names };
  if (record.interface === undefined) return { ...common, macAddress: '' };
  const { name, hostName, macAddress, address, prefixLength, gateway } = record.interface;
  return {
    ...common,
    macAddress,
    ipv4: { address, prefixLength },
    ...(gateway !== undefined && { gateway }),
    interfaceName: name,
    hostInterfaceName: hostName,
  };
}
