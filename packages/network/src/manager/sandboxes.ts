import { BerthError, TeardownError, runSteps, toError } from '@berth/core';
import type { NetworkId, PortSpec, SandboxId, SandboxSpec } from '../model.js';
import { bindingOf, type PublishingNetworks } from '../ports/index.js';
import type { SandboxRecord } from '../records.js';
import type { ManagerContext } from './context.js';
import type { Endpoints } from './endpoints.js';
import { openingsOf } from './gateway.js';
import type { NetworkEntry, SandboxEntry } from './state.js';

/** Sandboxes: network stacks, made and taken away. */
export class Sandboxes {
  readonly #context: ManagerContext;
  readonly #endpoints: Endpoints;

  constructor(context: ManagerContext, endpoints: Endpoints) {
    this.#context = context;
    this.#endpoints = endpoints;
  }

  /** @throws BerthError; nothing is left of the sandbox then */
  async create(spec: SandboxSpec): Promise<SandboxEntry> {
    const { state, ports, namespaces, options } = this.#context;
    const { id, kind, dns } = spec;
    if (state.sandboxes.has(id))
      throw new BerthError('conflict', `sandbox ${id} exists already`, { subject: id });
    // A host sandbox has the host's ports as its own.
    const wanted = kind === 'private' ? spec.ports : [];
    const published = ports.reserve(id, this.#bindings(wanted, this.#futureNetworks(spec.networks ?? [])));
    const path = kind === 'private' ? namespaces.pathOf(id) : undefined;
    const record: SandboxRecord = { id, kind, path, ports: published, dns };
    const entry: SandboxEntry = { record, endpoints: [], gateways: {}, nameService: false };
    await runSteps(
      id,
      [
        { name: 'reserve ports', do: () => undefined, undo: () => ports.release(id) },
        {
          name: 'record sandbox',
          do: () => {
            state.sandboxes.set(id, entry);
            state.storedSandboxes.put(id, record);
          },
          undo: () => this.#forget(id),
        },
        {
          name: 'create network namespace',
          do: () => {
            if (kind === 'private') namespaces.create(id);
          },
        },
      ],
      options.logger,
    );
    return entry;
  }

  /**
   * Replaces the published ports of a sandbox, while it goes on. Those that stay are not interrupted.
   *
   * @throws BerthError `conflict` where one is taken; they are as before then
   */
  async updatePorts(sandbox: SandboxEntry, wanted: readonly PortSpec[]): Promise<void> {
    const { state, ports, host, connections, options } = this.#context;
    const { record, gateways } = sandbox;
    const { id } = record;
    if (record.kind === 'host')
      throw new BerthError('invalid', `a container with the host's network publishes no ports`, {
        subject: id,
      });
    const before = openingsOf(this.#context, sandbox, gateways);
    const reserved = ports.reserve(id, this.#bindings(wanted, this.#presentNetworks(sandbox)));
    const next: SandboxEntry = { ...sandbox, record: { ...record, ports: reserved } };
    const after = openingsOf(this.#context, next, gateways);
    const kept = new Set(after.ports.map((port) => JSON.stringify(port)));
    await runSteps(
      id,
      [
        { name: 'reserve ports', do: () => undefined, undo: () => ports.restore(id, record.ports) },
        {
          name: 'publish ports',
          do: () => host.firewall.change(before, after),
          undo: () => host.firewall.change(after, before),
        },
        {
          name: 'record sandbox',
          do: () => {
            sandbox.record = next.record;
            state.storedSandboxes.put(id, next.record);
          },
        },
      ],
      options.logger,
    );
    await connections.forgetPublished(before.ports.filter((port) => !kept.has(JSON.stringify(port))));
    await connections.forgetUnpublished(after.ports);
  }

  /** Takes a sandbox away with its endpoints, ports and addresses, to the end whatever fails on the way. */
  async delete(sandbox: SandboxEntry): Promise<void> {
    const { nameService, namespaces, ports } = this.#context;
    const { id, kind } = sandbox.record;
    const errors: Error[] = [];
    const attempt = async (job: () => Promise<void> | void) => {
      try {
        await job();
      } catch (error) {
        errors.push(toError(error));
      }
    };
    await attempt(() => nameService.close(id));
    await Promise.all(
      [...sandbox.endpoints].map((endpoint) =>
        attempt(() => this.#endpoints.detach(sandbox, endpoint, false)),
      ),
    );
    if (kind === 'private') await attempt(() => namespaces.remove(id));
    await attempt(() => ports.release(id));
    await attempt(() => this.#forget(id));
    if (errors.length > 0) throw new TeardownError(`delete sandbox ${id}`, errors);
  }

  #bindings(ports: readonly PortSpec[], networks: PublishingNetworks) {
    return ports.map((spec) => bindingOf(spec, networks, this.#context.options.defaultBindAddress));
  }

  /** The networks that will hold the ports once the sandbox has joined those. */
  #futureNetworks(joins: NonNullable<SandboxSpec['networks']>): PublishingNetworks {
    const { networks } = this.#context.state;
    const best = (family: 'ipv4' | 'ipv6') => {
      const leading = joins.filter(({ id }) => networks.get(id)?.network.isGateway[family] === true);
      const highest = Math.max(...leading.map(({ gatewayPriority }) => gatewayPriority));
      return leading.find(({ gatewayPriority }) => gatewayPriority === highest)?.id;
    };
    return this.#publishing(best('ipv4'), best('ipv6'));
  }

  #presentNetworks({ endpoints, gateways }: SandboxEntry): PublishingNetworks {
    const networkOf = (family: 'ipv4' | 'ipv6') =>
      endpoints.find(({ id }) => id === gateways[family])?.networkId;
    return this.#publishing(networkOf('ipv4'), networkOf('ipv6'));
  }

  #publishing(ipv4: NetworkId | undefined, ipv6: NetworkId | undefined): PublishingNetworks {
    const { networks } = this.#context.state;
    const of = (family: 'ipv4' | 'ipv6', entry: NetworkEntry | undefined) =>
      entry && {
        publishing: entry.network.publishing[family],
        ...(entry.network.defaultBinding !== undefined && { defaultBinding: entry.network.defaultBinding }),
      };
    const four = ipv4 === undefined ? undefined : of('ipv4', networks.get(ipv4));
    const six = ipv6 === undefined ? undefined : of('ipv6', networks.get(ipv6));
    return { ...(four && { ipv4: four }), ...(six && { ipv6: six }) };
  }

  #forget(id: SandboxId): void {
    this.#context.state.sandboxes.delete(id);
    this.#context.state.storedSandboxes.delete(id);
  }
}
