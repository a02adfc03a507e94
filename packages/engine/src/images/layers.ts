import { randomUUID } from 'node:crypto';
import { createReadStream, existsSync } from 'node:fs';
import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { BerthError, type Collection, type Store } from '@berth/core';
import { mounts, unmount } from '@berth/kernel';
import { KeyedLock } from '../keyed-lock.js';
import { decompressed } from './decompress.js';
import { LayerSession } from './layer-session.js';
import { killRemembered } from './tool-process.js';
import type { UnpackedLayer } from './unpack.js';

/** A layer's tar as it came or, where it came plain, compressed here: what other machines are given. */
export interface LayerBlob {
  /** `sha256:…` of the compressed bytes. */
  readonly digest: string;
  /** Bytes. */
  readonly size: number;
  readonly compression: 'gzip' | 'zstd';
}

export interface Layer extends UnpackedLayer {
  readonly blob: LayerBlob;
}

/** Puts what a session has unpacked among the layers. */
export type Adopt = (unpacked: UnpackedLayer, root: string, keep: () => Promise<LayerBlob>) => Promise<Layer>;

/**
 * The unpacked layers of all images, each once: folders below `<root>/layers` named by the digest of the layer's tar,
 * and the tars themselves, compressed, below `<root>/blobs`. A layer counts when its record is written, which comes last.
 */
export class Layers {
  readonly #root: string;
  readonly #records: Collection<Layer>;
  /** Layers that operations under way have asked for or made: not to be removed, though no image has them yet. */
  readonly #held = new Map<string, number>();

  readonly #wanted: () => ReadonlySet<string>;
  /** Held while layers come to their places, or leave them. */
  readonly #lock = new KeyedLock();

  /** @param wanted the layers that images have at the moment */
  constructor(root: string, store: Store, wanted: () => ReadonlySet<string>) {
    this.#root = root;
    this.#wanted = wanted;
    this.#records = store.collection('image-layers');
  }

