import { join } from 'node:path';
import { resolveReference } from '@berth/core';
import { RouteSocket } from '@berth/kernel';
import { NameService, hostResolvers } from '../dns/index.js';
import { LinkReaper } from '../drivers/link-reaper.js';
import { Firewall } from '../firewall/firewall.js';
import type {
  Endpoint,
  EndpointSpec,
  Network,
  NetworkId,
  NetworkSpec,
  Sandbox,
  SandboxId,
  SandboxSpec,
} from '../model.js';
import { PortReservations } from '../ports/index.js';
import { SandboxNamespaces } from '../sandbox/namespace.js';
import type { ManagerContext } from './context.js';
import { Endpoints, sandboxOf } from './endpoints.js';
import { HostSettings } from './host-settings.js';
import { Names } from './names.js';
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
  readonly #serial = new Serial<SandboxId>();

  private constructor(context: ManagerContext) {
    this.#context = context;
    this.#names = new Names(context);
    this.#networks = new Networks(context);
    this.#endpoints = new Endpoints(context, this.#names);
    this.#sandboxes = new Sandboxes(context, this.#endpoints);
    this.#settings = new HostSettings(context.options.store, context.options.logger);
  }

  /**
   * Opens what the store knows, makes the predefined networks, and brings the kernel into line: what is missing is
   * made, what is ours and unwanted removed. Must be called while the process has few descriptors open (see `Nftables`).
   *
   * @throws BerthError where the options are wrong, or the host can't be used
   */
  static async open(options: NetworkOptions): Promise<NetworkManager> {
    const { logger, store, execRoot } = options;
    const firewall = Firewall.open(logger);
    const routes = RouteSocket.open();
    const { servers } = options.dns;
    const manager = new NetworkManager({
      options,
      state: new NetworkState(store),
      host: { routes, reaper: new LinkReaper(routes), firewall, logger },
      ports: new PortReservations(),
      namespaces: new SandboxNamespaces(join(execRoot, 'netns')),
      nameService: new NameService({
        logger,
        hostResolvers: () => (servers.length > 0 ? servers : hostResolvers()),
      }),
    });
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
    const { nameService, ports, host, state } = this.#context;
    try {
      await nameService.shutdown();
      if (state.sandboxes.size === 0) await this.#clearHost();
    } finally {
      ports.releaseAll();
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
    return networkOf(await this.#networks.create(spec));
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
  }

  async #clearHost(): Promise<void> {
    const { state, host } = this.#context;
    await Promise.all([...state.networks.values()].map(({ network }) => network.delete()));
    host.firewall.remove();
    this.#settings.restore();
  }

  #networkEntry(reference: string): NetworkEntry {
    return resolveReference('network', reference, this.#context.state.networks.values());
  }

  #sandboxView({ record, endpoints, gateway, nameService }: SandboxEntry): Sandbox {
    const { networks } = this.#context.state;
    const { servers } = this.#context.options.dns;
    return {
      id: record.id,
      kind: record.kind,
      path: record.path,
      endpoints: endpoints.map((endpoint) =>
        endpointOf(endpoint, networks.get(endpoint.networkId)?.name ?? ''),
      ),
      ports: record.ports,
      nameService,
      ...(gateway !== undefined && { gatewayEndpoint: gateway }),
      hostResolvers: servers.length > 0 ? servers : hostResolvers(),
    };
  }
}
