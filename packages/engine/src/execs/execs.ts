import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { BerthError, newId } from '@berth/core';
import { pathsOf, publish, type ContainerContext } from '../containers/context.js';
import type { ContainerRecord } from '../containers/table.js';
import type { AttachStream, ContainerId, Exec, ExecId, ExecSpec, TerminalSize } from '../model.js';
import { processRights } from '../oci/spec.js';
import { environment, processSpec, type ProcessSpec } from '../oci/process.js';
import { resolveUser } from '../oci/user.js';
import { ExecProcess } from './exec-process.js';

interface ExecEntry {
  readonly id: ExecId;
  readonly containerId: ContainerId;
  readonly spec: ExecSpec;
  process?: ExecProcess;
}

/** How many ended execs of one container are still told about. */
const KEPT = 64;

/** Commands run in running containers. They live as long as the daemon. */
export class Execs {
  readonly #context: ContainerContext;
  readonly #entries = new Map<string, ExecEntry>();

  constructor(context: ContainerContext) {
    this.#context = context;
  }

  /** @throws BerthError `conflict` if the container does not run */
  create(containerReference: string, spec: ExecSpec): Exec {
    const record = this.#running(containerReference);
    if (spec.command.length === 0) throw new BerthError('invalid', 'No exec command specified');
    this.#forgetEnded(record.id);
    const entry: ExecEntry = { id: newId<ExecId>(), containerId: record.id, spec };
    this.#entries.set(entry.id, entry);
    publish(this.#context, record, `exec_create: ${spec.command.join(' ')}`, { execID: entry.id });
    return view(entry);
  }

  /** @throws BerthError `not-found` */
  get(id: string): Exec {
    return view(this.#entry(id));
  }

  /** Ids of a container's execs that have not ended. */
  idsOf(containerId: ContainerId): string[] {
    return [...this.#entries.values()]
      .filter((entry) => entry.containerId === containerId && entry.process?.exitCode === undefined)
      .map(({ id }) => id);
  }

  /**
   * Runs it. When attached, a command that cannot be run is told of in the output, and by exit code 126 or 127, as Docker does.
   *
   * @throws BerthError `conflict` if it was started before; `invalid` if it is detached and cannot be run
   */
  async start(id: string, { detach }: { detach: boolean; tty: boolean }): Promise<AttachStream | undefined> {
    const entry = this.#entry(id);
    const record = this.#running(entry.containerId);
    if (entry.process !== undefined) {
      const state = entry.process.exitCode === undefined ? 'is already running' : 'has already run';
      throw new BerthError('conflict', `Error: Exec command ${id} ${state}`);
    }
    const directory = join(pathsOf(this.#context, record.id).bundle, 'execs', id.slice(0, 12));
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    const { options, runcRoot } = this.#context;
    const process = new ExecProcess({
      runc: options.runtimes.runc,
      runcRoot,
      containerId: record.id,
      directory,
      process: this.#processSpec(record, entry.spec),
      spec: detach
        ? { ...entry.spec, attachStdin: false, attachStdout: false, attachStderr: false }
        : entry.spec,
    });
    entry.process = process;
    publish(this.#context, record, `exec_start: ${entry.spec.command.join(' ')}`, { execID: id });
    const ended = process.ended.then((exitCode) => {
      rmSync(directory, { recursive: true, force: true });
      publish(this.#context, record, 'exec_die', { execID: id, exitCode: String(exitCode) });
    });
    if (!detach) {
      void ended;
      const detached = () => publish(this.#context, record, 'exec_detach', { execID: id });
      return { ...process.stream, detached };
    }
    await process.started;
    return undefined;
  }

  /** Resolves when its command runs, or has run. @throws BerthError `invalid` if it cannot be run */
  async started(id: ExecId): Promise<void> {
    await this.#entry(id).process?.started;
  }

  async resize(id: ExecId | string, size: TerminalSize): Promise<void> {
    const { process } = this.#entry(id);
    if (process === undefined) throw new BerthError('conflict', `exec process ${id} is not started`);
    await process.resize(size);
  }

  #entry(id: string): ExecEntry {
    const entry = this.#entries.get(id);
    if (entry === undefined || !this.#context.table.has(entry.containerId))
      throw new BerthError('not-found', `No such exec instance: ${id}`, { subject: id });
    return entry;
  }

  #running(reference: string): ContainerRecord {
    const record = this.#context.table.find(reference);
    if (record.state.status === 'running') return record;
    if (record.state.status === 'paused') {
      throw new BerthError(
        'conflict',
        `Container ${record.name} is paused, unpause the container before exec`,
        {
          subject: record.name,
        },
      );
    }
    if (record.state.status === 'restarting') {
      throw new BerthError(
        'conflict',
        `Container ${record.name} is restarting, wait until the container is running`,
        { subject: record.name },
      );
    }
    throw new BerthError('conflict', `container ${record.id} is not running`, { subject: record.name });
  }

  #processSpec({ id, spec, hostname }: ContainerRecord, exec: ExecSpec): ProcessSpec {
    const user = resolveUser(
      pathsOf(this.#context, id).rootfs,
      exec.user ?? spec.user ?? '',
      spec.host.groupAdd,
    );
    const env = environment({ env: [...spec.env, ...exec.env], hostname, home: user.home, tty: exec.tty });
    return processSpec({
      args: exec.command,
      env,
      cwd: exec.workingDirectory ?? spec.workingDirectory ?? '/',
      user,
      tty: exec.tty,
      ...processRights(spec.host, exec.privileged || spec.host.privileged === true),
    });
  }

  /** Those of containers that were removed, and the oldest of one that has run many. */
  #forgetEnded(containerId: ContainerId): void {
    for (const entry of [...this.#entries.values()])
      if (!this.#context.table.has(entry.containerId)) this.#entries.delete(entry.id);
    const ended = [...this.#entries.values()].filter(
      (entry) => entry.containerId === containerId && entry.process?.exitCode !== undefined,
    );
    for (const { id } of ended.slice(0, Math.max(0, ended.length - KEPT))) this.#entries.delete(id);
  }
}

function view({ id, containerId, spec, process }: ExecEntry): Exec {
  return {
    id,
    containerId,
    spec,
    running: process !== undefined && process.exitCode === undefined,
    exitCode: process?.exitCode,
    pid: process?.pid ?? 0,
  };
}
