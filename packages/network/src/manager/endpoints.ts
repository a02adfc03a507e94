import { BerthError, TeardownError, runSteps, toError, type Step } from '@berth/core';
import type { Openings } from '../firewall/firewall.js';
import type { EndpointSpec, NetworkId, SandboxId } from '../model.js';
import type { EndpointRecord } from '../records.js';
import type { ManagerContext } from './context.js';
import { checkAttachment, planEndpoint, releaseAddresses } from './endpoint-plan.js';
import { gatewaysOf, openingsOf, renewDefaultRoutes, settleGateways } from './gateway.js';
import type { Names } from './names.js';
import type { NetworkEntry, SandboxEntry } from './state.js';

const NOTHING: Openings = { ports: [], services: [] };

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
    const { state, options } = this.#context;
    checkAttachment(sandbox, entry, state.networks);
    const endpoint = planEndpoint(sandbox, entry, spec, state.nextSequence());
    const { gateways } = sandbox;
    const steps: Step[] = [
      { name: 'lease address', do: () => undefined, undo: () => this.#release(entry, endpoint) },
      {
        name: 'record endpoint',
        do: () => state.setEndpoint(endpoint),
        undo: () => {
          state.deleteEndpoint(endpoint);
          sandbox.gateways = gateways;
          renewDefaultRoutes(this.#context, sandbox);
        },
      },
      // Undone by this very step: what of the interface was made when it failed is taken away.
      { name: 'prepare removal', do: () => undefined, undo: () => this.#detach(sandbox, entry, endpoint) },
      { name: 'create interface', do: () => this.#createInterface(sandbox, entry, endpoint) },
      ...this.#gatewaySteps(sandbox, endpoint),
    ];
    if (this.#names.needed(entry)) {
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
    const { state, connections } = this.#context;
    const entry = state.networks.get(endpoint.networkId);
    const errors: Error[] = [];
    const attempt = (job: () => void) => {
      try {
        job();
      } catch (error) {
        errors.push(toError(error));
      }
    };
    const wasGateway = Object.values(sandbox.gateways).includes(endpoint.id);
    const before = wasGateway ? openingsOf(this.#context, sandbox, sandbox.gateways) : NOTHING;
    attempt(() => state.deleteEndpoint(endpoint));
    attempt(() => this.#names.remove(sandbox, endpoint));
    // First of all nothing leads here any more.
    if (wasGateway) attempt(() => this.#closeOrMove(sandbox, before, goesOn));
    // Before the address is anybody's again: what is under way belongs to who had it.
    const forgotten = connections.forgetQuietly(endpoint);
    try {
      if (entry !== undefined) await this.#detach(sandbox, entry, endpoint);
    } catch (error) {
      errors.push(toError(error));
    }
    await forgotten;
    if (goesOn)
      await this.#names.closeUnneeded(sandbox).catch((error: unknown) => errors.push(toError(error)));
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
      { subject: name },
    );
  }

  #createInterface(sandbox: SandboxEntry, entry: NetworkEntry, endpoint: EndpointRecord): void {
    const next = gatewaysOf(this.#context, sandbox);
    // Where another endpoint holds the route so far, it is moved when this one is there.
    const takesOver = (family: 'ipv4' | 'ipv6') =>
      next[family] === endpoint.id && sandbox.gateways[family] === undefined;
    using namespace =
      sandbox.record.kind === 'private' ? this.#context.namespaces.open(sandbox.record.id) : undefined;
    entry.network.attach({
      endpoint,
      namespace,
      defaultRoute: { ipv4: takesOver('ipv4'), ipv6: takesOver('ipv6') },
    });
  }

  #gatewaySteps(sandbox: SandboxEntry, endpoint: EndpointRecord): Step[] {
    const { connections, host } = this.#context;
    const earlier = sandbox.gateways;
    let before = NOTHING;
    return [
      {
        name: 'publish ports',
        do: () => {
          const next = gatewaysOf(this.#context, sandbox);
          if (!Object.values(next).includes(endpoint.id)) return undefined;
          before = openingsOf(this.#context, sandbox, earlier);
          // The routes of a family that had none were made with the interface.
          sandbox.gateways = {
            ...earlier,
            ...(earlier.ipv4 === undefined && next.ipv4 !== undefined && { ipv4: next.ipv4 }),
            ...(earlier.ipv6 === undefined && next.ipv6 !== undefined && { ipv6: next.ipv6 }),
          };
          settleGateways(this.#context, sandbox, before);
          const { ports } = openingsOf(this.#context, sandbox, next);
          return ports.some(({ protocol }) => protocol === 'udp')
            ? connections.forgetUnpublished(ports)
            : undefined;
        },
        undo: () => {
          if (!Object.values(sandbox.gateways).includes(endpoint.id)) return;
          const opened = openingsOf(this.#context, sandbox, sandbox.gateways);
          sandbox.gateways = earlier;
          host.firewall.change(opened, before);
        },
      },
    ];
  }

  #closeOrMove(sandbox: SandboxEntry, before: Openings, goesOn: boolean): void {
    if (goesOn) {
      settleGateways(this.#context, sandbox, before);
      return;
    }
    sandbox.gateways = {};
    this.#context.host.firewall.change(before, NOTHING);
  }

  async #detach(sandbox: SandboxEntry, entry: NetworkEntry, endpoint: EndpointRecord): Promise<void> {
    const { namespaces } = this.#context;
    const { id, kind } = sandbox.record;
    using namespace = kind === 'private' && namespaces.isAlive(id) ? namespaces.open(id) : undefined;
    await entry.network.detach(endpoint, namespace);
  }

  #release(entry: NetworkEntry, endpoint: EndpointRecord): void {
    if (endpoint.interface !== undefined) releaseAddresses(entry, endpoint.interface);
  }
}

/** The sandbox of that id. @throws BerthError `not-found` */
export function sandboxOf({ state }: ManagerContext, id: SandboxId): SandboxEntry {
  const sandbox = state.sandboxes.get(id);
  if (sandbox === undefined) throw new BerthError('not-found', `no sandbox ${id}`, { subject: id });
  return sandbox;
}
