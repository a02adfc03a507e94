import { join } from 'node:path';
import { resolveReference, toError } from '@berth/core';
import { RouteSocket } from '@berth/kernel';
import { NameService, hostResolvers } from '../dns/index.js';
import { LinkReaper } from '../drivers/link-reaper.js';
import { Firewall } from '../firewall/firewall.js';
import type {
  Endpoint,
  EndpointSpec,
  Network,
  NetworkChange,
  NetworkId,
  NetworkSpec,
  PortSpec,
  Sandbox,
  SandboxId,
  SandboxSpec,
} from '../model.js';
import { PortReservations } from '../ports/index.js';
import { SandboxNamespaces } from '../sandbox/namespace.js';
import { Connections } from './connections.js';
import type { ManagerContext } from './context.js';
import { Endpoints, sandboxOf } from './endpoints.js';
import { addressRefusal, checkWantedAddress } from './endpoint-plan.js';
import { HostSettings } from './host-settings.js';
import { HostWatch } from './host-watch.js';
import { Names } from './names.js';
import { applyNetwork, changeNetwork } from './network-change.js';
import { Networks } from './networks.js';
import type { NetworkOptions } from './options.js';
import { ensurePredefined } from './predefined.js';
import { converge, loadSandboxes } from './recovery.js';
import { Sandboxes } from './sandboxes.js';
import { Serial } from './serial.js';
import { NetworkState, endpointOf, networkOf, type NetworkEntry, type SandboxEntry } from './state.js';

/**
 * The networks of one host, which is the network namespace that the manager is opened in: it makes networks and
 * sandboxes, and joins them. What it is asked for is kept in the store; the kernel is brought into line with that.
 */
export class NetworkManager {
  readonly #context: ManagerContext;
  readonly #networks: Networks;
  readonly #sandboxes: Sandboxes;
  readonly #endpoints: Endpoints;
  readonly #names: Names;
  readonly #settings: HostSettings;
  readonly #watch: HostWatch;
  readonly #serial = new Serial<SandboxId>();

  private constructor(context: ManagerContext, settings: HostSettings) {
    this.#context = context;
    this.#settings = settings;
    this.#names = new Names(context);
    this.#networks = new Networks(context);
    this.#endpoints = new Endpoints(context, this.#names);
    this.#sandboxes = new Sandboxes(context, this.#endpoints);
    this.#watch = new HostWatch(context, () => this.#followMtu());
  }

  /**
   * Opens what the store knows, makes the predefined networks, and brings the kernel into line: what is missing is
   * made, what is ours and unwanted removed. Must be called while the process has few descriptors open (see `Nftables`).
   *
   * @throws BerthError where the options are wrong, or the host can't be used
   */
  static async open(options: NetworkOptions): Promise<NetworkManager> {
    const { logger, store, execRoot } = options;
    const firewall = Firewall.open(logger, { coexist: options.firewallCoexist });
    const routes = RouteSocket.open();
    const { servers, forwardSingleLabels } = options.dns;
    const resolvers = () => (servers.length > 0 ? servers : hostResolvers());
    const settings = new HostSettings(store, logger);
    const manager: NetworkManager = new NetworkManager(
      {
        options,
        state: new NetworkState(store),
        host: {
          routes,
          reaper: new LinkReaper(routes),
          firewall,
          logger,
          uplinkMtu: () => manager.#watch.mtu,
          forwardIPv6: () => settings.forwardIPv6(options, routes),
        },
        ports: new PortReservations(),
        connections: new Connections(logger),
        namespaces: new SandboxNamespaces(join(execRoot, 'netns')),
        nameService: new NameService({ logger, hostResolvers: resolvers, forwardSingleLabels }),
        hostResolvers: resolvers,
      },
      settings,
    );
    try {
      await manager.#start();
    } catch (error) {
      await manager.close();
      throw error;
    }
    return manager;
  }

  /** Lets go of everything. Networks that sandboxes use stay; without any sandbox the host gets back what it was. */
  async close(): Promise<void> {
    const { nameService, ports, host, state, connections } = this.#context;
    this.#watch.close();
    try {
      await nameService.shutdown();
      if (state.sandboxes.size === 0) await this.#clearHost();
    } finally {
      ports.releaseAll();
      connections.close();
      host.firewall.close();
      host.routes.close();
    }
  }

