import { createReadStream, existsSync } from 'node:fs';
import { link, mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { BerthError } from '@berth/core';
import { digestOf } from '../images/digest.js';
import type { Images } from '../images/images.js';
import type { LayerSession } from '../images/layer-session.js';
import {
  choose,
  hostPlatform,
  readManifest,
  type Descriptor,
  type Manifest,
  type Platform,
} from '../images/manifest.js';
import type { Report } from '../model.js';
import { readImageConfig, type ImageDescription } from '../images/oci-image.js';
import type { RegistryReference } from '../images/reference.js';
import { dockerUrl, isLoopback, type Credentials, type Skopeo } from './skopeo.js';

export interface RegistryOptions {
  readonly credentials?: Credentials | undefined;
  /** Ends the work; nothing of it is left then. */
  readonly signal?: AbortSignal | undefined;
}

export interface PullOptions extends RegistryOptions {
  readonly platform?: Platform | undefined;
}

/** Milliseconds between looks for blobs that have come. */
const LOOK_EVERY = 50;

/**
 * Fetches an image. Manifest and configuration are read first and checked against their digests; then the missing
 * layers come, and each is unpacked as soon as it is whole, checked against the digest in the configuration.
 *
 * @throws BerthError; nothing is left then, but layers that other images need too
 */
export async function pullImage(
  images: Images,
  skopeo: Skopeo,
  reference: RegistryReference,
  options: PullOptions,
  report: Report,
): Promise<void> {
  await images.layers.session((session) =>
    new Pull(images, skopeo, reference, options, report, session).run(),
  );
}

class Pull {
  readonly #images: Images;
  readonly #skopeo: Skopeo;
  readonly #reference: RegistryReference;
  readonly #options: PullOptions;
  readonly #report: Report;
  readonly #session: LayerSession;

  constructor(
    images: Images,
    skopeo: Skopeo,
    reference: RegistryReference,
    options: PullOptions,
    report: Report,
    session: LayerSession,
  ) {
    this.#images = images;
    this.#skopeo = skopeo;
    this.#reference = reference;
    this.#options = options;
    this.#report = report;
    this.#session = session;
  }

  async run(): Promise<void> {
    const { repository, path, tag, digest: asked } = this.#reference;
    const which = asked ?? tag ?? 'latest';
    const top = await this.#inspect(which);
    const digest = digestOf(top);
    if (asked !== undefined && asked !== digest) throw this.#mismatch(asked, digest);
    const { manifest, manifestDigest } = await this.#manifestOf(top, digest);
    this.#report({ id: which, status: `Pulling from ${path}` });
    const name = asked === undefined ? `${repository}:${which}` : undefined;
    const known = this.#images.table.has(manifest.config.digest)
      ? this.#images.get(manifest.config.digest)
      : undefined;
    const upToDate = known !== undefined && (name === undefined || known.repoTags.includes(name));
    const names = { tag: name, digest: `${repository}@${digest}` };
    if (known === undefined) await this.#fetch(manifest, manifestDigest, names);
    else this.#images.table.name(known.id, names);
    const familiar = name ?? `${repository}@${which}`;
    this.#images.table.publish('pull', familiar, repository);
    this.#report({ status: `Digest: ${digest}` });
    const status = upToDate ? 'Image is up to date for' : 'Downloaded newer image for';
    this.#report({ status: `Status: ${status} ${familiar}` });
  }

  async #manifestOf(top: string, digest: string): Promise<{ manifest: Manifest; manifestDigest: string }> {
    const what = this.#reference.repository;
    const read = readManifest(top, what);
    if (!('manifests' in read)) return { manifest: read, manifestDigest: digest };
    const { digest: chosen } = choose(read, this.#options.platform ?? hostPlatform(), what);
    const text = await this.#inspect(chosen);
    if (digestOf(text) !== chosen) throw this.#mismatch(chosen, digestOf(text));
    const manifest = readManifest(text, what);
    if ('manifests' in manifest)
      throw new BerthError('unsupported', `${what} has an index within its index, which is not supported`);
    return { manifest, manifestDigest: chosen };
  }

  async #fetch(
    manifest: Manifest,
    manifestDigest: string,
    names: { readonly tag: string | undefined; readonly digest: string },
  ): Promise<void> {
    const text = await this.#inspect(manifestDigest, '--config');
    if (digestOf(text) !== manifest.config.digest)
      throw this.#mismatch(manifest.config.digest, digestOf(text));
    const image = readImageConfig(text);
    this.#refusePlatform(image);
    if (image.diffIds.length !== manifest.layers.length)
      throw new BerthError(
        'invalid',
        `${this.#reference.repository} is damaged: ${manifest.layers.length} layers, but ${image.diffIds.length} digests of layers`,
      );
    const missing = image.diffIds.map((diffId) => !this.#session.claim(diffId));
    for (const [index, { digest }] of manifest.layers.entries())
      this.#report({
        id: shortDigest(digest),
        status: missing[index] === true ? 'Pulling fs layer' : 'Already exists',
      });
    if (missing.includes(true)) await this.#fetchLayers(manifest, manifestDigest, image, missing);
    this.#images.record(image, names, text);
  }

  /** Has skopeo fill an OCI layout, and unpacks each layer as soon as its blob is there. */
  async #fetchLayers(
    { layers }: Manifest,
    manifestDigest: string,
    image: ImageDescription,
    missing: readonly boolean[],
  ): Promise<void> {
    const layout = this.#session.fresh('layout');
    await this.#prepareLayout(layout, layers);
    const stop = new AbortController();
    const signals = [stop.signal, ...(this.#options.signal === undefined ? [] : [this.#options.signal])];
    const state = { copied: false };
    const copy = this.#call(
      [
        'copy',
        ...this.#tls('--src-tls-verify=false'),
        dockerUrl(this.#reference, manifestDigest),
        `oci:${layout}:image`,
      ],
      AbortSignal.any(signals),
    ).finally(() => (state.copied = true));
    // It is waited for below, in whatever way this ends.
    copy.catch(() => undefined);
    try {
      for (const [index, descriptor] of layers.entries()) {
        const diffId = image.diffIds[index] ?? '';
        if (missing[index] !== true) continue;
        const id = shortDigest(descriptor.digest);
        let blob = blobIn(layout, descriptor.digest);
        while (!existsSync(blob.path) && !state.copied)
          await new Promise((look) => setTimeout(look, LOOK_EVERY));
        // A layer that came plain has been compressed on the way, and is found by its place.
        if (!existsSync(blob.path)) {
          await copy;
          blob = await blobAt(layout, index);
        }
        this.#report({ id, status: 'Download complete' });
        if (!this.#session.claim(diffId)) {
          this.#report({ id, status: 'Extracting', current: descriptor.size, total: descriptor.size });
          await this.#session.add(createReadStream(blob.path), { expected: diffId, blob });
        }
        this.#report({ id, status: 'Pull complete' });
      }
      await copy;
    } finally {
      stop.abort();
      await copy.catch(() => undefined);
    }
  }

  /** What is here already need not come again: skopeo finds it in the layout. */
  async #prepareLayout(layout: string, layers: readonly Descriptor[]): Promise<void> {
    await mkdir(join(layout, 'blobs/sha256'), { recursive: true });
    for (const { digest } of layers) {
      const here = this.#images.layers.withBlob(digest);
      const { path } = blobIn(layout, digest);
      if (here !== undefined && !existsSync(path)) await link(this.#images.layers.blobPath(digest), path);
    }
  }

  #refusePlatform({ os, architecture }: ImageDescription): void {
    const { platform } = this.#options;
    if (platform === undefined || architecture === '' || architecture === platform.architecture) return;
    throw new BerthError(
      'not-found',
      `image with reference ${this.#reference.repository} was found but its platform (${os}/${architecture}) ` +
        `does not match the specified platform (${platform.os}/${platform.architecture})`,
    );
  }

  async #inspect(which: string, ...flags: string[]): Promise<string> {
    const tls = this.#tls('--tls-verify=false');
    const output = await this.#call([
      ...['inspect', '--raw', ...flags, ...tls],
      dockerUrl(this.#reference, which),
    ]);
    return output.toString('utf8');
  }

  async #call(args: readonly string[], signal = this.#options.signal): Promise<Buffer> {
    const { credentials } = this.#options;
    return this.#skopeo.run(args, {
      folder: this.#session.folder,
      registry: this.#reference.registry,
      credentials,
      signal,
    });
  }

  #tls(flag: string): string[] {
    return isLoopback(this.#reference.registry) ? [flag] : [];
  }

  #mismatch(wanted: string, got: string): BerthError {
    return new BerthError(
      'invalid',
      `${this.#reference.repository} is damaged: what the registry sent for ${wanted} has the digest ${got}; nothing of it is used`,
    );
  }
}

/** As Docker shows layers: the first twelve digits. */
export function shortDigest(digest: string): string {
  return digest.replace('sha256:', '').slice(0, 12);
}

function blobIn(layout: string, digest: string): { path: string; digest: string } {
  return { path: join(layout, 'blobs', digest.replace(':', '/')), digest };
}

/** The blob of a finished layout's image at that place among its layers. */
async function blobAt(layout: string, index: number): Promise<{ path: string; digest: string }> {
  const text = await readFile(join(layout, 'index.json'), 'utf8');
  const read = readManifest(text, 'the layout');
  const [first] = 'manifests' in read ? read.manifests : [];
  const manifest = readManifest(
    await readFile(blobIn(layout, first?.digest ?? '').path, 'utf8'),
    'the layout',
  );
  const layer = 'layers' in manifest ? manifest.layers[index] : undefined;
  if (layer === undefined) throw new BerthError('internal', `layer ${index} of the image has not come`);
  return blobIn(layout, layer.digest);
}
