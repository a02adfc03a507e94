import type { Header } from 'tar-stream';
import { posix } from 'node:path';
import { BerthError } from '@berth/core';

/** What tar-stream is told to read names as: every byte is one character, and none is lost. */
export const NAME_ENCODING = 'latin1';

/** The names of an entry, in bytes and checked. */
export interface EntryNames {
  /** Below the place of extraction, without `.` and `..`; empty for that place itself. */
  readonly path: Buffer;
  /** Of a symbolic link, as it is; of a hard link, like `path`. */
  readonly target: Buffer;
}

/**
 * Docker's rules for names in an upload: an absolute one begins at the place of extraction, and none may lead out of it.
 *
 * @param destination the place of extraction, absolute and without links
 * @throws BerthError `invalid`, in Docker's wording, naming the entry
 */
export function entryNames(header: Header, destination: string): EntryNames {
  const name = bytesOf(header.name, paxOf(header)['path']);
  const path = below(name);
  if (path === undefined) throw refused(`${quoted(name)} is outside of ${quoted(destination)}`, name);
  const link = bytesOf(header.linkname, paxOf(header)['linkpath']);
  if (header.type === 'link') {
    const target = below(link);
    if (target === undefined || target.length === 0)
      throw refused(`invalid hardlink ${quoted(name)} -> ${quoted(link)}`, name);
    return { path, target };
  }
  if (header.type === 'symlink' && !staysBelow(destination, path, link)) {
    throw refused(`invalid symlink ${quoted(name)} -> ${quoted(link)}`, name);
  }
  return { path, target: link };
}

/** What a pax header before the entry says. */
export function paxOf(header: Header): Readonly<Record<string, string>> {
  return (header.pax as Readonly<Record<string, string>> | null) ?? {};
}

/** Names from a pax header are text, those from elsewhere are bytes that tar-stream has made characters of. */
function bytesOf(name: string | null, fromPax: string | undefined): Buffer {
  return Buffer.from(name ?? '', name === fromPax ? 'utf8' : NAME_ENCODING);
}

/** `undefined` for a name that climbs out. An absolute one cannot: above `/` is `/`. */
function below(name: Buffer): Buffer | undefined {
  const text = name.toString(NAME_ENCODING);
  const clean = posix.normalize(text === '' ? '.' : text);
  if (clean === '..' || clean.startsWith('../')) return undefined;
  const inner = clean.split('/').filter((part) => part !== '' && part !== '.');
  return Buffer.from(inner.join('/'), NAME_ENCODING);
}

function staysBelow(destination: string, path: Buffer, link: Buffer): boolean {
  const text = link.toString(NAME_ENCODING);
  if (text.startsWith('/')) return true;
  const folder = posix.dirname(posix.join(destination, path.toString(NAME_ENCODING)));
  const leadsTo = posix.join(folder, text);
  return destination === '/' || leadsTo === destination || leadsTo.startsWith(`${destination}/`);
}

function quoted(bytes: Buffer | string): string {
  return JSON.stringify(bytes.toString());
}

function refused(what: string, name: Buffer): BerthError {
  return new BerthError('invalid', what, { subject: name.toString() });
}