  /** Makes the folders, and removes what interrupted work has left and what no image has. */
  async open(): Promise<void> {
    const wanted = this.#wanted();
    await this.#removeStaging();
    await mkdir(join(this.#root, 'staging'), { recursive: true, mode: 0o700 });
    await mkdir(join(this.#root, 'layers'), { recursive: true, mode: 0o711 });
    await mkdir(join(this.#root, 'blobs'), { recursive: true, mode: 0o700 });
    for (const [diffId] of this.#records.entries())
      if (!wanted.has(diffId) || !existsSync(this.path(diffId))) this.#records.delete(diffId);
    for (const name of await readdir(join(this.#root, 'layers')))
      if (!wanted.has(`sha256:${name}`))
        await rm(this.path(`sha256:${name}`), { recursive: true, force: true });
    const blobs = new Set(this.#records.entries().map(([, { blob }]) => blob.digest));
    for (const name of await readdir(join(this.#root, 'blobs')))
      if (!blobs.has(`sha256:${name}`)) await rm(this.blobPath(`sha256:${name}`), { force: true });
  }

  /**
   * Image tools may have outlived the daemon that started them: they are ended. What cannot be removed yet is tried again
   * at the next start.
   */
  async #removeStaging(): Promise<void> {
    await mkdir(this.#root, { recursive: true, mode: 0o711 });
    for (const name of await readdir(this.#root)) {
      if (!name.startsWith('staging')) continue;
      const aside = join(this.#root, `staging-gone-${randomUUID()}`);
      await rename(join(this.#root, name), aside);
      for (const session of await readdir(aside)) killRemembered(join(aside, session));
      unmountBelow(aside);
      await rm(aside, { recursive: true, force: true, maxRetries: 3 }).catch(() => undefined);
    }
  }

  /** The folder of an unpacked layer. */
  path(diffId: string): string {
    return join(this.#root, 'layers', hex(diffId));
  }

  blobPath(digest: string): string {
    return join(this.#root, 'blobs', hex(digest));
  }

  has(diffId: string): boolean {
    return this.#records.get(diffId) !== undefined;
  }

  /** @throws BerthError `unavailable` for a layer whose tar is not kept */
  get(diffId: string): Layer {
    const layer = this.#records.get(diffId);
    if (layer !== undefined) return layer;
    throw new BerthError(
      'unavailable',
      `the archive of layer ${diffId} is not there: the image was made by an older Berth; import it again`,
      { subject: diffId },
    );
  }

  /** The layer whose tar, compressed, has this digest. */
  withBlob(digest: string): Layer | undefined {
    return this.#records.entries().find(([, { blob }]) => blob.digest === digest)?.[1];
  }

  /** Bytes of files; 0 where it is not known. */
  sizeOf(diffId: string): number {
    return this.#records.get(diffId)?.size ?? 0;
  }

  /** The plain tar, to the byte as it was. @throws BerthError `unavailable` */
  async tar(diffId: string): Promise<Readable> {
    return decompressed(createReadStream(this.blobPath(this.get(diffId).blob.digest)));
  }

  /**
   * Runs `work` with a private folder, which is gone afterwards, and with a hold on every layer that it adds or asks
   * for. Those that no image has at its end are removed.
   */
  async session<T>(work: (session: LayerSession) => Promise<T>): Promise<T> {
    const folder = join(this.#root, 'staging', randomUUID());
    await mkdir(folder, { mode: 0o700 });
    const held: string[] = [];
    const hold = (diffId: string) => {
      held.push(diffId);
      this.#held.set(diffId, (this.#held.get(diffId) ?? 0) + 1);
    };
    try {
      return await work(new LayerSession(this, folder, hold, this.#adopt.bind(this)));
    } finally {
      for (const diffId of held) {
        const count = (this.#held.get(diffId) ?? 1) - 1;
        if (count === 0) this.#held.delete(diffId);
        else this.#held.set(diffId, count);
      }
      await rm(folder, { recursive: true, force: true });
      await this.remove(held);
    }
  }

  /** Removes those of `diffIds` that are there, and neither an image's nor held. @returns them */
  async remove(diffIds: readonly string[]): Promise<string[]> {
    const aside: string[] = [];
    const gone = await this.#lock.run('layers', async () => {
      const wanted = this.#wanted();
      const unwanted = [...new Set(diffIds)].filter(
        (diffId) => !wanted.has(diffId) && !this.#held.has(diffId) && existsSync(this.path(diffId)),
      );
      const paths = unwanted.flatMap((diffId) => {
        const blob = this.#records.get(diffId)?.blob.digest;
        this.#records.delete(diffId);
        return [this.path(diffId), ...(blob === undefined ? [] : [this.blobPath(blob)])];
      });
      for (const path of paths) aside.push(...(await this.#putAside(path)));
      return unwanted;
    });
    for (const path of aside) await rm(path, { recursive: true, force: true });
    return gone;
  }

  /**
   * Puts a layer that is unpacked in its place, and records it.
   *
   * @param keep puts its blob in place
   */
  async #adopt(unpacked: UnpackedLayer, root: string, keep: () => Promise<LayerBlob>): Promise<Layer> {
    return this.#lock.run('layers', async () => {
      if (this.has(unpacked.diffId)) return this.get(unpacked.diffId);
      const layer = { ...unpacked, blob: await keep() };
      await renameUnlessThere(root, this.path(layer.diffId));
      this.#records.put(layer.diffId, layer);
      return layer;
    });
  }

  /** Out of sight at once, since removing it takes its time. @returns where it is now */
  async #putAside(path: string): Promise<string[]> {
    const aside = join(this.#root, 'staging', `gone-${randomUUID()}`);
    try {
      await rename(path, aside);
      return [aside];
    } catch {
      return [];
    }
  }
}

/**
 * Image tools mount nothing that is seen here. Should one do so all the same, removing its files must not go through to
 * what is mounted.
 */
export function unmountBelow(folder: string): void {
  const below = mounts().filter(({ mountPoint }) => mountPoint.startsWith(`${folder}/`));
  for (const { mountPoint } of below.reverse()) unmount(mountPoint, { detach: true });
}

/** A layer that is there without a record is one that an older Berth has made: containers may use it. */
async function renameUnlessThere(from: string, to: string): Promise<void> {
  try {
    await rename(from, to);
  } catch (error) {
    if (!['ENOTEMPTY', 'EEXIST'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
  }
}

function hex(digest: string): string {
  return digest.replace('sha256:', '');
}
