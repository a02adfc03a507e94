import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { BerthError, toError } from '@berth/core';
import { pack, type Pack } from 'tar-stream';
import { digestOf } from './digest.js';
import type { Images } from './images.js';
import { MEDIA } from './manifest.js';
import type { Image } from './model.js';

/** An image, and the names under which it goes into an archive. */
interface Wanted {
  readonly image: Image;
  readonly names: Set<string>;
}

/**
 * An archive of images as `docker save` (25 and newer) makes it: an OCI layout with Docker's manifest.json beside.
 *
 * @throws BerthError `not-found`, or `unavailable` for an image whose archives are not kept, before anything is read
 */
export function saveImages(images: Images, references: readonly string[]): Readable {
  const wanted = [...wantedImages(images, references).values()];
  for (const { image } of wanted) {
    images.table.config(image.id);
    for (const diffId of image.diffIds) images.layer(diffId);
  }
  const packer = pack();
  writeArchive(images, packer, wanted).then(
    () => {
      packer.finalize();
    },
    (error: unknown) => {
      packer.destroy(toError(error));
    },
  );
  // A reader that goes away ends the packer, and with it the writing.
  return Readable.from(packer, { objectMode: false });
}

/** A repository's name alone means all of its tags, as with Docker; an id means the image without a name. */
function wantedImages(images: Images, references: readonly string[]): Map<string, Wanted> {
  const wanted = new Map<string, Wanted>();
  const want = (image: Image, name?: string) => {
    const entry = wanted.get(image.id) ?? { image, names: new Set() };
    if (name !== undefined) entry.names.add(name);
    wanted.set(image.id, entry);
  };
  if (references.length === 0) throw new BerthError('invalid', 'no image is named: names must hold one');
  for (const reference of references) {
    const tagged = reference.lastIndexOf(':') > reference.lastIndexOf('/');
    const family = tagged
      ? []
      : images
          .list()
          .flatMap((image) =>
            image.repoTags
              .filter((tag) => tag.slice(0, tag.lastIndexOf(':')) === reference)
              .map((tag) => ({ image, tag })),
          );
    for (const { image, tag } of family) want(image, tag);
    if (family.length > 0) continue;
    const name = images.table.nameOf(reference);
    want(images.get(reference), name?.includes('@') === true ? undefined : name);
  }
  return wanted;
}

async function writeArchive(images: Images, packer: Pack, wanted: readonly Wanted[]): Promise<void> {
  // A packer that is destroyed calls nobody back.
  const gone = new AbortController();
  packer.on('close', () => {
    gone.abort();
  });
  await images.layers.session(async (session) => {
    const written = new Set<string>();
    const text = async (name: string, data: string, mtime = new Date(0)) => {
      if (written.has(name)) return;
      written.add(name);
      await new Promise<void>((resolve, reject) => {
        gone.signal.addEventListener('abort', () => {
          reject(new Error('nobody reads the archive any more'));
        });
        packer.entry({ name, mtime, mode: 0o644 }, data, (error) => {
          if (error) reject(error);
          else resolve();
        });
      });
    };
    const manifests = [];
    const list = [];
    const repositories: Record<string, Record<string, string>> = {};
    for (const { image, names } of wanted) {
      const config = images.table.config(image.id);
      // An image without a date has the year 1, which a tar has not.
      const mtime = new Date(Math.max(0, Date.parse(image.created)));
      for (const diffId of image.diffIds) {
        session.claim(diffId);
        const name = blobName(diffId);
        if (written.has(name)) continue;
        written.add(name);
        const entry = packer.entry({ name, mtime, mode: 0o644, size: images.layer(diffId).tarSize });
        await pipeline(await images.layers.tar(diffId), entry as unknown as NodeJS.WritableStream, {
          signal: gone.signal,
        });
      }
      await text(blobName(image.id), config, mtime);
      const manifest = ociManifest(images, image, config);
      await text(blobName(digestOf(manifest)), manifest, mtime);
      const descriptor = {
        mediaType: MEDIA.ociManifest,
        digest: digestOf(manifest),
        size: Buffer.byteLength(manifest),
      };
      manifests.push(
        ...(names.size === 0
          ? [descriptor]
          : [...names].map((name) => ({ ...descriptor, annotations: annotationsOf(name) }))),
      );
      list.push({
        Config: blobName(image.id),
        RepoTags: names.size === 0 ? null : [...names],
        Layers: image.diffIds.map(blobName),
      });
      for (const name of names) {
        const colon = name.lastIndexOf(':');
        const tags = (repositories[name.slice(0, colon)] ??= {});
        tags[name.slice(colon + 1)] = (image.diffIds.at(-1) ?? '').replace('sha256:', '');
      }
    }
    await text(
      'index.json',
      JSON.stringify({ schemaVersion: 2, mediaType: MEDIA.ociIndex, manifests: manifests }),
    );
    await text('manifest.json', JSON.stringify(list));
    await text('oci-layout', JSON.stringify({ imageLayoutVersion: '1.0.0' }));
    if (Object.keys(repositories).length > 0) await text('repositories', JSON.stringify(repositories));
  });
}

function ociManifest(images: Images, image: Image, config: string): string {
  return JSON.stringify({
    schemaVersion: 2,
    mediaType: MEDIA.ociManifest,
    config: { mediaType: MEDIA.ociConfig, digest: image.id, size: Buffer.byteLength(config) },
    layers: image.diffIds.map((diffId) => ({
      mediaType: MEDIA.ociTar,
      digest: diffId,
      size: images.layer(diffId).tarSize,
    })),
  });
}

function annotationsOf(name: string): Record<string, string> {
  const slash = name.indexOf('/');
  const first = name.slice(0, Math.max(slash, 0));
  const whole =
    /[.:]/.test(first) || first === 'localhost' ? name : `docker.io/${slash < 0 ? 'library/' : ''}${name}`;
  return {
    'io.containerd.image.name': whole,
    'org.opencontainers.image.ref.name': name.slice(name.lastIndexOf(':') + 1),
  };
}

function blobName(digest: string): string {
  return `blobs/${digest.replace(':', '/')}`;
}
