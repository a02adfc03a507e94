import { BerthError, isBerthError } from '@berth/core';
import type { PortSpec } from '@berth/network';
import type {
  AttachOptions,
  AttachStream,
  Container,
  ContainerId,
  ContainerSpec,
  LogEntry,
  LogOptions,
  Resources,
  RestartPolicy,
  TerminalSize,
  WaitCondition,
  WaitResult,
} from '../model.js';
import { publish, type ContainerContext } from './context.js';
import { claimName, createContainer } from './create.js';
import { containerExited, finishForgotten, restartEnded } from './ends.js';
import { dnsNames } from './network-mode.js';
import { pauseContainer, unpauseContainer } from './pause.js';
import { pruneContainers } from './prune.js';
import { removeContainer, type RemoveOptions } from './remove.js';
import { containerSizes, type ContainerSizes } from './sizes.js';
import { asSandboxId, snapshot } from './snapshot.js';
import { startContainer } from './start.js';
import { killContainer, stopContainer, type StopOptions } from './stop.js';
import { attachContainer, containerLogs, resizeContainer } from './streaming.js';
import { isActive, isRunning, type ContainerRecord } from './table.js';
import { removeLink } from './unlink.js';
import { updatePorts } from './update-ports.js';
import { updateResources } from './update-resources.js';

/** Containers and what can be done with them. References are a full id, a name (with or without its slash) or an id prefix. */
export class Containers {
  readonly #context: ContainerContext;
  readonly #execIds: (id: ContainerId) => string[];
  #pruning = false;

  constructor(context: ContainerContext, execIds: (id: ContainerId) => string[]) {
    this.#context = context;
    this.#execIds = execIds;
  }

