import { BerthError, TeardownError, runSteps, toError, type Step } from '@berth/core';
import type { EndpointSpec, NetworkId, SandboxId } from '../model.js';
import type { EndpointRecord } from '../records.js';
import type { ManagerContext } from './context.js';
import { checkAttachment, planEndpoint, releaseAddress } from './endpoint-plan.js';
import { dropDefaultRoute, moveGateway, portsTo } from './gateway.js';
import type { Names } from './names.js';
import type { NetworkEntry, SandboxEntry } from './state.js';

/** Endpoints: joining sandboxes to networks, and taking them apart. Calls for one sandbox must not overlap. */
export class Endpoints {
  readonly #context: ManagerContext;
  readonly #names: Names;

  constructor(context: ManagerContext, names: Names) {
    this.#context = context;
    this.#names = names;
  }

  /** @throws BerthError; nothing is left of the endpoint then */
  async attach(sandbox: SandboxEntry, entry: NetworkEntry, spec: EndpointSpec): Promise<EndpointRecord> {
    const { state, host, options, namespaces } = this.#context;
    checkAttachment(sandbox, entry, state.networks);
    const endpoint = planEndpoint(sandbox, entry, spec, state.nextSequence());
    const defaultRoute = sandbox.gateway === undefined && entry.network.isGateway;
    const steps: Step[] = [
      { name: 'lease address', do: () => undefined, undo: () => this.#release(entry, endpoint) },
      {
        name: 'record endpoint',
        do: () => state.setEndpoint(endpoint),
        undo: () => state.deleteEndpoint(endpoint),
      },
      // Undone by this very step: what of the interface was made when it failed is taken away.
      { name: 'prepare removal', do: () => undefined, undo: () => entry.network.detach(endpoint) },
      {
        name: 'create interface',
        do: () => {
          using namespace =
            sandbox.record.kind === 'private' ? namespaces.open(sandbox.record.id) : undefined;
          entry.network.attach({ endpoint, namespace, defaultRoute });
        },
      },
    ];
    if (defaultRoute) {
      const ports = portsTo(sandbox, endpoint);
      steps.push({
        name: 'publish ports',
        do: () => {
          if (ports.length > 0) host.firewall.publish(ports);
          sandbox.gateway = endpoint.id;
        },
        undo: () => {
          sandbox.gateway = undefined;
          host.firewall.unpublish(ports);
        },
      });
    }
    if (this.#names.serves(entry)) {
      steps.push({
        name: 'serve names',
        do: () => this.#names.add(sandbox, entry, endpoint),
        undo: () => this.#names.remove(sandbox, endpoint),
      });
    }
    await runSteps(entry.name, steps, options.logger);
    return endpoint;
  }

  /**
   * Takes an endpoint away, to the end whatever fails on the way.
   *
   * @param goesOn whether the sandbox stays, so that another endpoint takes over the default route and the ports
   */
  async detach(sandbox: SandboxEntry, endpoint: EndpointRecord, goesOn: boolean): Promise<void> {
    const { state, host } = this.#context;
    const entry = state.networks.get(endpoint.networkId);
    const errors: Error[] = [];
    const attempt = (job: () => void) => {
      try {
        job();
      } catch (error) {
        errors.push(toError(error));
      }
    };
    const wasGateway = sandbox.gateway === endpoint.id;
    attempt(() => state.deleteEndpoint(endpoint));
    attempt(() => this.#names.remove(sandbox, endpoint));
    if (wasGateway) {
      sandbox.gateway = undefined;
      attempt(() => host.firewall.unpublish(portsTo(sandbox, endpoint)));
      if (goesOn) attempt(() => dropDefaultRoute(this.#context, endpoint));
    }
    try {
      const gone = entry?.network.detach(endpoint);
      if (goesOn && wasGateway) attempt(() => moveGateway(this.#context, sandbox));
      await gone;
    } catch (error) {
      errors.push(toError(error));
    }
    if (entry !== undefined) this.#release(entry, endpoint);
    if (errors.length > 0) throw new TeardownError(`detach ${endpoint.containerName}`, errors);
  }

  /** The sandbox's endpoint on a network. @throws BerthError `not-found` */
  find(sandbox: SandboxEntry, network: NetworkId): EndpointRecord {
    const found = sandbox.endpoints.find(({ networkId }) => networkId === network);
    if (found !== undefined) return found;
    const name = this.#context.state.networks.get(network)?.name ?? network;
    throw new BerthError(
      'not-found',
      `container ${sandbox.record.id} is not connected to the network ${name}`,
      {
        subject: name,
      },
    );
  }

  #release(entry: NetworkEntry, endpoint: EndpointRecord): void {
    if (endpoint.interface !== undefined) releaseAddress(entry, endpoint.interface);
  }
}

/** The sandbox of that id. @throws BerthError `not-found` */
export function sandboxOf({ state }: ManagerContext, id: SandboxId): SandboxEntry {
  const sandbox = state.sandboxes.get(id);
  if (sandbox === undefined) throw new BerthError('not-found', `no sandbox ${id}`, { subject: id });
  return sandbox;
}
