import { BerthError } from '@berth/core';

/** What one image is made of, as registries and layouts say it. */
export interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  /** Bytes. */
  readonly size: number;
  readonly platform?: { readonly os?: string; readonly architecture?: string; readonly variant?: string };
  readonly annotations?: Readonly<Record<string, string>>;
}

export interface Manifest {
  readonly mediaType: string;
  readonly config: Descriptor;
  readonly layers: readonly Descriptor[];
}

export interface Index {
  readonly manifests: readonly Descriptor[];
}

/** The OCI image specification, media-types.md, and Docker's image manifest v2, schema 2. */
export const MEDIA = {
  ociIndex: 'application/vnd.oci.image.index.v1+json',
  ociManifest: 'application/vnd.oci.image.manifest.v1+json',
  ociConfig: 'application/vnd.oci.image.config.v1+json',
  ociTar: 'application/vnd.oci.image.layer.v1.tar',
  dockerManifest: 'application/vnd.docker.distribution.manifest.v2+json',
  dockerConfig: 'application/vnd.docker.container.image.v1+json',
  dockerLayer: 'application/vnd.docker.image.rootfs.diff.tar.gzip',
} as const;

const DIGEST = /^sha256:[0-9a-f]{64}$/;

/**
 * Reads a manifest, or an index of several.
 *
 * @param what its name in messages
 * @throws BerthError `invalid`, or `unsupported` for the manifests of before 2016
 */
export function readManifest(text: string, what: string): Manifest | Index {
  const fields = objectOf(text, what);
  const { manifests, config, layers, mediaType } = fields;
  if (Array.isArray(manifests)) return { manifests: manifests.map((item) => descriptor(item, what)) };
  if (fields['schemaVersion'] === 1) {
    throw new BerthError(
      'unsupported',
      `${what} has a manifest of Docker's schema 1, which is not supported any more: push it again with a Docker of 1.10 or newer`,
    );
  }
  if (config === undefined || !Array.isArray(layers))
    throw damaged(what, 'it has neither layers nor manifests');
  return {
    mediaType: typeof mediaType === 'string' ? mediaType : MEDIA.ociManifest,
    config: descriptor(config, what),
    layers: layers.map((item) => descriptor(item, what)),
  };
}

/** @throws BerthError `invalid` unless the text is a JSON object */
export function objectOf(text: string, what: string): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new BerthError('invalid', `the manifest of ${what} is damaged: it is not JSON`, { cause });
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value))
    return value as Readonly<Record<string, unknown>>;
  throw damaged(what, 'it is no object');
}

export interface Platform {
  readonly os: string;
  readonly architecture: string;
  readonly variant?: string;
}

/** This host's platform, in Go's words. */
export function hostPlatform(): Platform {
  return { os: 'linux', architecture: process.arch === 'x64' ? 'amd64' : process.arch };
}

/**
 * `linux/arm64/v8`, `linux`, `arm64`.
 *
 * @throws BerthError `invalid`
 */
export function parsePlatform(text: string): Platform {
  const match = /^([a-z0-9]+)(?:\/([a-z0-9_]+))?(?:\/([a-z0-9]+))?$/.exec(text);
  if (match === null) {
    throw new BerthError('invalid', `${JSON.stringify(text)} is no platform; one looks like linux/amd64`);
  }
  const [, first = '', second, variant] = match;
  if (second === undefined)
    return first === 'linux' ? hostPlatform() : { os: 'linux', architecture: normal(first) };
  return { os: first, architecture: normal(second), ...(variant !== undefined && { variant }) };
}

/**
 * The manifest for a platform.
 *
 * @throws BerthError `not-found` if the index has none
 */
export function choose({ manifests }: Index, platform: Platform, what: string): Descriptor {
  const fits = manifests.filter(
    ({ platform: offered }) =>
      (offered?.os ?? platform.os) === platform.os &&
      normal(offered?.architecture ?? platform.architecture) === platform.architecture,
  );
  const found =
    platform.variant === undefined
      ? fits[0]
      : fits.find(({ platform: offered }) => (offered?.variant ?? platform.variant) === platform.variant);
  if (found !== undefined) return found;
  const wanted = [platform.os, platform.architecture, platform.variant].filter((part) => part !== undefined);
  throw new BerthError(
    'not-found',
    `no matching manifest for ${wanted.join('/')} in the manifest list entries: ${what}`,
    {
      subject: what,
    },
  );
}

function normal(architecture: string): string {
  const names: Readonly<Record<string, string>> = { x86_64: 'amd64', aarch64: 'arm64' };
  return names[architecture] ?? architecture;
}

function descriptor(value: unknown, what: string): Descriptor {
  const { mediaType, digest, size } = value as Partial<Descriptor> & { readonly digest: string };
  if (!DIGEST.test(digest)) throw damaged(what, `${JSON.stringify(digest)} is no digest`);
  if (typeof size !== 'number' || size < 0) throw damaged(what, `${digest} has no size`);
  return { ...(value as Descriptor), mediaType: mediaType ?? '' };
}

function damaged(what: string, why: string): BerthError {
  return new BerthError('invalid', `the manifest of ${what} is damaged: ${why}`, { subject: what });
}
