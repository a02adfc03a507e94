import { BerthError } from '@berth/core';

export interface ImageReference {
  readonly repository: string;
  readonly tag: string;
}

// The grammar of the distribution project: path components, an optional host with a port, a tag of 128.
const COMPONENT = '[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*';
const HOST =
  '(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)(?:\\.[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)*(?::[0-9]+)?';
const REPOSITORY = new RegExp(`^(?:${HOST}/)?${COMPONENT}(?:/${COMPONENT})*$`);
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
