import { writeFileSync } from 'node:fs';
import { BerthError, isBerthError, runSteps, toError, type Step } from '@berth/core';
import { processStartTime, processState } from '@berth/kernel';
import type { Sandbox } from '@berth/network';
import { join } from 'node:path';
import { now } from '../clock.js';
import { createWithConmon } from '../conmon/conmon.js';
import { releaseStartFifo } from '../conmon/start-fifo.js';
import { logPlan } from '../logs/driver.js';
import { mergeEnvironment } from '../images/config.js';
import { ociSpec, specText } from '../oci/spec.js';
import { resolveUser } from '../oci/user.js';
import { cgroupPathOf } from '../cgroups.js';
import { pathsOf, publish, type ContainerContext } from './context.js';
import { releaseMounts, useMounts, type RunMounts } from './mounts.js';
import { linksOf, linkVariables } from './links.js';
import { networkFilesInput, writeNetworkFiles } from './network-files.js';
import { endpointSpec, sandboxSpec, sharedContainer } from './network-mode.js';
import { publishNetwork } from './network-events.js';
import type { ContainerPaths } from './paths.js';
import { mountRoot, unmountRoot } from './root.js';
import { rotateLog } from './streaming.js';
import { runcDelete } from './runc.js';
import { shareNamespaces } from './shared-namespaces.js';
import { asSandboxId } from './snapshot.js';
import type { ContainerRecord } from './table.js';

/**
 * Starts a container that is not running. The caller holds its lock.
 *
 * @throws BerthError of the step that failed; nothing of the attempt is left, and the container remembers why
 */
export async function startContainer(context: ContainerContext, record: ContainerRecord): Promise<void> {
  const { table, exits, streams, logger } = context;
  exits.forget(record.id);
  const attempt = new StartAttempt(context, record);
  try {
    await runSteps(record.name, attempt.steps(), logger);
  } catch (thrown) {
    const { message } = toError(thrown);
    const exitCode = failedStartCode(message);
    table.updateState(record.id, { exitCode, error: message });
    streams.end(record.id);
    const code = isBerthError(thrown) ? thrown.code : 'internal';
    throw new BerthError(code, message, { op: 'start container', subject: record.name, cause: thrown });
  } finally {
    attempt.close();
  }
  table.update(record.id, {
    processStart: String(processStartTime(attempt.pid) ?? 0n),
    state: {
      ...record.state,
      status: 'running',
      pid: attempt.pid,
      exitCode: 0,
      error: '',
      oomKilled: false,
      startedAt: now(),
    },
  });
  for (const { networkId } of Object.values(record.networks))
    publishNetwork(context, networkId, 'connect', record.id);
  const started = table.byId(record.id);
  context.health.start(started);
  rotateLog(context, started);
  publish(context, started, 'start');
}

/** What a shell would say: 127 for no such command, 126 for one that cannot be run; 128 is Docker's for the rest. */
function failedStartCode(message: string): number {
  if (/executable file not found|no such file or directory/.test(message)) return 127;
  if (/permission denied|is a directory/.test(message)) return 126;
  return 128;
}

class StartAttempt {
  pid = 0;
  readonly #context: ContainerContext;
  readonly #record: ContainerRecord;
  readonly #paths: ContainerPaths;
  readonly #shared: string | undefined;
  #creation: Promise<number> | undefined;
  #mounts: RunMounts | undefined;

  constructor(context: ContainerContext, record: ContainerRecord) {
    this.#context = context;
    this.#record = record;
    this.#paths = pathsOf(context, record.id);
    this.#shared = sharedContainer(record.networkMode);
  }

  /** Lets go of what only the start needed. */
  close(): void {
    this.#mounts?.close();
  }

