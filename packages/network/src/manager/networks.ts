import { BerthError, newId, resolveReference, runSteps, toError, type Logger } from '@berth/core';
import { BridgeDriver } from '../drivers/bridge/index.js';
import type { Driver } from '../drivers/driver.js';
import { HostDriver } from '../drivers/host/index.js';
import { IpvlanDriver } from '../drivers/ipvlan/index.js';
import { MacvlanDriver } from '../drivers/macvlan/index.js';
import { NOTHING } from '../drivers/nothing.js';
import { NullDriver } from '../drivers/null/index.js';
import { parsePrefix } from '../ipam/address.js';
import { AddressSpace, DEFAULT_POOLS, uniqueLocalPool } from '../ipam/address-space.js';
import { NetworkAddresses } from '../ipam/network-addresses.js';
import type { NetworkId, NetworkSpec } from '../model.js';
import type { NetworkRecord } from '../records.js';
import type { ManagerContext } from './context.js';
import { checkConfigFrom, checkNetworkSpec } from './network-spec.js';
import type { NetworkEntry } from './state.js';
import { checkSubnets, releaseSubnets, takeSubnets } from './subnets.js';

/** The networks: made, found and removed. */
export class Networks {
  readonly #context: ManagerContext;
  readonly #space: AddressSpace;
  readonly #drivers: ReadonlyMap<string, Driver>;
  readonly #logger: Logger;

  constructor(context: ManagerContext) {
    this.#context = context;
    this.#space = addressSpace(context);
    this.#logger = context.options.logger;
    const { host } = context;
    const drivers = [
      new BridgeDriver(host),
      new MacvlanDriver(host),
      new IpvlanDriver(host),
      new HostDriver(),
      new NullDriver(),
    ];
    this.#drivers = new Map(drivers.map((driver) => [driver.name, driver]));
  }

