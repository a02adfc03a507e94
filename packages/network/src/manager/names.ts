import { isLoopbackAddress } from '../dns/index.js';
import type { SandboxSettings } from '../dns/index.js';
import type { EndpointRecord } from '../records.js';
import type { ManagerContext } from './context.js';
import type { NetworkEntry, SandboxEntry } from './state.js';

/** Keeps the name service in line with the endpoints. */
export class Names {
  readonly #context: ManagerContext;

  constructor(context: ManagerContext) {
    this.#context = context;
  }

  /** Whether the endpoints of a network have names there: those of custom networks, and of the default bridge if it shall. */
  serves({ record, addresses }: NetworkEntry): boolean {
    return addresses !== undefined && (!record.predefined || this.#context.options.dns.defaultBridgeNames);
  }

  /**
   * Whether the name service must answer in the sandboxes of a network: where there are names, and where the host's own
   * resolvers are on its loopback, which no sandbox reaches.
   */
  needed(entry: NetworkEntry): boolean {
    if (this.serves(entry)) return true;
    const resolvers = this.#context.hostResolvers();
    return entry.addresses !== undefined && resolvers.length > 0 && resolvers.every(isLoopbackAddress);
  }

  /** Makes an endpoint known, and has the name service answer in its sandbox. */
  async add(sandbox: SandboxEntry, entry: NetworkEntry, endpoint: EndpointRecord): Promise<void> {
    if (sandbox.nameService) this.refresh(sandbox);
    else await this.open(sandbox);
    if (this.serves(entry)) this.set(entry, endpoint);
  }

  /** Tells the name service an endpoint's names. */
  set(entry: NetworkEntry, endpoint: EndpointRecord): void {
    this.#context.nameService.setEndpoint({
      endpointId: endpoint.id,
      networkId: entry.id,
      networkName: entry.name,
      sandboxId: endpoint.sandboxId,
      names: endpoint.names,
      links: endpoint.links,
      ...(endpoint.interface?.ipv4 && { ipv4: endpoint.interface.ipv4.address }),
      ...(endpoint.interface?.ipv6 && { ipv6: endpoint.interface.ipv6.address }),
    });
  }

  /** Has the name service answer in a sandbox. */
  async open(sandbox: SandboxEntry): Promise<void> {
    const { id } = sandbox.record;
    const { namespaces, nameService } = this.#context;
    using namespace = namespaces.open(id);
    await nameService.open(id, namespaces.pathOf(id), namespace, this.#settings(sandbox));
    sandbox.nameService = true;
  }

  /** Brings the name service of a sandbox into line with the networks that it is on now. */
  refresh(sandbox: SandboxEntry): void {
    if (sandbox.nameService) this.#context.nameService.update(sandbox.record.id, this.#settings(sandbox));
  }

  /** Forgets an endpoint; it must be out of the sandbox's list. */
  remove(sandbox: SandboxEntry, endpoint: EndpointRecord): void {
    this.#context.nameService.removeEndpoint(endpoint.id);
    this.refresh(sandbox);
  }

  /** Ends the name service of a sandbox that goes on, and is on no network any more that needs it. */
  async closeUnneeded(sandbox: SandboxEntry): Promise<void> {
    const { state, nameService, namespaces } = this.#context;
    const { id } = sandbox.record;
    if (!sandbox.nameService) return;
    const needing = sandbox.endpoints.some(({ networkId }) => {
      const entry = state.networks.get(networkId);
      return entry !== undefined && this.needed(entry);
    });
    if (needing || !namespaces.isAlive(id)) return;
    sandbox.nameService = false;
    using namespace = namespaces.open(id);
    await nameService.end(id, namespace);
  }

  #settings(sandbox: SandboxEntry): SandboxSettings {
    return {
      upstreams: this.#upstreams(sandbox),
      forwarding: this.#mayForward(sandbox),
      host: this.#hostOf(sandbox),
    };
  }

  /** A sandbox on internal networks alone has no way out, through the name service either. */
  #mayForward({ endpoints }: SandboxEntry): boolean {
    return endpoints.some(({ networkId }) => {
      const { ipv4, ipv6 } = this.#context.state.networks.get(networkId)?.network.isGateway ?? {};
      return ipv4 === true || ipv6 === true;
    });
  }

  /** The sandbox's own servers, else those of its networks. */
  #upstreams({ record, endpoints }: SandboxEntry): readonly string[] {
    if (record.dns.servers.length > 0) return record.dns.servers;
    const { networks } = this.#context.state;
    return [...new Set(endpoints.flatMap(({ networkId }) => networks.get(networkId)?.record.dns ?? []))];
  }

  /** The host as the sandbox reaches it: the gateway of the network that is its way out, else of the first that has one. */
  #hostOf({ endpoints, gateways }: SandboxEntry): NonNullable<SandboxSettings['host']> {
    const of = (family: 'ipv4' | 'ipv6') => {
      const first = endpoints.find(({ id }) => id === gateways[family]);
      for (const endpoint of first === undefined ? endpoints : [first, ...endpoints]) {
        const address = endpoint.interface?.[family]?.address;
        const entry = this.#context.state.networks.get(endpoint.networkId);
        // Of a macvlan or ipvlan network the gateway is another machine.
        if (address === undefined || entry === undefined || entry.driver.sharesSubnets) continue;
        const gateway = entry.addresses?.gatewayFor(address);
        if (gateway !== undefined) return gateway;
      }
      return undefined;
    };
    const [ipv4, ipv6] = [of('ipv4'), of('ipv6')];
    return { ...(ipv4 !== undefined && { ipv4 }), ...(ipv6 !== undefined && { ipv6 }) };
  }
}
