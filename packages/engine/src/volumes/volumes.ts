import { existsSync, mkdirSync, readdirSync, renameSync, statSync } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { BerthError, toError, type Collection, type Logger, type Store } from '@berth/core';
import type { EventBus } from '../events/event-bus.js';
import { KeyedLock } from '../keyed-lock.js';
import { copyUp } from './copy-up.js';
import { anonymousName, ANONYMOUS_LABEL, checkVolumeName } from './names.js';
import type { Volume, VolumeSpec } from './model.js';
import { checkVolumeOptions } from './options.js';
import { diskUsage } from './disk-usage.js';
import { mountsBelow, VolumeMounts } from './volume-mounts.js';

type VolumeRecord = Pick<Volume, 'name' | 'created' | 'options' | 'labels'>;

/** Where removed volumes wait for their content to be gone; no volume can have this name. */
const REMOVED = '.removed';
/** Where content is gathered before it is put into a volume as a whole. */
const STAGING = '.staging';

export interface VolumesOptions {
  /** Each volume is a directory below it, its content in `_data` of that. */
  readonly root: string;
  readonly store: Store;
  readonly events: EventBus;
  readonly logger: Logger;
  /** Ids of the containers that name a volume. */
  readonly users: (name: string) => string[];
}

/** The volumes of this host. What they are is kept in the store; creating and forgetting one is done within one turn. */
export class Volumes {
  readonly mounts: VolumeMounts;
  readonly #options: VolumesOptions;
  readonly #records: Collection<VolumeRecord>;
  /** Held while content is put into a volume. */
  readonly #filling = new KeyedLock();
  #pruning = false;

  constructor(options: VolumesOptions) {
    this.#options = options;
    this.#records = options.store.collection('engine.volumes');
    this.mounts = new VolumeMounts(options.logger);
  }

