import { constants } from 'node:fs';
import { open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { BerthError, isBerthError, toError } from '@berth/core';
import type { PortSpec } from '@berth/network';
import { LONGEST_TIMER } from '../clock.js';
import { CONTROL_FIFO } from '../conmon/conmon.js';
import { readLog } from '../logs/read.js';
import type {
  AttachOptions,
  AttachStream,
  Container,
  ContainerId,
  ContainerSpec,
  LogEntry,
  LogOptions,
  TerminalSize,
  WaitCondition,
  WaitResult,
} from '../model.js';
import { pathsOf, publish, type ContainerContext } from './context.js';
import { claimName, createContainer } from './create.js';
import { finishContainer } from './finish.js';
import { dnsNames } from './network-mode.js';
import { pauseContainer, unpauseContainer } from './pause.js';
import { processAlive, signalContainer } from './process.js';
import { conmonAlive } from './recover.js';
import { releaseAddresses } from './reservations.js';
import { signalNumber } from './signals.js';
import { asSandboxId, snapshot } from './snapshot.js';
import { startContainer } from './start.js';
import type { ContainerRecord } from './table.js';
import { updatePorts } from './update-ports.js';

/** Docker's default stop timeout, in seconds. */
const STOP_TIMEOUT = 10;
/** How long a killed container may take to be gone, in milliseconds. */
const KILL_PATIENCE = 30_000;

/** Containers and what can be done with them. References are a full id, a name (with or without its slash) or an id prefix. */
export class Containers {
  readonly #context: ContainerContext;
  readonly #execIds: (id: ContainerId) => string[];

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
    const { lock, table } = this.#context;
    const { id } = this.#find(reference);
    // An object, since it is changed inside a closure.
    const failed = { autoRemove: false };
    try {
      await lock.run(id, async () => {
        const record = table.byId(id);
        if (record.state.status === 'paused')
          throw new BerthError('conflict', 'cannot start a paused container, try unpause instead');
        if (isRunning(record)) throw new BerthError('not-modified', 'the container is running already');
        failed.autoRemove = record.spec.host.autoRemove;
        await startContainer(this.#context, record);
        failed.autoRemove = false;
      });
    } finally {
      if (failed.autoRemove) await this.remove(id, { force: true });
    }
  }

  /**
   * Asks the container to end, and kills it when it does not within its timeout (negative: never).
   *
   * @throws BerthError `not-modified` if it does not run
   */
  async stop(
    reference: string,
    options: { signal?: string | undefined; timeoutSeconds?: number | undefined } = {},
  ): Promise<void> {
    const record = this.#find(reference);
    const { spec, id } = record;
    if (!isRunning(record)) throw new BerthError('not-modified', 'the container is not running');
    const signal = signalNumber(options.signal ?? spec.stopSignal ?? 'SIGTERM');
    const timeout = options.timeoutSeconds ?? spec.stopTimeout ?? STOP_TIMEOUT;
    const ended = this.#context.waiters.exit(id);
    this.#signal(record, signal);
    const over = timeout < 0 ? await ended : await within(ended, timeout * 1000);
    if (over === undefined) {
      this.#signal(record, signalNumber('SIGKILL'));
      await this.#gone(record, ended);
    }
    publish(this.#context, record, 'stop');
  }

  /** Stops it if it runs, and starts it. */
  async restart(
    reference: string,
    options: { signal?: string | undefined; timeoutSeconds?: number | undefined } = {},
  ): Promise<void> {
    const { id } = this.#find(reference);
    try {
      await this.stop(id, options);
    } catch (error) {
      if (!isBerthError(error, 'not-modified')) throw error;
    }
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

  /** @throws BerthError `conflict` if it does not run */
  async kill(reference: string, signal = 'SIGKILL'): Promise<void> {
    const record = this.#find(reference);
    const number = signalNumber(signal);
    if (!isRunning(record)) {
      throw new BerthError(
        'conflict',
        `cannot kill container: ${reference}: container ${record.id} is not running`,
      );
    }
    const ended = this.#context.waiters.exit(record.id);
    this.#signal(record, number);
    // Docker waits for the end after SIGKILL.
    if (number === signalNumber('SIGKILL')) await this.#gone(record, ended);
  }

  /** @throws BerthError `conflict` if it runs and `force` is not given */
  async remove(
    reference: string,
    { force = false }: { force?: boolean; volumes?: boolean } = {},
  ): Promise<void> {
    const { table, lock, waiters, streams } = this.#context;
    const record = this.#find(reference);
    if (isRunning(record)) {
      if (!force) {
        throw new BerthError(
          'conflict',
          `cannot remove container "${record.name}": container is running: stop the container before removing or force remove`,
        );
      }
      const ended = waiters.exit(record.id);
      this.#signal(record, signalNumber('SIGKILL'));
      await this.#gone(record, ended);
    }
    await lock.run(record.id, async () => {
      // With autoRemove the end itself may have removed it.
      if (!table.has(record.id)) return;
      if (isRunning(table.byId(record.id)))
        throw new BerthError('conflict', `container ${record.name} was started again`);
      const last = table.byId(record.id);
      await rm(pathsOf(this.#context, record.id).data, { recursive: true, force: true });
      table.delete(record.id);
      releaseAddresses(this.#context, record.id);
      streams.end(record.id);
      publish(this.#context, last, 'destroy');
      waiters.removed(record.id, { exitCode: last.state.exitCode });
    });
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
        return isRunning(record)
          ? waiters.exit(record.id)
          : Promise.resolve({ exitCode: record.state.exitCode });
    }
  }

  logs(reference: string, options: LogOptions): AsyncIterable<LogEntry> {
    const { table, events } = this.#context;
    const { id } = this.#find(reference);
    const ended = () => !table.has(id) || !isRunning(table.byId(id));
    return readLog(pathsOf(this.#context, id).log, options, ended, (call) => {
      const filters = { type: ['container'], event: ['die', 'destroy'], container: [id] };
      const deaths = events.subscribe({ filters });
      void deaths.next().then(call);
      return () => void deaths.return?.();
    });
  }

  /** May be called before the container is started; the output then begins with its first byte. */
  async attach(reference: string, options: AttachOptions): Promise<AttachStream> {
    const record = this.#find(reference);
    const { spec, id } = record;
    const past: LogEntry[] = [];
    if (options.logs) {
      for await (const entry of this.logs(id, { ...options, follow: false })) past.push(entry);
    }
    const bundle = isRunning(record) ? pathsOf(this.#context, id).bundle : undefined;
    const stream = this.#context.streams.join(id, bundle, spec.tty, spec.stdinOnce, {
      ...options,
      stdin: options.stdin && spec.openStdin,
    });
    for (const { stream: name, data } of past) stream.output.push({ stream: name, data });
    if (!options.stream) stream.close();
    publish(this.#context, record, 'attach');
    return stream;
  }

  /** @throws BerthError `conflict` if it does not run */
  async resize(reference: string, { rows, columns }: TerminalSize): Promise<void> {
    const record = this.#find(reference);
    if (!isRunning(record)) throw new BerthError('conflict', `container ${record.id} is not running`);
    if (!record.spec.tty) return;
    const path = join(pathsOf(this.#context, record.id).bundle, CONTROL_FIFO);
    // Non-blocking: with conmon gone nobody reads, and the open fails instead of waiting.
    const fifo = await open(path, constants.O_WRONLY | constants.O_NONBLOCK);
    try {
      // conmon's src/ctrl.c: message 1 is a resize, then height and width.
      await fifo.write(`1 ${rows} ${columns}\n`);
    } finally {
      await fifo.close();
    }
    publish(this.#context, record, 'resize', { height: String(rows), width: String(columns) });
  }

  /** Told that conmon has written a container's exit file. */
  async exited(id: string): Promise<void> {
    const { table, lock, exits } = this.#context;
    if (!table.has(id)) {
      exits.forget(id);
      return;
    }
    const finished = { autoRemove: false };
    await lock.run(id, async () => {
      if (!table.has(id)) return;
      const record = table.byId(id as ContainerId);
      const report = exits.read(id);
      if (report === undefined) return;
      if (!isRunning(record)) {
        exits.forget(id);
        return;
      }
      await finishContainer(this.#context, record, report);
      finished.autoRemove = record.spec.host.autoRemove;
    });
    if (finished.autoRemove && table.has(id)) await this.remove(id);
  }

  /** Finishes containers that have ended and of which no conmon is left to tell. */
  async finishForgotten(): Promise<void> {
    const { table, lock, exits } = this.#context;
    const lost = (record: ContainerRecord): boolean =>
      isRunning(record) && !processAlive(record) && !conmonAlive(this.#context, record.id);
    for (const { id } of table.all().filter(lost)) {
      await lock.run(id, async () => {
        if (!table.has(id) || !lost(table.byId(id)) || exits.read(id) !== undefined) return;
        await finishContainer(this.#context, table.byId(id));
      });
      if (table.has(id) && table.byId(id).spec.host.autoRemove) await this.remove(id);
    }
  }

  async #locked(reference: string, job: (record: ContainerRecord) => Promise<void>): Promise<void> {
    const { lock, table } = this.#context;
    const { id } = this.#find(reference);
    await lock.run(id, () => job(table.byId(id)));
  }

  #find(reference: string): ContainerRecord {
    return this.#context.table.find(reference);
  }

  #snapshot(record: ContainerRecord): Container {
    return snapshot(this.#context, record, this.#execIds(record.id));
  }

  #signal(record: ContainerRecord, signal: number): void {
    signalContainer(record, signal);
    // What is frozen takes no signal, not even SIGKILL, until it goes on.
    if (this.#context.table.byId(record.id).state.status === 'paused') void this.#thaw(record);
    publish(this.#context, record, 'kill', { signal: String(signal) });
  }

  async #thaw({ id }: ContainerRecord): Promise<void> {
    try {
      await this.unpause(id);
    } catch (error) {
      this.#context.logger.debug('cannot resume a container that was sent a signal', {
        id,
        error: toError(error),
      });
    }
  }

  async #gone(record: ContainerRecord, ended: Promise<unknown>): Promise<void> {
    if ((await within(ended, KILL_PATIENCE)) !== undefined) return;
    throw new BerthError(
      'internal',
      `container ${record.name} does not end: process ${record.state.pid} survives SIGKILL`,
    );
  }
}

function isRunning({ state }: ContainerRecord): boolean {
  return state.status === 'running' || state.status === 'paused';
}

/** The promise's value, or `undefined` after so many milliseconds. */
async function within<T>(promise: Promise<T>, milliseconds: number): Promise<T | undefined> {
  const abort = new AbortController();
  try {
    return await Promise.race([
      promise,
      delay(Math.min(milliseconds, LONGEST_TIMER), undefined, { signal: abort.signal }),
    ]);
  } finally {
    abort.abort();
  }
}
