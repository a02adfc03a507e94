import { realpathSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { BerthError, toError, type Logger } from '@berth/core';
import { mountInBackground, mounts, unmount } from '@berth/kernel';
import { KeyedLock } from '../keyed-lock.js';
import type { Volume } from './model.js';
import { volumeMount, withoutPassword } from './options.js';

type MountedVolume = Pick<Volume, 'name' | 'mountpoint' | 'options'>;

/** A key that no volume's name can be. */
const MOUNTING = '';

/** File systems of volumes that have options: mounted with the first container that runs with them, until the last one ends. */
export class VolumeMounts {
  readonly #logger: Logger;
  readonly #users = new Map<string, Set<string>>();
  /** Held while a volume is mounted or unmounted. */
  readonly #lock = new KeyedLock();

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** Whether a container that runs, or is being started, has it. */
  used(name: string): boolean {
    return this.#users.has(name);
  }

  isUser(name: string, user: string): boolean {
    return this.#users.get(name)?.has(user) === true;
  }

  usedByOthers(name: string, user: string): boolean {
    return [...(this.#users.get(name) ?? [])].some((other) => other !== user);
  }

  /**
   * Has the volume's file system mounted until the same user releases it.
   *
   * @throws BerthError, in Docker's wording, when it cannot be mounted; the user needs not release it then
   */
  async use(volume: MountedVolume, user: string): Promise<void> {
    const { name, mountpoint } = volume;
    this.adopt(name, user);
    if (volume.options['device'] === undefined) return;
    try {
      await this.#lock.run(name, async () => {
        // One at a time: a server that does not answer holds up a thread of the few that do the daemon's file work.
        if (!isMounted(mountpoint)) await this.#lock.run(MOUNTING, () => mountVolume(volume));
      });
    } catch (error) {
      this.#forget(name, user);
      throw error;
    }
  }

  async release(volume: MountedVolume, user: string): Promise<void> {
    const { name, mountpoint } = volume;
    this.#forget(name, user);
    if (volume.options['device'] === undefined) return;
    await this.#lock.run(name, () => {
      if (!this.#users.has(name)) this.unmount(mountpoint);
      return Promise.resolve();
    });
  }

  /** Told, before anything else, of each container that an earlier daemon has left running. */
  adopt(name: string, user: string): void {
    this.#users.set(name, (this.#users.get(name) ?? new Set()).add(user));
  }

  /** After a start of the daemon: what is used but not mounted is mounted, and what is mounted but not used is unmounted. */
  async recover(volumes: readonly MountedVolume[]): Promise<void> {
    for (const volume of volumes.filter(({ options }) => options['device'] !== undefined)) {
      try {
        const [user] = this.#users.get(volume.name) ?? [];
        if (user === undefined) this.unmount(volume.mountpoint);
        else await this.use(volume, user);
      } catch (error) {
        this.#logger.warn('cannot recover the mount of a volume', {
          name: volume.name,
          error: toError(error),
        });
      }
    }
  }

  /** Takes away whatever is mounted right at a volume's place. Out of sight at once, also when a server does not answer. */
  unmount(mountpoint: string): void {
    while (isMounted(mountpoint)) unmount(mountpoint, { detach: true });
  }

  #forget(name: string, user: string): void {
    const users = this.#users.get(name);
    users?.delete(user);
    if (users?.size === 0) this.#users.delete(name);
  }
}

async function mountVolume({ name, mountpoint, options }: MountedVolume): Promise<void> {
  try {
    const request = await volumeMount(options, mountpoint);
    await mountInBackground(request);
    // A bind takes its flags only in a second step (mount(2)).
    const { flags = [] } = request;
    const own = flags.filter((flag) => flag !== 'bind' && flag !== 'recursive');
    if (flags.includes('bind') && own.length > 0) {
      await mountInBackground({ target: mountpoint, flags: ['bind', 'remount', ...own] });
    }
  } catch (cause) {
    const { message } = toError(cause);
    throw new BerthError(
      'internal',
      `error while mounting volume '${mountpoint}': failed to mount local volume: ${withoutPassword(options['device'] ?? '')}: ${withoutPassword(message)}`,
      { op: 'mount the volume', subject: name, cause },
    );
  }
}

function isMounted(path: string): boolean {
  const real = realPath(path);
  return mounts().some(({ mountPoint }) => mountPoint === real);
}

/** Where anything is mounted in a folder, at any depth. */
export function mountsBelow(path: string): string[] {
  const real = realPath(path);
  return mounts()
    .map(({ mountPoint }) => mountPoint)
    .filter((mountPoint) => mountPoint.startsWith(`${real}/`));
}

/** As the kernel lists it. The last part is not looked at: what is mounted there may not answer. */
function realPath(path: string): string {
  return join(realpathSync(dirname(path)), basename(path));
}
