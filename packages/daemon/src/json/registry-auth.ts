import { BerthError } from '@berth/core';
import type { Credentials } from '@berth/engine';

/**
 * The header `X-Registry-Auth`: base64 (for URLs or not) of what a client knows of a login. Empty is none.
 *
 * @throws BerthError `invalid`
 */
export function registryAuth(header: string | string[] | undefined): Credentials | undefined {
  const text = Array.isArray(header) ? header.at(-1) : header;
  if (text === undefined || text === '') return undefined;
  let fields: unknown;
  try {
    fields = JSON.parse(Buffer.from(text, 'base64').toString('utf8'));
  } catch (cause) {
    throw new BerthError('invalid', 'invalid X-Registry-Auth header: it is not base64 of JSON', { cause });
  }
  if (typeof fields !== 'object' || fields === null)
    throw new BerthError('invalid', 'invalid X-Registry-Auth header: it must be an object');
  return credentials(fields as Readonly<Record<string, unknown>>);
}

/** Docker's `AuthConfig`: name and password, both in `auth`, or a token. @throws BerthError `invalid` */
export function credentials(fields: Readonly<Record<string, unknown>>): Credentials | undefined {
  const text = (name: string) => {
    const value = fields[name];
    if (value === undefined || value === null || value === '') return undefined;
    if (typeof value === 'string') return value;
    throw new BerthError('invalid', `invalid registry auth: ${name} must be a string`);
  };
  if (text('registrytoken') !== undefined)
    throw new BerthError(
      'unsupported',
      'registrytoken is not supported by Berth yet: log in with a password',
    );
  const [, user, secret] =
    /^([^:]+):(.*)$/s.exec(Buffer.from(text('auth') ?? '', 'base64').toString('utf8')) ?? [];
  const [username, password, identityToken] = [
    text('username') ?? user,
    text('password') ?? secret,
    text('identitytoken'),
  ];
  if (username === undefined && identityToken === undefined) return undefined;
  return { username, password, identityToken };
}
