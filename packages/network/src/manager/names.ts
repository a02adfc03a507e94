import type { EndpointRecord } from '../records.js';
import type { ManagerContext } from './context.js';
import type { NetworkEntry, SandboxEntry } from './state.js';

/** Keeps the name service in line with the endpoints. It serves custom networks, not the default bridge. */
export class Names {
  readonly #context: ManagerContext;

  constructor(context: ManagerContext) {
    this.#context = context;
  }

  serves({ record, addresses }: NetworkEntry): boolean {
    return addresses !== undefined && !record.predefined;
  }

  /** Makes an endpoint known, and has the name service answer in its sandbox. */
  async add(sandbox: SandboxEntry, entry: NetworkEntry, endpoint: EndpointRecord): Promise<void> {
    if (sandbox.nameService) this.refresh(sandbox);
    else await this.open(sandbox);
    this.set(entry, endpoint);
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
    using namespace = this.#context.namespaces.open(id);
    await this.#context.nameService.open(id, namespace, {
      upstreams: this.#upstreams(sandbox),
      forwarding: this.#mayForward(sandbox),
    });
    sandbox.nameService = true;
  }

  /** Has the name service ask, or not ask, the servers that a sandbox's networks name now. */
  refresh(sandbox: SandboxEntry): void {
    if (!sandbox.nameService) return;
    const { nameService } = this.#context;
    nameService.setForwarding(sandbox.record.id, this.#mayForward(sandbox));
    nameService.setUpstreams(sandbox.record.id, this.#upstreams(sandbox));
  }

  /** Forgets an endpoint; it must be out of the sandbox's list. */
  remove(sandbox: SandboxEntry, endpoint: EndpointRecord): void {
    this.#context.nameService.removeEndpoint(endpoint.id);
    this.refresh(sandbox);
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
}
