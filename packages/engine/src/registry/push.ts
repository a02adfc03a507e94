import { link, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { BerthError, isBerthError } from '@berth/core';
import { digestOf } from '../images/digest.js';
import type { Images } from '../images/images.js';
import type { LayerSession } from '../images/layer-session.js';
import { MEDIA } from '../images/manifest.js';
import type { Image, Report } from '../model.js';
import type { RegistryReference } from '../images/reference.js';
import { shortDigest, type RegistryOptions } from './pull.js';
import { dockerUrl, isLoopback, type Skopeo } from './skopeo.js';

/** What skopeo's dir: transport writes and wants to read: the version of its folders. */
const DIRECTORY_VERSION = 'Directory Transport Version: 1.1\n';

/**
 * Sends an image to its registry, under one tag.
 *
 * @throws BerthError `not-found` if no image has that name
 */
export async function pushImage(
  images: Images,
  skopeo: Skopeo,
  reference: RegistryReference,
  options: RegistryOptions,
  report: Report,
): Promise<void> {
  const { repository, registry, path, tag = 'latest' } = reference;
  const image = tagged(images, repository, tag);
  const hex = registry === 'docker.io' ? `${registry}/${path}` : repository;
  await images.layers.session(async (session) => {
    const folder = session.fresh('push');
    const manifest = await writeDirectory(images, session, image, folder);
    report({ status: `The push refers to repository [${hex}]` });
    const layers = image.diffIds.map((diffId) => ({
      id: shortDigest(diffId),
      blob: images.layer(diffId).blob,
    }));
    for (const { id } of layers) report({ id, status: 'Preparing' });
    const there = new Set<string>();
    await skopeo.run(
      [
        ...['copy', '--preserve-digests', ...(isLoopback(registry) ? ['--dest-tls-verify=false'] : [])],
        ...[`dir:${folder}`, dockerUrl(reference, tag)],
      ],
      {
        folder: session.folder,
        registry,
        credentials: options.credentials,
        signal: options.signal,
        onLine: (line) => {
          const [, digest, rest = ''] = /^Copying blob (sha256:[0-9a-f]{64})(.*)/.exec(line) ?? [];
          const layer = layers.find(({ blob }) => blob.digest === digest);
          if (layer === undefined) return;
          if (rest.includes('already exists')) there.add(layer.id);
          else report({ id: layer.id, status: 'Pushing', current: 0, total: layer.blob.size });
        },
      },
    );
    for (const { id } of layers) report({ id, status: there.has(id) ? 'Layer already exists' : 'Pushed' });
    const [digest, size] = [digestOf(manifest), Buffer.byteLength(manifest)];
    images.table.name(image.id, { digest: `${repository}@${digest}` });
    images.table.publish('push', image.id, `${repository}:${tag}`);
    report({ status: `${tag}: digest: ${digest} size: ${size}` });
    report({ aux: { Tag: tag, Digest: digest, Size: size } });
  });
}

function tagged(images: Images, repository: string, tag: string): Image {
  try {
    const image = images.get(`${repository}:${tag}`);
    if (image.repoTags.includes(`${repository}:${tag}`)) return image;
  } catch (error) {
    if (!isBerthError(error, 'not-found')) throw error;
  }
  throw new BerthError('not-found', `tag does not exist: ${repository}:${tag}`, { subject: repository });
}

/** The image as a folder that skopeo sends to the byte: the same image has the same digest wherever it goes. */
async function writeDirectory(
  images: Images,
  session: LayerSession,
  image: Image,
  folder: string,
): Promise<string> {
  await mkdir(folder, { mode: 0o700 });
  const config = images.table.config(image.id);
  const manifest = manifestOf(images, image, Buffer.byteLength(config));
  for (const diffId of new Set(image.diffIds)) {
    session.claim(diffId);
    const { digest } = images.layer(diffId).blob;
    await link(images.layers.blobPath(digest), join(folder, digest.replace('sha256:', '')));
  }
  await writeFile(join(folder, image.id.replace('sha256:', '')), config);
  await writeFile(join(folder, 'manifest.json'), manifest);
  await writeFile(join(folder, 'version'), DIRECTORY_VERSION);
  return manifest;
}

/** Docker's own kind of manifest, which every registry takes; zstd has a name in OCI's alone. */
function manifestOf(images: Images, image: Image, configSize: number): string {
  const blobs = image.diffIds.map((diffId) => images.layer(diffId).blob);
  const docker = blobs.every(({ compression }) => compression === 'gzip');
  const layerType = (compression: string) => (docker ? MEDIA.dockerLayer : `${MEDIA.ociTar}+${compression}`);
  return JSON.stringify({
    schemaVersion: 2,
    mediaType: docker ? MEDIA.dockerManifest : MEDIA.ociManifest,
    config: {
      mediaType: docker ? MEDIA.dockerConfig : MEDIA.ociConfig,
      size: configSize,
      digest: image.id,
    },
    layers: blobs.map(({ digest, size, compression }) => ({
      mediaType: layerType(compression),
      size,
      digest,
    })),
  });
}
