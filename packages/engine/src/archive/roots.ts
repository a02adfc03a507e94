import { existsSync, statSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { BerthError, toError } from '@berth/core';
import { bindMount, RootDirectory } from '@berth/kernel';
import { pathsOf, type ContainerContext } from '../containers/context.js';
import { releaseMounts, useMounts } from '../containers/mounts.js';
import { processAlive } from '../containers/process.js';
import { mountRoot, unmountRoot } from '../containers/root.js';
import { isRunning, type ContainerRecord } from '../containers/table.js';
import type { ContainerMount } from '../model.js';
import { folderAt } from './place.js';

/** With what is mounted in the container, or the container's own files alone. */
export type RootKind = 'everything' | 'own files';

export interface OpenRoot {
  readonly root: RootDirectory;
  /** Whether it is that of a container at rest: nobody can start it before the root is let go. */
  readonly resting: boolean;
  /** Lets go of it; more than one call is one. */
  close(): void;
}

interface Shared {
  users: number;
  opened: Promise<{ root: RootDirectory; resting: boolean }>;
  /** Called when the last user has gone. */
  end: () => void;
}

/** How often, and how many milliseconds, the end of a container whose process has gone is waited for. */
const ATTEMPTS = 100;
const PAUSE = 20;

/**
 * The root file systems of containers. That of a running container is there already; one at rest has it mounted for as
 * long as somebody uses it, and is locked meanwhile.
 */
export class Roots {
  readonly #context: ContainerContext;
  /** Containers at rest whose root is in use, or being opened. */
  readonly #shared = new Map<string, Shared>();

  constructor(context: ContainerContext) {
    this.#context = context;
  }

  /** @throws BerthError `not-found` if the container goes meanwhile */
  async open(id: ContainerRecord['id'], kind: RootKind): Promise<OpenRoot> {
    const key = `${kind} ${id}`;
    const shared = this.#shared.get(key) ?? this.#enter(key, id, kind);
    shared.users += 1;
    let left = false;
    const close = () => {
      if (left) return;
      left = true;
      shared.users -= 1;
      if (shared.users > 0) return;
      if (this.#shared.get(key) === shared) this.#shared.delete(key);
      shared.end();
    };
    try {
      return { ...(await shared.opened), close };
    } catch (error) {
      close();
      throw error;
    }
  }

  #enter(key: string, id: ContainerRecord['id'], kind: RootKind): Shared {
    let end: () => void = () => undefined;
    const gone = new Promise<void>((resolve) => (end = resolve));
    const opened = new Promise<{ root: RootDirectory; resting: boolean }>((resolve, reject) => {
      this.#hold(id, kind, gone, (root, resting) => {
        // Who comes later may meet another run of the container, with another root.
        if (!resting) this.#shared.delete(key);
        resolve({ root, resting });
      }).catch((error: unknown) => {
        this.#shared.delete(key);
        reject(toError(error));
      });
    });
    const shared = { users: 0, opened, end };
    this.#shared.set(key, shared);
    return shared;
  }

  /** Opens the root and keeps it until everybody has gone; the lock is kept as long only for a container at rest. */
  async #hold(
    id: ContainerRecord['id'],
    kind: RootKind,
    gone: Promise<void>,
    opened: (root: RootDirectory, resting: boolean) => void,
  ): Promise<void> {
    const { lock, table } = this.#context;
    for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
      const running = await lock.run(id, async () => {
        if (!table.has(id)) throw new BerthError('not-found', `No such container: ${id}`, { subject: id });
        const record = table.byId(id);
        if (isRunning(record)) return this.#runningRoot(record, kind);
        await this.#whileMounted(record, kind, async (root) => {
          opened(root, true);
          await gone;
        });
        return 'over';
      });
      if (running === 'over') return;
      if (running !== undefined) {
        opened(running, false);
        await gone;
        running.close();
        return;
      }
      await delay(PAUSE);
    }
    throw new BerthError('conflict', `container ${id} is ending: try again`, { subject: id });
  }

  /** `undefined` for a container whose process has gone, and which is about to be told so. */
  #runningRoot(record: ContainerRecord, kind: RootKind): RootDirectory | undefined {
    if (kind === 'own files') return RootDirectory.at(pathsOf(this.#context, record.id).rootfs);
    if (!processAlive(record)) return undefined;
    let root: RootDirectory;
    try {
      root = RootDirectory.at(`/proc/${record.state.pid}/root`);
    } catch {
      return undefined;
    }
    // The same process before and after: what was opened is its root, and not that of another with its number.
    if (processAlive(record)) return root;
    root.close();
    return undefined;
  }

  async #whileMounted(
    record: ContainerRecord,
    kind: RootKind,
    work: (root: RootDirectory) => Promise<void>,
  ): Promise<void> {
    const paths = pathsOf(this.#context, record.id);
    mountRoot(this.#context, record);
    try {
      using root = RootDirectory.at(paths.rootfs);
      if (kind === 'own files') {
        await work(root);
        return;
      }
      const used = await useMounts(this.#context, record);
      try {
        for (const each of record.mounts)
          await mountInto(root, { ...each, source: used.sources.get(each.destination) ?? each.source });
        used.close();
        await work(root);
      } finally {
        used.close();
        // What is mounted below the root goes with it; only then are volumes free.
        unmountRoot(paths);
        await releaseMounts(this.#context, record);
      }
    } finally {
      unmountRoot(paths);
    }
  }
}

/** Shows a volume or a folder of the host where the container would see it. What is missing is left out. */
async function mountInto(
  root: RootDirectory,
  { source, destination, readWrite }: ContainerMount,
): Promise<void> {
  if (source === '' || !existsSync(source)) return;
  const owner = { uid: 0, gid: 0 };
  const path = Buffer.from(destination);
  if (statSync(source).isDirectory()) {
    using target = await folderAt(root, path, owner);
    bindMount(source, target.path, { recursive: true, readOnly: !readWrite });
    return;
  }
  try {
    using target = root.find(path);
    bindMount(source, target.path, { readOnly: !readWrite });
  } catch {
    // There is no file to mount it on before the container's first start.
  }
}
