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
    if (sandbox.nameService) this.#updateForwarding(sandbox);
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
      ...(endpoint.interface && { ipv4: endpoint.interface.address }),
    });
  }

  /** Has the name service answer in a sandbox. */
  async open(sandbox: SandboxEntry): Promise<void> {
    const { id, dns } = sandbox.record;
    using namespace = this.#context.namespaces.open(id);
    await this.#context.nameService.open(id, namespace, {
      upstreams: dns.servers,
      forwarding: this.#mayForward(sandbox),
    });
    sandbox.nameService = true;
  }

  /** Forgets an endpoint; it must be out of the sandbox's list. */
  remove(sandbox: SandboxEntry, endpoint: EndpointRecord): void {
    this.#context.nameService.removeEndpoint(endpoint.id);
    if (sandbox.nameService) this.#updateForwarding(sandbox);
  }

  #updateForwarding(sandbox: SandboxEntry): void {
    this.#context.nameService.setForwarding(sandbox.record.id, this.#mayForward(sandbox));
  }

  /** A sandbox on internal networks alone has no way out, through the name service either. */
  #mayForward({ endpoints }: SandboxEntry): boolean {
    return endpoints.some(({ networkId }) => this.#context.state.networks.get(networkId)?.network.isGateway);
  }
}
