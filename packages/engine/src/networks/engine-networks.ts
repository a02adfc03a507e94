import { BerthError, isBerthError } from '@berth/core';
import type { Network, NetworkChange, NetworkSpec } from '@berth/network';
import { pathsOf, type ContainerContext } from '../containers/context.js';
import { publishNetwork } from '../containers/network-events.js';
import {
  networkFilesInput,
  updateNetworkFiles,
  type NetworkFilesInput,
} from '../containers/network-files.js';
import { checkEndpointConfig, endpointSpec, sharedContainer } from '../containers/network-mode.js';
import { releaseAddresses, reserveOn } from '../containers/reservations.js';
import { asSandboxId } from '../containers/snapshot.js';
import type { ContainerRecord } from '../containers/table.js';
import type { EndpointConfig } from '../model.js';

/** Networks, as far as containers and events are concerned; the network layer does the work. */
export class EngineNetworks {
  readonly #context: ContainerContext;

  constructor(context: ContainerContext) {
    this.#context = context;
  }

  async create(spec: NetworkSpec): Promise<Network> {
    const network = await this.#context.network.createNetwork(spec);
    this.#publish(network, 'create');
    return network;
  }

  /** @throws BerthError `not-found`, or `forbidden` for a predefined network or one in use */
  async remove(reference: string): Promise<void> {
    const network = this.get(reference);
    await this.#context.network.removeNetwork(network.id);
    this.#publish(network, 'destroy');
  }

  /** @throws BerthError `not-found`, or `invalid` where a prefix fits several */
  get(reference: string): Network {
    return this.#context.network.network(reference);
  }

  list(): Network[] {
    return this.#context.network.networks();
  }

  /** What the user should know about a network's options: those that have no effect. */
  warnings(network: Network): readonly string[] {
    return this.#context.network.warnings(network.id);
  }

  get drivers(): readonly string[] {
    return this.#context.network.drivers;
  }

  /** What of the host gets in the way of containers' traffic. */
  hostWarnings(): string[] {
    return this.#context.network.hostWarnings();
  }

  /** Changes a network that is there; what is connected goes on. @throws BerthError */
  update(reference: string, change: NetworkChange): Network {
    const network = this.#context.network.updateNetwork(this.get(reference).id, change);
    this.#publish(network, 'update');
    return network;
  }

  /** Tells that routes of the host have come to overlap a network, or do so no longer. */
  overlap(id: string, routes: readonly string[]): void {
    this.#publish(this.get(id), 'overlap', { routes: routes.join(', ') });
  }

  /** Removes custom networks that nothing uses and `keep` does not hold on to; returns their names. */
  async prune(keep: (network: Network) => boolean = () => false): Promise<string[]> {
    const removed: string[] = [];
    for (const network of this.list()) {
      const configured = this.#context.table.all().some((record) => network.name in record.networks);
      if (network.predefined || network.endpoints.length > 0 || configured || keep(network)) continue;
      try {
        await this.remove(network.id);
        removed.push(network.name);
      } catch (error) {
        // Somebody began to use it, or removed it, just now.
        if (!isBerthError(error)) throw error;
      }
    }
    return removed;
  }

  /** Joins a container to a network: now if it runs, and at every later start. */
  async connect(networkReference: string, containerReference: string, config: EndpointConfig): Promise<void> {
    const { table, lock, network: manager } = this.#context;
    const network = this.get(networkReference);
    const { id } = table.find(containerReference);
    await lock.run(id, async () => {
      const record = table.byId(id);
      checkConnectable(record, network, config);
      const membership = { networkId: network.id, config };
      const joined = { ...record, networks: { ...record.networks, [network.name]: membership } };
      reserveOn(this.#context, id, network.id, config);
      try {
        if (isRunning(record)) {
          const before = this.#filesInput(record);
          const spec = endpointSpec(this.#context, joined, membership);
          await manager.attach(asSandboxId(id), network.id, spec);
          this.#updateFiles(joined, before);
          publishNetwork(this.#context, network.id, 'connect', id);
        }
        table.put(joined);
      } catch (error) {
        releaseAddresses(this.#context, id, network.id);
        throw error;
      }
    });
  }

  /** @param force also when the container is not known any more */
  async disconnect(networkReference: string, containerReference: string, force: boolean): Promise<void> {
    const { table, lock, network: manager } = this.#context;
    const network = this.get(networkReference);
    const found = this.#member(containerReference, network, force);
    if (found === undefined) return;
    await lock.run(found.id, async () => {
      const record = table.byId(found.id);
      if (!(network.name in record.networks)) {
        throw new BerthError(
          'forbidden',
          `container ${record.id} is not connected to network ${network.name}`,
        );
      }
      if (network.name === 'host') {
        throw new BerthError(
          'forbidden',
          'container cannot be disconnected from host network or connected to host network',
        );
      }
      const networks = Object.fromEntries(
        Object.entries(record.networks).filter(([name]) => name !== network.name),
      );
      const left = { ...record, networks };
      if (isRunning(record)) {
        const before = this.#filesInput(record);
        await manager.detach(asSandboxId(record.id), network.id);
        this.#updateFiles(left, before);
        publishNetwork(this.#context, network.id, 'disconnect', record.id);
      }
      releaseAddresses(this.#context, record.id, network.id);
      table.put(left);
    });
  }

  #member(reference: string, network: Network, force: boolean): ContainerRecord | undefined {
    try {
      return this.#context.table.find(reference);
    } catch (error) {
      const endpoint = network.endpoints.some(({ containerName }) => containerName === reference);
      if (force && !endpoint && isBerthError(error, 'not-found')) return undefined;
      throw error;
    }
  }

  /** Brings the files of a running container to its networks; to be called with what they were written from. */
  #updateFiles(record: ContainerRecord, before: NetworkFilesInput | undefined): void {
    const after = this.#filesInput(record);
    if (before !== undefined && after !== undefined)
      updateNetworkFiles(pathsOf(this.#context, record.id), before, after);
  }

  #filesInput(record: ContainerRecord): NetworkFilesInput | undefined {
    const sandbox = this.#context.network.sandbox(asSandboxId(record.id));
    return sandbox && networkFilesInput(this.#context, record, sandbox);
  }

  #publish(network: Network, action: string, more: Readonly<Record<string, string>> = {}): void {
    const attributes = { name: network.name, type: network.driver, ...more };
    this.#context.events.publish({ type: 'network', action, actor: { id: network.id, attributes } });
  }
}

function isRunning({ state }: ContainerRecord): boolean {
  return state.status === 'running' || state.status === 'paused';
}

function checkConnectable(record: ContainerRecord, network: Network, config: EndpointConfig): void {
  if (sharedContainer(record.networkMode) !== undefined) {
    throw new BerthError(
      'forbidden',
      'container sharing network namespace with another container or host cannot be connected to any other network',
    );
  }
  if (record.networkMode === 'host' || network.name === 'host') {
    throw new BerthError(
      'forbidden',
      'container cannot be disconnected from host network or connected to host network',
    );
  }
  if (network.name in record.networks) {
    throw new BerthError(
      'forbidden',
      `endpoint with name ${record.name} already exists in network ${network.name}`,
    );
  }
  if (network.name === 'none' || 'none' in record.networks) {
    throw new BerthError(
      'forbidden',
      'container cannot be connected to multiple networks with one of the networks in private (none) mode',
    );
  }
  checkEndpointConfig(network.name, config);
}