  networks(): Network[] {
    return [...this.#context.state.networks.values()].map(networkOf);
  }

  /** The network that a user means by an id, a name or the beginning of an id. @throws BerthError `not-found`, `invalid` */
  network(reference: string): Network {
    return networkOf(this.#networkEntry(reference));
  }

  /** @throws BerthError `invalid`, `conflict`, `forbidden`, `unsupported`, `exhausted`; nothing is left of it then */
  async createNetwork(spec: NetworkSpec): Promise<Network> {
    const entry = await this.#networks.create(spec);
    this.#watch.look(entry);
    return networkOf(entry);
  }

  /** What of the host gets in the way of containers' traffic, as it is now. */
  hostWarnings(): string[] {
    try {
      return this.#context.host.firewall.foreignWarnings();
    } catch (error) {
      this.#context.options.logger.warn('cannot look at the other firewall tables', {
        error: toError(error),
      });
      return [];
    }
  }

  /** The names of the network drivers. */
  get drivers(): readonly string[] {
    return this.#networks.drivers;
  }

  /**
   * Changes a network that is there; what is connected goes on.
   *
   * @throws BerthError `not-found`, `invalid`, `forbidden`; it is as before then
   */
  updateNetwork(id: NetworkId, change: NetworkChange): Network {
    const entry = this.#networkEntry(id);
    changeNetwork(this.#context, this.#networks, this.#names, entry, change);
    return networkOf(entry);
  }

  /**
   * Keeps addresses of a network for an owner (a sandbox's id), whether it is attached or not, until
   * {@link releaseAddresses}; those that it has reserved there before and doesn't want any more are let go.
   *
   * @throws BerthError `conflict` where one is taken, `invalid`; the earlier ones are kept then
   */
  reserveAddresses(owner: SandboxId, network: NetworkId, wanted: readonly string[]): void {
    const entry = this.#networkEntry(network);
    const { state } = this.#context;
    const key = `${owner} ${entry.id}`;
    const earlier = state.storedReservations.get(key)?.addresses ?? [];
    const addresses: string[] = [];
    try {
      for (const text of wanted) {
        const family = text.includes(':') ? 6 : 4;
        const address = checkWantedAddress(entry, family, text);
        const refusal = entry.addresses?.reserve(address, owner);
        if (refusal !== undefined) throw addressRefusal(entry, family, address, refusal);
        addresses.push(address);
      }
    } catch (error) {
      for (const address of addresses)
        if (!earlier.includes(address)) entry.addresses?.unreserve(address, false);
      throw error;
    }
    this.#unreserve(
      entry,
      earlier.filter((address) => !addresses.includes(address)),
    );
    state.storedReservations.put(key, { owner, networkId: entry.id, addresses });
  }

  /** Ends what an owner has reserved, on one network or on all. */
  releaseAddresses(owner: SandboxId, network?: NetworkId): void {
    const { state } = this.#context;
    for (const [key, reservation] of state.storedReservations.entries()) {
      if (reservation.owner !== owner || (network !== undefined && reservation.networkId !== network))
        continue;
      state.storedReservations.delete(key);
      const entry = state.networks.get(reservation.networkId);
      if (entry !== undefined) this.#unreserve(entry, reservation.addresses);
    }
  }

  /** What the user should know about a network's options: those that have no effect. */
  warnings(id: NetworkId): readonly string[] {
    return this.#networkEntry(id).network.warnings;
  }

  /** @throws BerthError `not-found`; `forbidden` for a predefined network and for one in use */
  async removeNetwork(id: NetworkId): Promise<void> {
    await this.#networks.remove(this.#networkEntry(id));
  }

  /** @throws BerthError `conflict` where a port is taken, …; nothing is left of the sandbox then */
  async createSandbox(spec: SandboxSpec): Promise<Sandbox> {
    const entry = await this.#serial.run(spec.id, () => this.#sandboxes.create(spec));
    return this.#sandboxView(entry);
  }

