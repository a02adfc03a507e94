import { createHash, randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { BerthError, type Collection, type Store } from '@berth/core';
import { now } from '../clock.js';
import type { EventBus } from '../events/event-bus.js';
import type { Image, ImageId, ImportOptions } from '../model.js';
import { applyChanges, EMPTY_CONFIG } from './config.js';
import { decompressed } from './decompress.js';
import { imageReference, parseReference } from './reference.js';
import { unpack } from './unpack.js';

type ImageRecord = Omit<Image, 'repoTags'>;

/** Who uses an image, for the refusal to remove it. */
export interface ImageUse {
  readonly containerId: string;
  readonly running: boolean;
}

/** The images of this host. Each layer is a directory below `<root>/layers`, named by the digest of its tar. */
export class Images {
  readonly #root: string;
  readonly #events: EventBus;
  readonly #records: Collection<ImageRecord>;
  readonly #tags: Collection<ImageId>;
  readonly #store: Store;
  readonly #uses: (id: ImageId) => ImageUse[];

  constructor(root: string, store: Store, events: EventBus, uses: (id: ImageId) => ImageUse[]) {
    this.#root = root;
    this.#store = store;
    this.#events = events;
    this.#uses = uses;
    this.#records = store.collection('images');
    this.#tags = store.collection('image-tags');
  }

  /** Makes the directories, and removes what an interrupted import has left. */
  async open(): Promise<void> {
    await rm(join(this.#root, 'staging'), { recursive: true, force: true });
    await mkdir(join(this.#root, 'staging'), { recursive: true, mode: 0o700 });
    await mkdir(join(this.#root, 'layers'), { recursive: true, mode: 0o711 });
  }

  /**
   * Makes an image of a tar (plain, gzip or zstd).
   *
   * @throws BerthError `invalid`: no tar, cut short, or an entry leaves the root; nothing is left behind
   */
  async import(source: Readable, options: ImportOptions): Promise<ImageId> {
    const reference =
      options.repository === undefined || options.repository === ''
        ? undefined
        : options.tag === undefined || options.tag === ''
          ? parseReference(options.repository)
          : imageReference(options.repository, options.tag);
    const config = applyChanges(EMPTY_CONFIG, options.changes);
    const staging = join(this.#root, 'staging', randomUUID());
    await mkdir(staging, { mode: 0o700 });
    try {
      const layer = await unpack(await decompressed(source), join(staging, 'archive'), join(staging, 'root'));
      const target = this.layerPath(layer.diffId);
      if (!existsSync(target)) await rename(join(staging, 'root'), target);
      const record = imageRecord({
        created: now(),
        message: options.message ?? '',
        size: layer.size,
        architecture: process.arch === 'x64' ? 'amd64' : process.arch,
        os: 'linux',
        config,
        diffIds: [layer.diffId],
      });
      this.#store.transaction(() => {
        this.#records.put(record.id, record);
        if (reference !== undefined) this.#tags.put(`${reference.repository}:${reference.tag}`, record.id);
      });
      this.#publish(
        'import',
        record.id,
        reference === undefined ? record.id : `${reference.repository}:${reference.tag}`,
      );
      return record.id;
    } finally {
      source.destroy();
      await rm(staging, { recursive: true, force: true });
    }
  }

  list(): Image[] {
    const tags = this.#tagsById();
    return this.#records
      .entries()
      .map(([id, record]) => ({ ...record, repoTags: tags.get(id as ImageId) ?? [] }))
      .sort((a, b) => (a.created < b.created ? 1 : -1));
  }

  /**
   * By id, `name[:tag]`, or id prefix (with or without `sha256:`).
   *
   * @throws BerthError `not-found`, or `invalid` where a prefix fits several
   */
  get(reference: string): Image {
    const named = this.#byName(reference);
    const record = named ?? this.#byId(reference);
    return { ...record, repoTags: this.#tagsById().get(record.id) ?? [] };
  }

  /** The directory of an unpacked layer. */
  layerPath(diffId: string): string {
    return join(this.#root, 'layers', diffId.replace('sha256:', ''));
  }

  tag(reference: string, repository: string, tag: string | undefined): void {
    const image = this.get(reference);
    const target =
      tag === undefined || tag === '' ? parseReference(repository) : imageReference(repository, tag);
    const name = `${target.repository}:${target.tag}`;
    this.#tags.put(name, image.id);
    this.#publish('tag', image.id, name);
  }

  /**
   * Takes a name away, and the image with its last one.
   *
   * @throws BerthError `conflict` while containers use it, or several names hold it and `force` is not given
   */
  async remove(
    reference: string,
    { force, noPrune }: { force: boolean; noPrune: boolean },
  ): Promise<{ untagged: string[]; deleted: string[] }> {
    const image = this.get(reference);
    const byName = this.#byName(reference) !== undefined;
    const uses = this.#uses(image.id);
    const last = !byName || image.repoTags.length <= 1;
    if (last) this.#refuseWhileUsed(image, reference, byName, uses, force);
    const names = byName ? [this.#nameOf(reference)] : [...image.repoTags];
    if (!byName && names.length > 1 && !force) {
      throw new BerthError(
        'conflict',
        `conflict: unable to delete ${shortImageId(image.id)} (must be forced) - image is referenced in multiple repositories`,
      );
    }
    for (const name of names) {
      this.#tags.delete(name);
      this.#publish('untag', image.id, name);
    }
    // A forced removal under a stopped container leaves the container its layers.
    if (!last || uses.length > 0 || noPrune) return { untagged: names, deleted: [] };
    this.#records.delete(image.id);
    this.#publish('delete', image.id, image.id);
    const kept = new Set(this.#records.entries().flatMap(([, record]) => record.diffIds));
    const gone = image.diffIds.filter((diffId) => !kept.has(diffId));
    for (const diffId of gone) await rm(this.layerPath(diffId), { recursive: true, force: true });
    return { untagged: names, deleted: [image.id, ...gone] };
  }

  #refuseWhileUsed(image: Image, reference: string, byName: boolean, uses: ImageUse[], force: boolean): void {
    const blocking = uses.find((use) => use.running) ?? uses[0];
    if (blocking === undefined || (force && !blocking.running)) return;
    const subject = byName ? `repository reference "${reference}"` : shortImageId(image.id);
    const how = blocking.running ? 'cannot be forced' : 'must be forced';
    const state = blocking.running ? 'running container' : byName ? 'container' : 'stopped container';
    const verb = byName ? 'unable to remove' : 'unable to delete';
    const tail = byName
      ? `container ${blocking.containerId.slice(0, 12)} is using its referenced image ${shortImageId(image.id)}`
      : `image is being used by ${state} ${blocking.containerId.slice(0, 12)}`;
    throw new BerthError('conflict', `conflict: ${verb} ${subject} (${how}) - ${tail}`);
  }

  #nameOf(reference: string): string {
    const { repository, tag } = parseReference(reference);
    return `${repository}:${tag}`;
  }

  #byName(reference: string): ImageRecord | undefined {
    let name;
    try {
      name = this.#nameOf(reference);
    } catch {
      return undefined;
    }
    const id = this.#tags.get(name);
    return id === undefined ? undefined : this.#records.get(id);
  }

  #byId(reference: string): ImageRecord {
    const wanted = reference.startsWith('sha256:') ? reference : `sha256:${reference}`;
    const fits = /^sha256:[0-9a-f]+$/.test(wanted)
      ? this.#records.entries().filter(([id]) => id.startsWith(wanted))
      : [];
    const [only, second] = fits;
    if (second !== undefined) {
      throw new BerthError(
        'invalid',
        `image id prefix "${reference}" is ambiguous: it fits ${fits.map(([id]) => shortImageId(id)).join(', ')}`,
      );
    }
    if (only === undefined) {
      const name = /^sha256:/.test(reference) ? reference : withTag(reference);
      throw new BerthError('not-found', `No such image: ${name}`, { subject: reference });
    }
    return only[1];
  }

  #tagsById(): Map<ImageId, string[]> {
    const byId = new Map<ImageId, string[]>();
    for (const [name, id] of this.#tags.entries()) byId.set(id, [...(byId.get(id) ?? []), name]);
    return byId;
  }

  #publish(action: string, id: string, name: string): void {
    this.#events.publish({ type: 'image', action, actor: { id, attributes: { name } } });
  }
}

function withTag(reference: string): string {
  return reference.lastIndexOf(':') > reference.lastIndexOf('/') ? reference : `${reference}:latest`;
}

function shortImageId(id: string): string {
  return id.replace('sha256:', '').slice(0, 12);
}

/** The image's id is the digest of what it is made of, so that equal images are one. */
function imageRecord(parts: Omit<ImageRecord, 'id'>): ImageRecord {
  const id = `sha256:${createHash('sha256').update(JSON.stringify(parts)).digest('hex')}` as ImageId;
  return { id, ...parts };
}
