import { BerthError } from '@berth/core';

export interface ImageReference {
  readonly repository: string;
  readonly tag: string;
}

// The grammar of the distribution project: path components, an optional host with a port, a tag of 128.
const COMPONENT = '[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*';
const HOST =
  '(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)(?:\\.[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)*(?::[0-9]+)?';
const HOST_V6 = '\\[[a-fA-F0-9:]+\\](?::[0-9]+)?';
const REPOSITORY = new RegExp(`^(?:(?:${HOST}|${HOST_V6})/)?${COMPONENT}(?:/${COMPONENT})*$`);
const TAG = /^\w[\w.-]{0,127}$/;

/** The forms under which Docker Hub's own images go: all mean `busybox`. */
const HUB_PREFIX = /^(?:docker\.io\/library\/|docker\.io\/|index\.docker\.io\/library\/|library\/)/;

/**
 * `name[:tag]` in its parts; the tag is `latest` unless told.
 *
 * @throws BerthError `invalid`
 */
export function parseReference(text: string): ImageReference {
  const colon = text.lastIndexOf(':');
  const hasTag = colon > text.lastIndexOf('/');
  return imageReference(hasTag ? text.slice(0, colon) : text, hasTag ? text.slice(colon + 1) : undefined);
}

/**
 * A reference from its parts, checked.
 *
 * @throws BerthError `invalid`
 */
export function imageReference(repositoryText: string, tag = 'latest'): ImageReference {
  const repository = repositoryText.replace(HUB_PREFIX, '');
  if (/[A-Z]/.test(repository.slice(repository.indexOf('/') + 1))) {
    throw new BerthError(
      'invalid',
      `invalid reference format: repository name (${repository}) must be lowercase`,
    );
  }
  if (!REPOSITORY.test(repository) || repository.length > 255) {
    throw new BerthError(
      'invalid',
      `invalid reference format: ${JSON.stringify(repositoryText)} is no image name; one looks like busybox or team/web`,
    );
  }
  if (!TAG.test(tag)) {
    throw new BerthError(
      'invalid',
      `invalid tag format: ${JSON.stringify(tag)} is no tag; one has letters, digits, '_', '.' and '-', at most 128`,
    );
  }
  return { repository, tag };
}

/** `name:tag`, with a missing tag filled in; text that is no reference stays as it is. */
export function familiarName(text: string): string {
  try {
    const { repository, tag } = parseReference(text);
    return `${repository}:${tag}`;
  } catch {
    return text;
  }
}
/** An image as a registry knows it. */
export interface RegistryReference {
  /** As people write it: `busybox`, `127.0.0.1:5000/team/web`. */
  readonly repository: string;
  /** Host and port: `docker.io`, `127.0.0.1:5000`. */
  readonly registry: string;
  /** The repository's path on the registry: `library/busybox`. */
  readonly path: string;
  readonly tag?: string;
  /** `sha256:…`; goes before the tag. */
  readonly digest?: string;
}

const DIGEST = /^sha256:[0-9a-f]{64}$/;

/**
 * `name`, `name:tag`, `name@sha256:…` or `name:tag@sha256:…`.
 *
 * @param tag a tag, or a digest, given apart from the name
 * @throws BerthError `invalid`
 */
export function registryReference(text: string, tag?: string): RegistryReference {
  const at = text.indexOf('@');
  const name = at < 0 ? text : text.slice(0, at);
  const apart = tag !== undefined && tag.includes(':') ? tag : undefined;
  const digest = apart ?? (at < 0 ? undefined : text.slice(at + 1));
  if (digest !== undefined && !DIGEST.test(digest)) {
    throw new BerthError(
      'invalid',
      `invalid reference format: ${JSON.stringify(digest)} is no digest; one is sha256: and 64 hex digits`,
    );
  }
  const own = parseReference(name);
  const hasTag = name.lastIndexOf(':') > name.lastIndexOf('/');
  const wanted = tag !== undefined && apart === undefined ? tag : hasTag ? own.tag : undefined;
  const { repository } = imageReference(own.repository, wanted);
  const slash = repository.indexOf('/');
  const first = repository.slice(0, Math.max(slash, 0));
  // The rule of Docker's references: a first part with a dot or a port is a host, and so is localhost.
  const named = first !== '' && (/[.:]/.test(first) || first === 'localhost');
  return {
    repository,
    registry: named ? first : 'docker.io',
    path: named ? repository.slice(slash + 1) : slash < 0 ? `library/${repository}` : repository,
    ...(wanted === undefined && digest === undefined ? { tag: 'latest' } : {}),
    ...(wanted !== undefined && { tag: wanted }),
    ...(digest !== undefined && { digest }),
  };
}