  /** Takes a sandbox away with all that is its; one that isn't there is no error. */
  async deleteSandbox(id: SandboxId): Promise<void> {
    await this.#serial.run(id, async () => {
      const entry = this.#context.state.sandboxes.get(id);
      if (entry !== undefined) await this.#sandboxes.delete(entry);
    });
  }

  /**
   * Replaces the published ports of a sandbox while it goes on; those that stay are not interrupted.
   *
   * @throws BerthError `not-found`, `conflict` where a port is taken; they are as before then
   */
  async updatePorts(id: SandboxId, ports: readonly PortSpec[]): Promise<Sandbox> {
    return this.#serial.run(id, async () => {
      const entry = sandboxOf(this.#context, id);
      await this.#sandboxes.updatePorts(entry, ports);
      return this.#sandboxView(entry);
    });
  }

  sandbox(id: SandboxId): Sandbox | undefined {
    const entry = this.#context.state.sandboxes.get(id);
    return entry && this.#sandboxView(entry);
  }

  sandboxes(): Sandbox[] {
    return [...this.#context.state.sandboxes.values()].map((entry) => this.#sandboxView(entry));
  }

  /** Joins a sandbox to a network. @throws BerthError; nothing is left of the endpoint then */
  async attach(sandbox: SandboxId, network: NetworkId, spec: EndpointSpec): Promise<Endpoint> {
    return this.#serial.run(sandbox, async () => {
      const entry = this.#networkEntry(network);
      const record = await this.#endpoints.attach(sandboxOf(this.#context, sandbox), entry, spec);
      return endpointOf(record, entry.name);
    });
  }

  /** Resolves when nothing is left of the endpoint. @throws BerthError `not-found` */
  async detach(sandbox: SandboxId, network: NetworkId): Promise<void> {
    await this.#serial.run(sandbox, async () => {
      const entry = sandboxOf(this.#context, sandbox);
      await this.#endpoints.detach(entry, this.#endpoints.find(entry, network), true);
    });
  }

  /** Gives an endpoint other names. @throws BerthError `not-found` */
  updateNames(sandbox: SandboxId, network: NetworkId, names: readonly string[]): void {
    const entry = this.#networkEntry(network);
    const endpoint = this.#endpoints.find(sandboxOf(this.#context, sandbox), network);
    const renamed = { ...endpoint, names, containerName: names[0] ?? endpoint.containerName };
    this.#context.state.setEndpoint(renamed);
    if (this.#names.serves(entry)) this.#names.set(entry, renamed);
  }

  async #start(): Promise<void> {
    this.#networks.load();
    loadSandboxes(this.#context);
    this.#settings.apply(this.#context.options);
    await ensurePredefined(this.#context, this.#networks);
    await converge(this.#context, this.#names);
    const { hostListener } = this.#context.options.dns;
    if (hostListener !== undefined) await this.#context.nameService.listenOnHost(hostListener);
    this.#watch.start();
    for (const warning of this.hostWarnings()) this.#context.options.logger.warn(warning);
  }

  /** Networks without an MTU of their own take that of the ways out. */
  #followMtu(): void {
    const { state, options } = this.#context;
    for (const entry of state.networks.values()) {
      try {
        applyNetwork(this.#context, this.#names, entry);
      } catch (error) {
        options.logger.error('cannot change the MTU of a network', {
          network: entry.name,
          error: toError(error),
        });
      }
    }
  }

  async #clearHost(): Promise<void> {
    const { state, host } = this.#context;
    await Promise.all([...state.networks.values()].map(({ network }) => network.delete()));
    host.firewall.remove();
    this.#settings.restore();
  }

  #unreserve(entry: NetworkEntry, addresses: readonly string[]): void {
    const endpoints = [...entry.endpoints.values()];
    for (const address of addresses) {
      const inUse = endpoints.some(
        ({ interface: own }) => own?.ipv4?.address === address || own?.ipv6?.address === address,
      );
      entry.addresses?.unreserve(address, inUse);
    }
  }

  #networkEntry(reference: string): NetworkEntry {
    return resolveReference('network', reference, this.#context.state.networks.values());
  }

  #sandboxView({ record, endpoints, gateways, nameService }: SandboxEntry): Sandbox {
    const { networks } = this.#context.state;
    const counters = this.#context.nameService.counters(record.id);
    return {
      id: record.id,
      kind: record.kind,
      path: record.path,
      endpoints: endpoints.map((endpoint) =>
        endpointOf(endpoint, networks.get(endpoint.networkId)?.name ?? ''),
      ),
      ports: record.ports,
      nameService,
      gateways,
      hostResolvers: this.#context.hostResolvers(),
      ...(counters && { nameServiceCounters: counters }),
    };
  }
}
