import { createReadStream } from 'node:fs';
import { lstat, readFile, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { BerthError, isBerthError, shortId } from '@berth/core';
import { decompressed } from './decompress.js';
import { digestOf } from './digest.js';
import type { Images } from './images.js';
import type { LayerSession } from './layer-session.js';
import { choose, hostPlatform, MEDIA, objectOf, readManifest, type Descriptor } from './manifest.js';
import type { Report } from './model.js';
import { readImageConfig } from './oci-image.js';
import { parseReference } from './reference.js';
import { unpack } from './unpack.js';

/** One image of an archive: where its parts lie in it. */
interface Packed {
  readonly config: string;
  readonly layers: readonly string[];
  readonly names: readonly string[];
}

/** Layers that are unpacked at a time: what one of them computes, the other one writes. */
const SIDE_BY_SIDE = 2;

/**
 * Takes images from an archive: of `docker save`, old or new, or an OCI layout; plain, gzip or zstd. Each image is
 * recorded when all of its layers are there.
 *
 * @throws BerthError `invalid` for what is none, is damaged, or leaves its root
 */
export async function loadImages(images: Images, source: Readable, report: Report): Promise<void> {
  try {
    await images.layers.session(async (session) => {
      const folder = session.fresh('archive');
      await unpack(await decompressed(source), session.fresh('tar'), folder);
      const archive = new Archive(await realpath(folder));
      for (const packed of await archive.images()) await loadImage(images, session, archive, packed, report);
    });
  } finally {
    source.destroy();
  }
}

async function loadImage(
  images: Images,
  session: LayerSession,
  archive: Archive,
  packed: Packed,
  report: Report,
): Promise<void> {
  const text = await archive.text(packed.config);
  const image = readImageConfig(text);
  if (image.diffIds.length !== packed.layers.length) {
    throw new BerthError(
      'invalid',
      `invalid manifest, layers length mismatch: expected ${image.diffIds.length}, got ${packed.layers.length}`,
    );
  }
  const names = packed.names.map((name) => {
    const { repository, tag } = parseReference(name);
    return `${repository}:${tag}`;
  });
  const queue = image.diffIds.map((diffId, index) => ({ diffId, name: packed.layers[index] ?? '' }));
  const seen = new Set<string>();
  const work = async () => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      if (seen.has(next.diffId) || session.claim(next.diffId)) continue;
      seen.add(next.diffId);
      await loadLayer(session, await archive.file(next.name), next.diffId, report);
    }
  };
  // All end before anything is thrown, since what they work on is removed then.
  const ends = await Promise.allSettled(Array.from({ length: SIDE_BY_SIDE }, work));
  for (const end of ends) if (end.status === 'rejected') throw end.reason;
  const id = images.record(image, {}, text);
  for (const name of names) {
    images.table.tag(id, name);
    report({ stream: `Loaded image: ${name}\n` });
  }
  if (names.length === 0) report({ stream: `Loaded image ID: ${id}\n` });
  images.table.publish('load', id, names[0] ?? id);
}

async function loadLayer(session: LayerSession, path: string, diffId: string, report: Report): Promise<void> {
  const { size } = await lstat(path);
  const id = shortId(diffId.replace('sha256:', ''));
  report({ id, status: 'Loading layer', current: 0, total: size });
  await session.add(createReadStream(path), { expected: diffId, blob: { path } });
  report({ id, status: 'Loading layer', current: size, total: size });
}

/** An unpacked archive of images. */
class Archive {
  readonly #root: string;

  constructor(root: string) {
    this.#root = root;
  }