  /** runc sets the container up (some 25 ms) while the networks are attached to its namespace. */
  steps(): Step[] {
    const { networks } = this.#record;
    return [
      {
        name: 'mount the root file system',
        do: () => mountRoot(this.#context, this.#record),
        undo: () => unmountRoot(this.#paths),
      },
      {
        name: 'mount the volumes',
        do: async () => {
          this.#mounts = await useMounts(this.#context, this.#record);
        },
        undo: () => releaseMounts(this.#context, this.#record),
      },
      ...(this.#shared === undefined ? [this.#sandboxStep()] : []),
      {
        name: 'begin to create the container',
        do: () => this.#beginCreate(),
        undo: () => this.#undoCreate(),
      },
      ...Object.keys(networks).map((name) => this.#attachStep(name)),
      ...(this.#shared === undefined
        ? [{ name: 'write hosts and resolv.conf', do: () => this.#writeFiles() }]
        : []),
      { name: 'create the container', do: () => this.#awaitCreation() },
      {
        name: 'attach to its streams',
        do: () => this.#context.streams.connect(this.#record.id, this.#paths.bundle),
      },
      { name: 'start the first process', do: () => this.#release() },
    ];
  }

  #sandboxStep(): Step {
    const { network } = this.#context;
    return {
      name: 'create the sandbox',
      do: async () => {
        await network.createSandbox(sandboxSpec(this.#record));
      },
      undo: () => network.deleteSandbox(asSandboxId(this.#record.id)),
    };
  }

  #attachStep(name: string): Step {
    const { network } = this.#context;
    const membership = this.#record.networks[name];
    return {
      name: `attach network ${name}`,
      do: async () => {
        if (membership === undefined) return;
        const found = network.network(membership.networkId);
        const spec = endpointSpec(this.#context, this.#record, membership);
        await network.attach(asSandboxId(this.#record.id), found.id, spec);
      },
      // Deleting the sandbox detaches everything, in one go.
    };
  }

  #sandbox(): Sandbox {
    const id = this.#shared ?? this.#record.id;
    const sandbox = this.#context.network.sandbox(asSandboxId(id));
    if (sandbox !== undefined) return sandbox;
    throw new BerthError('conflict', `cannot join network of a non running container: ${id}`);
  }

  #beginCreate(): void {
    const { options, runcRoot, exitDirectory } = this.#context;
    const { id, name, spec, path, args, hostname, mounts } = this.#record;
    const { bundle, rootfs, log } = this.#paths;
    const sandbox = this.#sandbox();
    const networkFiles = this.#shared === undefined ? this.#paths : pathsOf(this.#context, this.#shared);
    if (this.#shared === undefined) {
      for (const file of [networkFiles.hosts, networkFiles.hostname, networkFiles.resolvConf])
        writeFileSync(file, '');
    }
    const variables = linkVariables(this.#record, linksOf(this.#context, this.#record));
    const config = ociSpec({
      spec: variables.length === 0 ? spec : { ...spec, env: mergeEnvironment(variables, spec.env) },
      args: [path, ...args],
      hostname,
      user: resolveUser(rootfs, spec.user ?? '', spec.host.groupAdd),
      rootfs,
      cgroupsPath: cgroupPathOf(options.cgroupParent, this.#record),
      network: sandbox.path === undefined ? 'host' : { path: sandbox.path },
      mounts,
      mountSources: this.#mounts?.sources,
      files: networkFiles,
      ...shareNamespaces(this.#context, this.#record),
      // A container that shares others' processes leaves those to their own first one, as with Docker.
      ...(spec.host.init === true && (spec.host.pidMode ?? '') === '' && { init: options.runtimes.init }),
    });
    writeFileSync(join(bundle, 'config.json'), specText(config), { mode: 0o600 });
    this.#creation = createWithConmon({
      ...options.runtimes,
      runcRoot,
      id,
      name,
      bundle,
      logPath: logPlan(spec.host).driver === 'none' ? undefined : log,
      exitDirectory,
      tty: spec.tty,
      stdin: spec.openStdin,
      stdinOnce: spec.stdinOnce,
    });
    // Awaited two steps further on; until then a failure is no unhandled one.
    this.#creation.catch(() => undefined);
  }

  async #undoCreate(): Promise<void> {
    await this.#creation?.catch(() => undefined);
    await runcDelete(this.#context, this.#record.id);
  }

  #writeFiles(): void {
    writeNetworkFiles(this.#paths, networkFilesInput(this.#context, this.#record, this.#sandbox()));
  }

  async #awaitCreation(): Promise<void> {
    this.pid = (await this.#creation) ?? 0;
  }

  async #release(): Promise<void> {
    await releaseStartFifo(
      this.#context.runcRoot,
      this.#record.id,
      () => processState(this.pid) === 'running',
    );
  }
}