  /** The names of the drivers. */
  get drivers(): string[] {
    return [...this.#drivers.keys()];
  }

  /** @throws BerthError; nothing is left of the network then */
  async create(asked: NetworkSpec, predefined = false): Promise<NetworkEntry> {
    const { state } = this.#context;
    const spec = this.#withConfiguration(asked);
    checkNetworkSpec(spec, predefined, this.#drivers);
    for (const { name } of state.networks.values()) {
      if (name === spec.name)
        throw new BerthError('conflict', `network with name ${name} already exists`, { subject: name });
    }
    const record = this.#plan(spec, predefined);
    let entry: NetworkEntry;
    try {
      entry = this.open(record);
      this.#checkClaim(entry);
    } catch (error) {
      this.#release(record);
      throw error;
    }
    for (const warning of entry.network.warnings) this.#logger.warn(warning, { network: record.name });
    await runSteps(
      record.name,
      [
        { name: 'reserve subnet', do: () => undefined, undo: () => this.#release(record) },
        {
          name: 'record network',
          do: () => {
            state.networks.set(record.id, entry);
            state.storedNetworks.put(record.id, record);
          },
          undo: () => this.#forget(entry),
        },
        // Undone by this very step: a network that is made by half is taken away again.
        { name: 'prepare removal', do: () => undefined, undo: () => entry.network.delete() },
        { name: 'create network', do: () => entry.network.create() },
      ],
      this.#logger,
    );
    return entry;
  }

  /** @throws BerthError `forbidden` for a predefined network and for one in use */
  async remove(entry: NetworkEntry): Promise<void> {
    const { name, predefined } = entry.record;
    if (predefined) {
      throw new BerthError('forbidden', `${name} is a pre-defined network and cannot be removed`, {
        subject: name,
      });
    }
    if (entry.endpoints.size > 0) {
      const users = [...entry.endpoints.values()].map(
        ({ containerName, id }) => `name:"${containerName}" id:"${id.slice(0, 12)}"`,
      );
      throw new BerthError(
        'forbidden',
        `error while removing network: network ${name} has active endpoints (${users.join(', ')}): disconnect them first`,
        { subject: name },
      );
    }
    const dependent = [...this.#context.state.networks.values()].find(
      ({ record }) => entry.record.configOnly && record.configFrom === name,
    );
    if (dependent !== undefined) {
      throw new BerthError(
        'forbidden',
        `configuration network "${name}" is in use by network ${dependent.name}: remove that first`,
        { subject: name },
      );
    }
    await this.discard(entry);
  }

  /** Takes a network away, whatever it is. */
  async discard(entry: NetworkEntry): Promise<void> {
    const { state } = this.#context;
    this.#forget(entry);
    for (const [key, { networkId }] of state.storedReservations.entries())
      if (networkId === entry.id) state.storedReservations.delete(key);
    try {
      await entry.network.delete();
    } finally {
      this.#release(entry.record);
    }
  }

  /** Knows the stored networks again; the kernel is not looked at. */
  load(): void {
    const { state } = this.#context;
    for (const [, record] of state.storedNetworks.entries()) {
      try {
        if (!record.configOnly) this.#takeAgain(record);
        state.networks.set(record.id, this.open(record));
      } catch (error) {
        this.#logger.error('a stored network can not be used', {
          network: record.name,
          error: toError(error),
        });
      }
    }
    for (const [key, { networkId, owner, addresses }] of state.storedReservations.entries()) {
      const pool = state.networks.get(networkId)?.addresses;
      if (pool === undefined) state.storedReservations.delete(key);
      for (const address of addresses) pool?.reserve(address, owner);
    }
  }

  /**
   * A network as its record describes it.
   *
   * @throws BerthError `invalid`, `unsupported`
   */
  open(record: NetworkRecord): NetworkEntry {
    const driver = this.#drivers.get(record.driver);
    if (driver === undefined)
      throw new BerthError('unsupported', `there is no network driver ${record.driver}`);
    const usesAddresses = driver.hasAddresses && !record.configOnly;
    return {
      record,
      id: record.id,
      name: record.name,
      driver,
      network: record.configOnly ? NOTHING : driver.validate(record),
      addresses: usesAddresses ? new NetworkAddresses(record.ipam.config) : undefined,
      endpoints: new Map(),
      overlaps: [],
    };
  }

  /** What a configuration gives, put into a network that is made from it. @throws BerthError */
  #withConfiguration(spec: NetworkSpec): NetworkSpec {
    if (spec.configFrom === undefined) return spec;
    checkConfigFrom(spec);
    const { record } = resolveReference('network', spec.configFrom, this.#context.state.networks.values());
    if (!record.configOnly) {
      throw new BerthError(
        'forbidden',
        `network ${record.name} is no configuration: it was made without --config-only`,
        {
          subject: record.name,
        },
      );
    }
    return {
      ...spec,
      configFrom: record.name,
      internal: record.internal,
      enableIPv4: record.enableIPv4,
      enableIPv6: record.enableIPv6,
      ipam: record.ipam,
      options: record.options,
      labels: { ...record.labels, ...spec.labels },
      dns: spec.dns ?? record.dns,
    };
  }

  #plan(spec: NetworkSpec, predefined: boolean): NetworkRecord {
    const { driver, name, options, labels, configFrom } = spec;
    const {
      hasAddresses = false,
      choosesGateway = false,
      sharesSubnets = false,
    } = this.#drivers.get(driver) ?? {};
    const configOnly = spec.configOnly ?? false;
    const config = configOnly
      ? checkSubnets(spec)
      : hasAddresses
        ? takeSubnets(this.#space, this.#context.host.routes, { spec, choosesGateway, sharesSubnets })
        : [];
    return {
      id: newId<NetworkId>(),
      name,
      created: new Date().toISOString(),
      driver,
      internal: spec.internal ?? false,
      attachable: spec.attachable ?? false,
      predefined,
      enableIPv4: spec.enableIPv4 ?? true,
      enableIPv6: spec.enableIPv6 ?? false,
      configOnly,
      ...(configFrom !== undefined && { configFrom }),
      dns: [...(spec.dns ?? [])],
      options: { ...options },
      labels: { ...labels },
      ipam: { driver: 'default', options: spec.ipam?.options ?? {}, config },
    };
  }

  /** Refuses what another network has and can't be shared: a bridge, a parent. */
  #checkClaim({ network }: NetworkEntry): void {
    const { claim } = network;
    if (claim === undefined) return;
    for (const other of this.#context.state.networks.values()) {
      const theirs = other.network.claim;
      if (theirs?.what !== claim.what || !(claim.exclusive || theirs.exclusive)) continue;
      throw new BerthError('forbidden', `${claim.what} is that of network ${other.name} already`, {
        subject: claim.what,
      });
    }
  }

  #takeAgain({ ipam }: NetworkRecord): void {
    for (const { subnet } of ipam.config) {
      const prefix = parsePrefix(subnet)?.prefix;
      if (prefix !== undefined) this.#space.take(prefix);
    }
  }

  #forget({ id }: NetworkEntry): void {
    this.#context.state.storedNetworks.delete(id);
    this.#context.state.networks.delete(id);
  }

  #release(record: NetworkRecord): void {
    if (!record.configOnly) releaseSubnets(this.#space, record);
  }
}

/** The pools that the daemon was given; where they have no IPv6, a block that is this host's own. */
function addressSpace({ options }: ManagerContext): AddressSpace {
  const { defaultAddressPools = DEFAULT_POOLS, store } = options;
  if (defaultAddressPools.some(({ base }) => base.includes(':')))
    return new AddressSpace(defaultAddressPools);
  const facts = store.collection<string>('network.host');
  const id = facts.get('id') ?? newId();
  facts.put('id', id);
  return new AddressSpace([...defaultAddressPools, uniqueLocalPool(id)]);
}