  async images(): Promise<Packed[]> {
    const list = await this.#optional('manifest.json');
    if (list !== undefined) return dockerManifest(list);
    if ((await this.#optional('index.json')) !== undefined) return this.#fromLayout('index.json', []);
    throw new BerthError(
      'invalid',
      'the archive holds no images: neither manifest.json (docker save) nor index.json (an OCI layout) is in it',
    );
  }

  /** A file in the archive, through whatever links are in it. @throws BerthError `invalid` */
  async file(name: string): Promise<string> {
    const path = await realpath(join(this.#root, name)).catch((cause: unknown) => {
      throw new BerthError('invalid', `the archive is not whole: ${JSON.stringify(name)} is not in it`, {
        cause,
      });
    });
    if (!path.startsWith(`${this.#root}/`) || !(await lstat(path)).isFile())
      throw new BerthError('invalid', `the archive is refused: ${JSON.stringify(name)} is no file within it`);
    return path;
  }

  async text(name: string): Promise<string> {
    const path = await this.file(name);
    // Manifests and configurations take kilobytes; Docker's own limit for them is 4 MiB too.
    if ((await lstat(path)).size > 4 * 1024 * 1024)
      throw new BerthError('invalid', `the archive is refused: ${JSON.stringify(name)} is larger than 4 MiB`);
    return readFile(path, 'utf8');
  }

  async #optional(name: string): Promise<string | undefined> {
    try {
      return await this.text(name);
    } catch (error) {
      if (isBerthError(error) && error.message.includes('is not in it')) return undefined;
      throw error;
    }
  }

  async #fromLayout(name: string, inherited: readonly string[]): Promise<Packed[]> {
    const index = readManifest(await this.text(name), name);
    if (!('manifests' in index)) throw new BerthError('invalid', `${name} of the archive is no index`);
    const found: Packed[] = [];
    for (const descriptor of index.manifests) {
      const names = [...inherited, ...nameOf(descriptor)];
      const content = await this.#verified(descriptor);
      const inner = readManifest(content, descriptor.digest);
      const manifest =
        'manifests' in inner
          ? readManifest(
              await this.#verified(choose(inner, hostPlatform(), descriptor.digest)),
              descriptor.digest,
            )
          : inner;
      if ('manifests' in manifest || !isImage(manifest.config)) continue;
      await this.#verified(manifest.config);
      found.push({
        config: blobName(manifest.config.digest),
        layers: manifest.layers.map(({ digest }) => blobName(digest)),
        names,
      });
    }
    return found;
  }

  /** A blob whose digest is what its name says. @throws BerthError `invalid` */
  async #verified({ digest }: Descriptor): Promise<string> {
    const text = await this.text(blobName(digest));
    if (digestOf(text) === digest) return text;
    throw new BerthError('invalid', `the archive is damaged: ${blobName(digest)} has another digest`);
  }
}

function isImage({ mediaType }: Descriptor): boolean {
  return mediaType === MEDIA.ociConfig || mediaType === MEDIA.dockerConfig;
}

function blobName(digest: string): string {
  return `blobs/${digest.replace(':', '/')}`;
}

/** The name that containerd or, where it is whole, the layout itself gives an image. */
function nameOf({ annotations = {} }: Descriptor): string[] {
  const name = annotations['io.containerd.image.name'] ?? annotations['org.opencontainers.image.ref.name'];
  // A bare tag says nothing of whose it is.
  return name === undefined || !/[:/]/.test(name) ? [] : [name];
}

function dockerManifest(text: string): Packed[] {
  const wrong = (why: string) =>
    new BerthError('invalid', `the archive is damaged: manifest.json of it ${why}`);
  const list: unknown = Object.values(objectOf(`{"list":${text}}`, 'the archive'))[0];
  if (!Array.isArray(list)) throw wrong('is no list');
  return list.map((item: unknown) => {
    const { Config, Layers, RepoTags } = item as { Config: unknown; Layers: unknown; RepoTags: unknown };
    if (typeof Config !== 'string' || !isStrings(Layers)) throw wrong('names no Config or no Layers');
    if (RepoTags !== null && RepoTags !== undefined && !isStrings(RepoTags)) throw wrong('has bad RepoTags');
    return { config: Config, layers: Layers, names: RepoTags ?? [] };
  });
}

function isStrings(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}
