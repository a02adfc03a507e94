import { BerthError } from '@berth/core';

/** The newest and the oldest version of the Engine API that is spoken. */
export const API_VERSION = '1.51';
export const MIN_API_VERSION = '1.24';

export interface VersionedPath {
  /** As the client wrote it; the newest when the path has no prefix. */
  readonly version: string;
  readonly path: string;
}

/** Image names contain slashes; as one path segment they are encoded, so that ordinary routes can match them. */
const IMAGE_PATH = /^\/(images|distribution)\/([^?]+)\/(json|history|push|tag|get)(?=\?|$)/;
const IMAGE_ONLY = /^\/images\/([^?]+)(?=\?|$)/;

/** Takes `/v1.43` off a path and makes names within it one segment. */
export function splitPath(method: string, url: string): VersionedPath {
  const match = /^\/v([0-9.]+)(?=\/)/.exec(url);
  const path = match === null ? url : url.slice(match[0].length);
  return { version: match?.[1] ?? API_VERSION, path: oneSegment(method, path) };
}

function oneSegment(method: string, path: string): string {
  const encode = (name: string) => name.replaceAll('/', '%2F');
  if (IMAGE_PATH.test(path)) {
    return path.replace(
      IMAGE_PATH,
      (_all, noun: string, name: string, verb: string) => `/${noun}/${encode(name)}/${verb}`,
    );
  }
  if (method !== 'DELETE') return path;
  return path.replace(IMAGE_ONLY, (_all, name: string) => `/images/${encode(name)}`);
}

/** Negative when `a` is older than `b`. */
export function compareVersions(a: string, b: string): number {
  const [majorA = 0, minorA = 0] = a.split('.').map(Number);
  const [majorB = 0, minorB = 0] = b.split('.').map(Number);
  return majorA - majorB || minorA - minorB;
}

/** Docker's refusal of a version that is not spoken. */
export function versionRefusal(version: string): BerthError | undefined {
  if (compareVersions(version, API_VERSION) > 0) {
    return new BerthError(
      'invalid',
      `client version ${version} is too new. Maximum supported API version is ${API_VERSION}`,
    );
  }
  if (compareVersions(version, MIN_API_VERSION) < 0) {
    return new BerthError(
      'invalid',
      `client version ${version} is too old. Minimum supported API version is ${MIN_API_VERSION}, ` +
        'please upgrade your client to a newer version',
    );
  }
  return undefined;
}
