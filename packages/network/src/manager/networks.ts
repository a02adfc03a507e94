import { BerthError, newId, runSteps, type Logger } from '@berth/core';
import { BridgeDriver } from '../drivers/bridge/index.js';
import type { Driver } from '../drivers/driver.js';
import { HostDriver } from '../drivers/host/index.js';
import { NullDriver } from '../drivers/null/index.js';
import { formatAddress, formatPrefix, parseAddress, parsePrefix } from '../ipam/address.js';
import { AddressSpace } from '../ipam/address-space.js';
import { LeasePool } from '../ipam/lease-pool.js';
import { defaultGateway, planSubnet } from '../ipam/plan.js';
import type { NetworkId, NetworkSpec } from '../model.js';
import type { NetworkRecord } from '../records.js';
import type { ManagerContext } from './context.js';
import { checkSubnetAgainstHost, hostRoutes } from './host-routes.js';
import { checkNetworkSpec } from './network-spec.js';
import type { NetworkEntry } from './state.js';

/** The networks: made, found and removed. */
export class Networks {
  readonly #context: ManagerContext;
  readonly #space: AddressSpace;
  readonly #drivers: ReadonlyMap<string, Driver>;
  readonly #logger: Logger;

  constructor(context: ManagerContext) {
    this.#context = context;
    this.#space = new AddressSpace(context.options.defaultAddressPools);
    this.#logger = context.options.logger;
    const drivers = [new BridgeDriver(context.host), new HostDriver(), new NullDriver()];
    this.#drivers = new Map(drivers.map((driver) => [driver.name, driver]));
  }

  /** @throws BerthError; nothing is left of the network then */
  async create(spec: NetworkSpec, predefined = false): Promise<NetworkEntry> {
    const { state } = this.#context;
    checkNetworkSpec(spec, predefined, this.#drivers);
    for (const { name } of state.networks.values()) {
      if (name === spec.name)
        throw new BerthError('conflict', `network with name ${name} already exists`, { subject: name });
    }
    const record = this.#plan(spec, predefined);
    let entry: NetworkEntry;
    try {
      entry = this.#open(record);
      this.#checkBridgeName(record);
    } catch (error) {
      this.#releaseSubnet(record);
      throw error;
    }
    for (const warning of entry.network.warnings) this.#logger.warn(warning, { network: record.name });
    await runSteps(
      record.name,
      [
        { name: 'reserve subnet', do: () => undefined, undo: () => this.#releaseSubnet(record) },
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
    await this.discard(entry);
  }

  /** Takes a network away, whatever it is. */
  async discard(entry: NetworkEntry): Promise<void> {
    this.#forget(entry);
    try {
      await entry.network.delete();
    } finally {
      this.#releaseSubnet(entry.record);
    }
  }

  /** Knows the stored networks again; the kernel is not looked at. */
  load(): void {
    const { state } = this.#context;
    for (const [, record] of state.storedNetworks.entries()) {
      try {
        const [config] = record.ipam.config;
        const subnet = config && parsePrefix(config.subnet)?.prefix;
        if (subnet) this.#space.take(subnet);
        state.networks.set(record.id, this.#open(record));
      } catch (error) {
        this.#logger.error('a stored network can not be used', { network: record.name, error });
      }
    }
  }

  #plan(spec: NetworkSpec, predefined: boolean): NetworkRecord {
    const { driver, name, options, labels, internal = false, attachable = false } = spec;
    const hasAddresses = this.#drivers.get(driver)?.hasAddresses ?? false;
    const common = {
      id: newId<NetworkId>(),
      name,
      created: new Date().toISOString(),
      driver,
      internal,
      attachable,
    };
    return {
      ...common,
      predefined,
      options: { ...options },
      labels: { ...labels },
      ipam: {
        driver: 'default',
        options: spec.ipam?.options ?? {},
        config: hasAddresses ? [this.#takeSubnet(spec)] : [],
      },
    };
  }

  #takeSubnet(spec: NetworkSpec): NetworkRecord['ipam']['config'][number] {
    const plan = planSubnet(spec.ipam?.config[0] ?? {});
    const routes = hostRoutes(this.#context.host.routes);
    if (plan.subnet !== undefined) checkSubnetAgainstHost(plan.subnet, routes);
    if (plan.subnet !== undefined) this.#space.take(plan.subnet);
    const subnet = plan.subnet ?? this.#space.takeNext(routes.map(({ prefix }) => prefix));
    const auxiliary = Object.entries(plan.auxiliary).map(
      ([name, address]) => [name, formatAddress(address)] as const,
    );
    return {
      subnet: formatPrefix(subnet),
      gateway: formatAddress(plan.gateway ?? defaultGateway(subnet, plan.auxiliary)),
      ...(plan.range && { ipRange: formatPrefix(plan.range) }),
      ...(auxiliary.length > 0 && { auxiliaryAddresses: Object.fromEntries(auxiliary) }),
    };
  }

  #open(record: NetworkRecord): NetworkEntry {
    const driver = this.#drivers.get(record.driver);
    if (driver === undefined)
      throw new BerthError('unsupported', `there is no network driver ${record.driver}`);
    return {
      record,
      id: record.id,
      name: record.name,
      driver,
      network: driver.validate(record),
      addresses: poolOf(record),
      endpoints: new Map(),
    };
  }

  #checkBridgeName(record: NetworkRecord): void {
    const bridge = record.options['com.docker.network.bridge.name'];
    if (bridge === undefined || record.driver !== 'bridge') return;
    for (const other of this.#context.state.networks.values()) {
      if (other.record.options['com.docker.network.bridge.name'] !== bridge) continue;
      throw new BerthError(
        'forbidden',
        `networks have same bridge name: ${bridge} is that of network ${other.name}`,
        {
          subject: bridge,
        },
      );
    }
  }

  #forget({ id }: NetworkEntry): void {
    this.#context.state.storedNetworks.delete(id);
    this.#context.state.networks.delete(id);
  }

  #releaseSubnet(record: NetworkRecord): void {
    const subnet = parsePrefix(record.ipam.config[0]?.subnet ?? '')?.prefix;
    if (subnet !== undefined) this.#space.release(subnet);
  }
}

/** The addresses of a network, those taken that are nobody's to have. */
function poolOf(record: NetworkRecord): NetworkEntry['addresses'] {
  const [config] = record.ipam.config;
  const subnet = parsePrefix(config?.subnet ?? '')?.prefix;
  if (config === undefined || subnet === undefined) return undefined;
  const range = parsePrefix(config.ipRange ?? '')?.prefix;
  const pool = new LeasePool({ subnet, ...(range && { range }) });
  for (const text of [config.gateway ?? '', ...Object.values(config.auxiliaryAddresses ?? {})]) {
    const address = parseAddress(text);
    if (address !== undefined) pool.leaseAddress(address.value);
  }
  return { subnet, pool };
}