  /** Records a new container; see {@link createContainer}. */
  create(spec: ContainerSpec): Promise<{ container: Container; warnings: string[] }> {
    return createContainer(this.#context, spec);
  }

  /** @throws BerthError `not-found`, or `invalid` where a prefix fits several */
  get(reference: string): Container {
    return this.#snapshot(this.#find(reference));
  }

  /** Newest first. */
  list(): Container[] {
    const records = this.#context.table.all().sort((a, b) => (a.created < b.created ? 1 : -1));
    return records.map((record) => this.#snapshot(record));
  }

  /**
   * @throws BerthError `not-modified` if it runs; else of the step that failed, nothing of which is left
   */
  async start(reference: string): Promise<void> {
    const { lock, table, restarts } = this.#context;
    const { id } = this.#find(reference);
    // An object, since it is changed inside a closure.
    const failed = { autoRemove: false };
    try {
      await lock.run(id, async () => {
        const record = table.byId(id);
        if (record.state.status === 'paused')
          throw new BerthError('conflict', 'cannot start a paused container, try unpause instead');
        if (isActive(record)) throw new BerthError('not-modified', 'the container is running already');
        failed.autoRemove = record.spec.host.autoRemove;
        restarts.reset(id);
        const { restartCount = 0, stoppedByHand = false } = record;
        const fresh =
          restartCount > 0 || stoppedByHand
            ? table.update(id, { restartCount: 0, stoppedByHand: false })
            : record;
        await startContainer(this.#context, fresh);
        failed.autoRemove = false;
      });
    } finally {
      if (failed.autoRemove) await this.remove(id, { force: true, volumes: true });
    }
  }

  /** Asks it to end, and sees to it that it does; see {@link stopContainer}. */
  async stop(reference: string, options: StopOptions = {}): Promise<void> {
    await stopContainer(this.#context, this.#find(reference), options);
  }

  /** Stops it if it runs, and starts it. */
  async restart(reference: string, options: StopOptions = {}): Promise<void> {
    const { id } = this.#find(reference);
    await this.#context.restarts.byHand(id, async () => {
      try {
        await this.stop(id, options);
      } catch (error) {
        if (!isBerthError(error, 'not-modified')) throw error;
      }
    });
    await this.start(id);
    publish(this.#context, this.#context.table.byId(id), 'restart');
  }

  /** @throws BerthError `conflict` if it does not run, or is paused already */
  pause(reference: string): Promise<void> {
    return this.#locked(reference, (record) => pauseContainer(this.#context, record));
  }

  /** @throws BerthError `conflict` if it is not paused */
  unpause(reference: string): Promise<void> {
    return this.#locked(reference, (record) => unpauseContainer(this.#context, record));
  }

  /** Replaces its published ports; see {@link updatePorts}. */
  updatePorts(reference: string, bindings: readonly PortSpec[]): Promise<void> {
    return this.#locked(reference, (record) => updatePorts(this.#context, record, bindings));
  }

  /** Changes its limits; see {@link updateResources}. */
  async updateResources(reference: string, changes: Resources): Promise<readonly string[]> {
    const { lock, table } = this.#context;
    const { id } = this.#find(reference);
    return lock.run(id, () => updateResources(this.#context, table.byId(id), changes));
  }

  /**
   * What is to happen at its next end.
   *
   * @throws BerthError `conflict` if it is removed when it ends
   */
  updateRestartPolicy(reference: string, restartPolicy: RestartPolicy): Promise<void> {
    return this.#locked(reference, ({ id, spec }) => {
      if (spec.host.autoRemove && restartPolicy.name !== 'no') {
        throw new BerthError(
          'conflict',
          `Cannot update container ${id}: Restart policy cannot be updated because AutoRemove is enabled for the container`,
        );
      }
      const host = { ...spec.host, restartPolicy };
      publish(this.#context, this.#context.table.update(id, { spec: { ...spec, host } }), 'update');
    });
  }

  /** @throws BerthError `conflict` if it does not run */
  async kill(reference: string, signal = 'SIGKILL'): Promise<void> {
    await killContainer(this.#context, this.#find(reference), signal, reference);
  }

  /** @throws BerthError `conflict` if it runs and `force` is not given */
  async remove(reference: string, options: RemoveOptions = {}): Promise<void> {
    await removeContainer(this.#context, this.#find(reference), options);
  }

  /**
   * Removes those that do not run; see {@link pruneContainers}.
   *
   * @param keep those that stay all the same, by their creation and labels
   * @throws BerthError `conflict` while that is being done already
   */
  async prune(
    keep: (container: {
      readonly created: string;
      readonly labels: Readonly<Record<string, string>>;
    }) => boolean,
  ): Promise<{ removed: string[]; bytes: number }> {
    if (this.#pruning) throw new BerthError('conflict', 'a prune operation is already running');
    this.#pruning = true;
    try {
      return await pruneContainers(this.#context, ({ created, spec }) =>
        keep({ created, labels: spec.labels }),
      );
    } finally {
      this.#pruning = false;
    }
  }

  /** Takes one of its links away; see {@link removeLink}. */
  removeLink(reference: string, alias: string): void {
    removeLink(this.#context, reference, alias);
  }

  /** What it takes of the disk. */
  sizes(reference: string): Promise<ContainerSizes> {
    return containerSizes(this.#context, this.#find(reference));
  }

  /** @throws BerthError `invalid` or `conflict` */
  rename(reference: string, wanted: string): void {
    const { table, network } = this.#context;
    const record = this.#find(reference);
    if (wanted.replace(/^\//, '') === record.name) {
      throw new BerthError('invalid', 'Renaming a container with the same name as its current name');
    }
    const renamed = table.update(record.id, { name: claimName(this.#context, wanted) });
    if (isRunning(renamed)) {
      for (const { networkId, config } of Object.values(renamed.networks)) {
        const { id } = network.network(networkId);
        network.updateNames(asSandboxId(record.id), id, dnsNames(renamed, config));
      }
    }
    publish(this.#context, renamed, 'rename', { oldName: `/${record.name}` });
  }

  /** Registers before it returns, so that nothing that happens after the call is missed. */
  wait(reference: string, condition: WaitCondition): Promise<WaitResult> {
    const { waiters } = this.#context;
    const record = this.#find(reference);
    switch (condition) {
      case 'removed':
        return waiters.removal(record.id);
      case 'next-exit':
        return waiters.exit(record.id);
      case 'not-running':
        return isActive(record)
          ? waiters.exit(record.id)
          : Promise.resolve({ exitCode: record.state.exitCode });
    }
  }

  logs(reference: string, options: LogOptions): AsyncIterable<LogEntry[]> {
    return containerLogs(this.#context, this.#find(reference), options);
  }

  /** May be called before the container is started; the output then begins with its first byte. */
  attach(reference: string, options: AttachOptions): AttachStream {
    return attachContainer(this.#context, this.#find(reference), options);
  }

  /** @throws BerthError `conflict` if it does not run */
  async resize(reference: string, size: TerminalSize): Promise<void> {
    await resizeContainer(this.#context, this.#find(reference), size);
  }

  /** Told that conmon has written a container's exit file. */
  exited(id: string): Promise<void> {
    return containerExited(this.#context, id);
  }

  /** Finishes containers that have ended and of which no conmon is left to tell. */
  finishForgotten(): Promise<void> {
    return finishForgotten(this.#context);
  }

  /** Told that the pause before a container's restart is over. */
  restartEnded(id: string): Promise<void> {
    return restartEnded(this.#context, id);
  }

  async #locked(reference: string, job: (record: ContainerRecord) => Promise<void> | void): Promise<void> {
    const { lock, table } = this.#context;
    const { id } = this.#find(reference);
    await lock.run(id, async () => job(table.byId(id)));
  }

  #find(reference: string): ContainerRecord {
    return this.#context.table.find(reference);
  }

  #snapshot(record: ContainerRecord): Container {
    return snapshot(this.#context, record, this.#execIds(record.id));
  }
}
