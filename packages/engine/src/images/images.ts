import type { Readable } from 'node:stream';
import type { Store } from '@berth/core';
import { now } from '../clock.js';
import type { EventBus } from '../events/event-bus.js';
import type { HistoryLine, Image, ImageId, ImportOptions, Report } from '../model.js';
import { applyChanges, EMPTY_CONFIG } from './config.js';
import { Layers, type Layer } from './layers.js';
import { loadImages } from './load.js';
import { imageIdOf, writeImageConfig, type ImageDescription } from './oci-image.js';
import { imageReference, parseReference } from './reference.js';
import { pruneImages, removeImage, type ImageUse, type Removal } from './removal.js';
import { saveImages } from './save.js';
import { ImageTable } from './table.js';

export type { ImageUse } from './removal.js';

/** The images of this host: the names and configurations in the store, the layers below a folder. */
export class Images {
  readonly table: ImageTable;
  readonly layers: Layers;
  readonly #uses: (id: ImageId) => ImageUse[];

  constructor(root: string, store: Store, events: EventBus, uses: (id: ImageId) => ImageUse[]) {
    this.table = new ImageTable(store, events);
    this.layers = new Layers(root, store, () => this.table.diffIds());
    this.#uses = uses;
  }

  /** Makes the folders, and removes what interrupted work has left. */
  async open(): Promise<void> {
    await this.layers.open();
  }

  /**
   * Makes an image of a tar (plain, gzip or zstd).
   *
   * @throws BerthError `invalid`: no tar, cut short, or an entry leaves the root; nothing is left behind
   */
  async import(source: Readable, options: ImportOptions): Promise<ImageId> {
    const tag = nameFor(options.repository, options.tag);
    const config = applyChanges(EMPTY_CONFIG, options.changes);
    try {
      return await this.layers.session(async (session) => {
        const layer = await session.add(source, { kind: 'root' });
        const created = now();
        const message = options.message ?? '';
        const id = this.record(
          {
            created,
            message,
            architecture: process.arch === 'x64' ? 'amd64' : process.arch,
            os: 'linux',
            config,
            diffIds: [layer.diffId],
            history: [{ created, comment: message }],
          },
          { tag },
        );
        this.table.publish('import', id, tag ?? id);
        return id;
      });
    } finally {
      source.destroy();
    }
  }

  /**
   * Records an image all of whose layers are there, and held by the caller.
   *
   * @param text its configuration where it has come from elsewhere, to the byte
   */
  record(
    image: ImageDescription,
    names: { readonly tag?: string | undefined; readonly digest?: string; readonly parent?: ImageId } = {},
    text = writeImageConfig(image),
  ): ImageId {
    const id = imageIdOf(text);
    const size = image.diffIds.reduce((sum, diffId) => sum + this.layers.sizeOf(diffId), 0);
    const { tag, digest, parent } = names;
    this.table.add({ id, ...image, size, ...(parent !== undefined && { parent }) }, text, {
      ...(tag !== undefined && { tag }),
      ...(digest !== undefined && { digest }),
    });
    return id;
  }

  list(): Image[] {
    return this.table.all();
  }

  /**
   * By id, `name[:tag]`, `name@sha256:…`, or id prefix (with or without `sha256:`).
   *
   * @throws BerthError `not-found`, or `invalid` where a prefix fits several
   */
  get(reference: string): Image {
    return this.table.get(reference);
  }

  /** The directory of an unpacked layer. */
  layerPath(diffId: string): string {
    return this.layers.path(diffId);
  }

  tag(reference: string, repository: string, tag: string | undefined): void {
    const image = this.get(reference);
    this.table.tag(image.id, nameFor(repository, tag) ?? '');
  }

  /** Takes a name away, and the image with its last one: see {@link removeImage}. */
  async remove(
    reference: string,
    options: { readonly force: boolean; readonly noPrune: boolean },
  ): Promise<Removal> {
    return removeImage(this.#removal(), reference, options);
  }

  /** Removes many at once: see {@link pruneImages}. */
  async prune(
    danglingOnly: boolean,
    fits: (image: Image) => boolean,
  ): Promise<Removal & { readonly reclaimed: number }> {
    return pruneImages(this.#removal(), { danglingOnly, fits });
  }

  /** Takes images from an archive of `docker save` or an OCI layout: see {@link loadImages}. */
  async load(source: Readable, report: Report): Promise<void> {
    await loadImages(this, source, report);
  }

  /** An archive of these images, as `docker save` makes it. @throws BerthError `not-found` before anything is read */
  save(references: readonly string[]): Readable {
    return saveImages(this, references);
  }

  /** Instruction by instruction, newest first. */
  history(reference: string): HistoryLine[] {
    const image = this.get(reference);
    const layers = [...image.diffIds];
    const lines = (image.history.length > 0 ? image.history : image.diffIds.map(() => ({}))).map((entry) => {
      const made = 'emptyLayer' in entry && entry.emptyLayer === true ? undefined : layers.shift();
      return { ...entry, size: made === undefined ? 0 : this.layers.sizeOf(made) };
    });
    return lines.reverse().map((line, index) => ({
      ...line,
      id: index === 0 ? image.id : '<missing>',
      tags: index === 0 ? image.repoTags : [],
    }));
  }

  /** Bytes of an image's layers that other images have too. */
  sharedSize(image: Image): number {
    const others = new Set(this.list().flatMap(({ id, diffIds }) => (id === image.id ? [] : diffIds)));
    return image.diffIds
      .filter((diffId) => others.has(diffId))
      .reduce((sum, diffId) => sum + this.layers.sizeOf(diffId), 0);
  }

  /** Bytes of all layers, each once. */
  layersSize(): number {
    return [...this.table.diffIds()].reduce((sum, diffId) => sum + this.layers.sizeOf(diffId), 0);
  }

  layer(diffId: string): Layer {
    return this.layers.get(diffId);
  }

  #removal() {
    return { table: this.table, layers: this.layers, uses: this.#uses };
  }
}

/** `name:tag` as it is kept; undefined where no name is given. @throws BerthError `invalid` */
export function nameFor(repository: string | undefined, tag: string | undefined): string | undefined {
  if (repository === undefined || repository === '') return undefined;
  const parsed =
    tag === undefined || tag === '' ? parseReference(repository) : imageReference(repository, tag);
  return `${parsed.repository}:${parsed.tag}`;
}
