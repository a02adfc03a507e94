import { BerthError, resolveReference, type Collection, type Store } from '@berth/core';
import type {
  ContainerId,
  ContainerMount,
  ContainerSpec,
  ContainerState,
  EndpointConfig,
  Health,
  ImageId,
} from '../model.js';

export interface NetworkMembership {
  readonly networkId: string;
  readonly config: EndpointConfig;
}

/** What the store keeps of a container. */
export interface ContainerRecord {
  readonly id: ContainerId;
  readonly name: string;
  readonly created: string;
  readonly imageId: ImageId;
  readonly imageName: string;
  readonly diffIds: readonly string[];
  readonly spec: ContainerSpec;
  readonly path: string;
  readonly args: readonly string[];
  readonly hostname: string;
  readonly networkMode: string;
  /** By network name. */
  readonly networks: Readonly<Record<string, NetworkMembership>>;
  readonly mounts: readonly ContainerMount[];
  readonly state: ContainerState;
  /** Start time of the first process in clock ticks since boot: with the pid it names one process for good. */
  readonly processStart?: string;
  /** How often its restart policy has started it since somebody did; none is 0. */
  readonly restartCount?: number;
  /** Somebody stopped or killed it, and nobody has started it since. */
  readonly stoppedByHand?: boolean;
  /** What was known of its health at its last end. */
  readonly health?: Health;
}

/** All containers: in memory, written through to the store. */
export class ContainerTable {
  readonly #records = new Map<ContainerId, ContainerRecord>();
  readonly #stored: Collection<ContainerRecord>;

  constructor(store: Store) {
    this.#stored = store.collection('containers');
    for (const [id, record] of this.#stored.entries()) this.#records.set(id as ContainerId, record);
  }

  all(): ContainerRecord[] {
    return [...this.#records.values()];
  }

  has(id: string): boolean {
    return this.#records.has(id as ContainerId);
  }

  nameHolder(name: string): ContainerRecord | undefined {
    return this.all().find((record) => record.name === name);
  }

  /** @throws BerthError `not-found` (in Docker's wording), or `invalid` where a prefix fits several */
  find(reference: string): ContainerRecord {
    return resolveReference('container', reference.replace(/^\//, ''), this.#records.values());
  }

  /** @throws BerthError `not-found`: it has been removed meanwhile */
  byId(id: ContainerId): ContainerRecord {
    const record = this.#records.get(id);
    if (record === undefined) throw new BerthError('not-found', `No such container: ${id}`, { subject: id });
    return record;
  }

  put(record: ContainerRecord): void {
    this.#stored.put(record.id, record);
    this.#records.set(record.id, record);
  }

  /** Changes a container that is there. */
  update(id: ContainerId, change: Partial<ContainerRecord>): ContainerRecord {
    const record = { ...this.byId(id), ...change };
    this.put(record);
    return record;
  }

  updateState(id: ContainerId, change: Partial<ContainerState>): ContainerRecord {
    return this.update(id, { state: { ...this.byId(id).state, ...change } });
  }

  delete(id: ContainerId): void {
    this.#stored.delete(id);
    this.#records.delete(id);
  }
}

/** Whether it has processes, frozen or not. */
export function isRunning({ state }: Pick<ContainerRecord, 'state'>): boolean {
  return state.status === 'running' || state.status === 'paused';
}

/** Whether it runs, or will in a moment: what Docker calls running. */
export function isActive(record: Pick<ContainerRecord, 'state'>): boolean {
  return isRunning(record) || record.state.status === 'restarting';
}