  /** Makes the directories, takes directories that have no record for volumes, and removes what a removal has left. */
  async open(): Promise<void> {
    const { root } = this.#options;
    mkdirSync(root, { recursive: true, mode: 0o711 });
    for (const left of [REMOVED, STAGING]) await rm(join(root, left), { recursive: true, force: true });
    for (const name of readdirSync(root)) {
      if (this.#records.get(name) !== undefined || !existsSync(join(root, name, '_data'))) continue;
      const created = seconds(statSync(join(root, name)).mtime);
      this.#records.put(name, { name, created, options: {}, labels: {} });
    }
    for (const [name] of this.#records.entries()) {
      // Without a look at its content: the server of what is mounted there may not answer.
      if (!existsSync(join(root, name))) this.#makeFolders(name);
    }
  }

  /** Where a volume's content lies. */
  path(name: string): string {
    return join(this.#options.root, name, '_data');
  }

  has(name: string): boolean {
    return this.#records.get(name) !== undefined;
  }

  /** Whether content of an image may be put into it: nothing is in it, or only mounting it would tell. */
  mayBeEmpty(name: string): boolean {
    const { options, mountpoint } = this.get(name);
    return options['device'] !== undefined || readdirSync(mountpoint).length === 0;
  }

  /** What its content takes on the disk, in bytes. @throws BerthError `not-found` */
  async size(name: string): Promise<number> {
    return diskUsage(this.get(name).mountpoint);
  }

  /** By name. */
  list(): Volume[] {
    return this.#records.entries().map(([, record]) => this.#volume(record));
  }

  /** @throws BerthError `not-found`, in Docker's wording */
  get(name: string): Volume {
    const record = this.#records.get(name);
    if (record === undefined)
      throw new BerthError('not-found', `get ${name}: no such volume`, { subject: name });
    return this.#volume(record);
  }

  /**
   * Makes a volume, unless there is one of that name: then that one is meant, as with Docker.
   *
   * @throws BerthError `invalid`, or `not-found` for a driver that is not there
   */
  create(spec: VolumeSpec): Volume {
    const { name: wanted = '', driver = '', options = {}, labels = {} } = spec;
    const name = wanted === '' ? anonymousName() : checkVolumeName(wanted);
    if (driver !== '' && driver !== 'local') {
      throw new BerthError(
        'not-found',
        `create ${name}: error looking up volume plugin ${driver}: plugin "${driver}" not found`,
        { subject: driver },
      );
    }
    const known = this.#records.get(name);
    if (known !== undefined) return this.#volume(known);
    checkVolumeOptions(name, options);
    const record: VolumeRecord = {
      name,
      created: seconds(new Date()),
      options,
      labels: wanted === '' ? { [ANONYMOUS_LABEL]: '', ...labels } : labels,
    };
    this.#makeFolders(name);
    this.#records.put(name, record);
    this.#publish('create', name);
    return this.#volume(record);
  }

  /**
   * Removes a volume and its content.
   *
   * @param options.force a volume that is not there is fine
   * @throws BerthError `not-found`, or `conflict` while containers name it or something is mounted in it
   */
  async remove(name: string, { force = false } = {}): Promise<void> {
    if (force && !this.has(name)) return;
    const { users } = this.get(name);
    if (users.length > 0) {
      throw new BerthError('conflict', `remove ${name}: volume is in use - [${users.join(', ')}]`, {
        subject: name,
      });
    }
    await rm(this.#forget(name), { recursive: true, force: true });
  }

  /**
   * Removes volumes that no container names and `keep` does not hold on to.
   *
   * @param options.all also those that have a name of their user's
   * @returns their names, and how many bytes they took
   * @throws BerthError `conflict` while another call is at it
   */
  async prune(
    { all }: { readonly all: boolean },
    keep: (volume: Volume) => boolean = () => false,
  ): Promise<{ removed: string[]; bytes: number }> {
    if (this.#pruning) throw new BerthError('conflict', 'a prune operation is already running');
    this.#pruning = true;
    try {
      return await this.#prune(all, keep);
    } finally {
      this.#pruning = false;
    }
  }

  async #prune(
    all: boolean,
    keep: (volume: Volume) => boolean,
  ): Promise<{ removed: string[]; bytes: number }> {
    const removed: string[] = [];
    let bytes = 0;
    for (const volume of this.list()) {
      if (!(all || ANONYMOUS_LABEL in volume.labels) || volume.users.length > 0 || keep(volume)) continue;
      try {
        const size = await diskUsage(volume.mountpoint);
        await this.remove(volume.name);
        removed.push(volume.name);
        bytes += size;
      } catch (error) {
        // Somebody began to use it, or removed it, just now; the others go all the same.
        this.#options.logger.warn('cannot prune a volume', { name: volume.name, error: toError(error) });
      }
    }
    const attributes = { reclaimed: String(bytes) };
    this.#options.events.publish({ type: 'volume', action: 'prune', actor: { id: '', attributes } });
    return { removed, bytes };
  }

  /**
   * Puts a copy of a folder into a volume, if that is empty. The volume's file system must be mounted by now.
   *
   * @param source of which nothing is changed meanwhile
   * @param user the container that this is done for; its own use of the volume counts not as one
   */
  async fill(name: string, source: Buffer, user: string): Promise<void> {
    const volume = this.get(name);
    await this.#filling.run(name, async () => {
      if ((await readdir(volume.mountpoint)).length > 0) return;
      const staging = join(this.#options.root, STAGING, anonymousName());
      await copyUp({ source, staging, volume, used: () => this.mounts.usedByOthers(name, user) });
    });
  }

  /** Tells that a container has begun or ended to have the volume mounted. */
  publishMount(action: 'mount' | 'unmount', name: string, more: Readonly<Record<string, string>>): void {
    this.#publish(action, name, more);
  }

  #makeFolders(name: string): void {
    // Docker's modes: others may enter, but not list.
    mkdirSync(join(this.#options.root, name), { recursive: true, mode: 0o701 });
    mkdirSync(this.path(name), { recursive: true, mode: 0o755 });
  }

  /**
   * In one turn: whoever looks next finds no trace of it.
   *
   * @returns where its content is now
   */
  #forget(name: string): string {
    const { root } = this.#options;
    const folder = join(root, name);
    this.mounts.unmount(this.path(name));
    // What is mounted there is somebody else's, and must not be emptied.
    const [mounted] = mountsBelow(folder);
    if (mounted !== undefined) {
      throw new BerthError(
        'conflict',
        `remove ${name}: something is mounted at ${mounted}: unmount it first`,
        {
          subject: name,
        },
      );
    }
    mkdirSync(join(root, REMOVED), { recursive: true, mode: 0o700 });
    const removed = join(root, REMOVED, anonymousName());
    if (existsSync(folder)) renameSync(folder, removed);
    this.#records.delete(name);
    this.#publish('destroy', name);
    return removed;
  }

  #volume(record: VolumeRecord): Volume {
    return {
      ...record,
      driver: 'local',
      mountpoint: this.path(record.name),
      users: this.#options.users(record.name),
    };
  }

  #publish(action: string, name: string, more: Readonly<Record<string, string>> = {}): void {
    const attributes = { driver: 'local', ...more };
    this.#options.events.publish({ type: 'volume', action, actor: { id: name, attributes } });
  }
}

/** Docker tells a volume's age in whole seconds. */
function seconds(date: Date): string {
  return date.toISOString().replace(/\.\d+Z$/, 'Z');
}
