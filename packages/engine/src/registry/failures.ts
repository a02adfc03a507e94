import { BerthError, isBerthError, toError } from '@berth/core';
import type { RegistryReference } from '../images/reference.js';

/**
 * What a registry's refusal means, in Docker's words.
 *
 * @param name as the user wrote it
 */
export function registryFailure(
  thrown: unknown,
  verb: 'pull' | 'push',
  { repository }: RegistryReference,
  name: string,
): Error {
  if (!isBerthError(thrown, 'internal')) return toError(thrown);
  const { message } = thrown;
  const details = { subject: name, cause: thrown };
  if (/manifest unknown|manifest.*not found|no such manifest/i.test(message)) {
    return new BerthError(
      'not-found',
      `manifest for ${name} not found: manifest unknown: manifest unknown`,
      details,
    );
  }
  if (
    /unauthorized|authentication required|denied|name unknown|repository name not known|invalid username/i.test(
      message,
    )
  ) {
    return verb === 'pull'
      ? new BerthError(
          'not-found',
          `pull access denied for ${repository}, repository does not exist or may require 'docker login': ${reason(message)}`,
          details,
        )
      : new BerthError('forbidden', reason(message), details);
  }
  return new BerthError(
    'unavailable',
    `cannot ${verb} ${name}: ${message.replace(/^.*?"docker:\/\/[^"]*": /, '')}`,
    details,
  );
}

/** The registry's own last words on it: `denied: requested access to the resource is denied`. */
function reason(message: string): string {
  return (
    /(?:unauthorized|denied|name unknown|errors:)[^"]*$/i.exec(message)?.[0] ??
    message.split(': ').at(-1) ??
    message
  );
}
