import { BerthError, type Collection, type Store } from '@berth/core';
import { now } from '../clock.js';
import type { EventBus } from '../events/event-bus.js';
import type { Image, ImageId } from '../model.js';
import { parseReference } from './reference.js';

export type ImageRecord = Omit<Image, 'repoTags' | 'repoDigests' | 'history'> & {
  /** Absent in what an older Berth has written. */
  readonly history?: Image['history'];
};

/** Which images there are, and under which names. */
export class ImageTable {
  readonly #records: Collection<ImageRecord>;
  readonly #configs: Collection<string>;
  readonly #tags: Collection<ImageId>;
  readonly #digests: Collection<ImageId>;
  readonly #store: Store;
  readonly #events: EventBus;

  constructor(store: Store, events: EventBus) {
    this.#store = store;
    this.#events = events;
    this.#records = store.collection('images');
    this.#configs = store.collection('image-configs');
    this.#tags = store.collection('image-tags');
    this.#digests = store.collection('image-digests');
  }

  /** Records an image under a name, in one transaction. It must have all of its layers by now. */
  add(record: ImageRecord, config: string, names: { tag?: string; digest?: string } = {}): void {
    this.#store.transaction(() => {
      const known = this.#records.get(record.id);
      this.#records.put(record.id, { ...record, parent: record.parent ?? known?.parent, lastTagTime: now() });
      this.#configs.put(record.id, config);
      if (names.tag !== undefined) this.#tags.put(names.tag, record.id);
      if (names.digest !== undefined) this.#digests.put(names.digest, record.id);
    });
  }

  all(): Image[] {
    const tags = byImage(this.#tags);
    const digests = byImage(this.#digests);
    return this.#records
      .entries()
      .map(([, record]) => withNames(record, tags, digests))
      .sort((a, b) => (a.created < b.created ? 1 : -1));
  }

  /**
   * By id, `name[:tag]`, `name@sha256:…`, or id prefix (with or without `sha256:`).
   *
   * @throws BerthError `not-found`, or `invalid` where a prefix fits several
   */
  get(reference: string): Image {
    const name = this.nameOf(reference);
    const id = name === undefined ? undefined : (this.#tags.get(name) ?? this.#digests.get(name));
    const record = (id === undefined ? undefined : this.#records.get(id)) ?? this.#byId(reference);
    return withNames(record, byImage(this.#tags), byImage(this.#digests));
  }

  has(id: string): boolean {
    return this.#records.get(id) !== undefined;
  }

  /** The image's configuration to the byte; its digest is the id. @throws BerthError `unavailable` */
  config(id: ImageId): string {
    const config = this.#configs.get(id);
    if (config !== undefined) return config;
    throw new BerthError(
      'unavailable',
      `the configuration of image ${id} is not there: the image was made by an older Berth; import it again`,
      { subject: id },
    );
  }

  /** The stored name that `reference` is, if it is one: with its tag, or its digest. */
  nameOf(reference: string): string | undefined {
    const at = reference.indexOf('@');
    let name;
    try {
      const { repository, tag } = parseReference(at < 0 ? reference : reference.slice(0, at));
      name = at < 0 ? `${repository}:${tag}` : `${repository}${reference.slice(at)}`;
    } catch {
      return undefined;
    }
    return this.#tags.get(name) === undefined && this.#digests.get(name) === undefined ? undefined : name;
  }

  /** Gives an image a name, which another one loses. */
  tag(id: ImageId, name: string): void {
    this.name(id, { tag: name });
    this.publish('tag', id, name);
  }

  /** The same without a word about it; `digest` is what a registry calls it: `name@sha256:…`. */
  name(id: ImageId, { tag, digest }: { readonly tag?: string | undefined; readonly digest?: string }): void {
    const record = this.#records.get(id);
    this.#store.transaction(() => {
      if (tag !== undefined) this.#tags.put(tag, id);
      if (digest !== undefined) this.#digests.put(digest, id);
      if (record !== undefined && tag !== undefined) this.#records.put(id, { ...record, lastTagTime: now() });
    });
  }

  untag(id: ImageId, name: string): void {
    this.#tags.delete(name);
    this.#digests.delete(name);
    this.publish('untag', id, name);
  }

  delete(id: ImageId): void {
    this.#store.transaction(() => {
      this.#records.delete(id);
      this.#configs.delete(id);
      for (const names of [this.#tags, this.#digests])
        for (const [name, holder] of names.entries()) if (holder === id) names.delete(name);
    });
    this.publish('delete', id, id);
  }

  /** The layers that images have. */
  diffIds(): Set<string> {
    return new Set(this.#records.entries().flatMap(([, { diffIds }]) => diffIds));
  }

  children(id: ImageId): ImageRecord[] {
    return this.#records.entries().flatMap(([, record]) => (record.parent === id ? [record] : []));
  }

  publish(action: string, id: string, name: string): void {
    this.#events.publish({ type: 'image', action, actor: { id, attributes: { name } } });
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
      const name = /^sha256:|@/.test(reference) ? reference : withTag(reference);
      throw new BerthError('not-found', `No such image: ${name}`, { subject: reference });
    }
    return only[1];
  }
}

/** The first twelve digits of an image's id. */
export function shortImageId(id: string): string {
  return id.replace('sha256:', '').slice(0, 12);
}

function withNames(
  record: ImageRecord,
  tags: ReadonlyMap<ImageId, string[]>,
  digests: ReadonlyMap<ImageId, string[]>,
): Image {
  return {
    ...record,
    history: record.history ?? [],
    repoTags: tags.get(record.id) ?? [],
    repoDigests: digests.get(record.id) ?? [],
  };
}

function byImage(names: Collection<ImageId>): Map<ImageId, string[]> {
  const byId = new Map<ImageId, string[]>();
  for (const [name, id] of names.entries()) byId.set(id, [...(byId.get(id) ?? []), name]);
  return byId;
}

function withTag(reference: string): string {
  return reference.lastIndexOf(':') > reference.lastIndexOf('/') ? reference : `${reference}:latest`;
}
