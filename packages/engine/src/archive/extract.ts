import { constants } from 'node:fs';
import { link, mkdir, open, symlink, unlink } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { BerthError, isBerthError, toError } from '@berth/core';
import { isErrno, makeNode, type HeldPath, type RootDirectory } from '@berth/kernel';
import { extract, type Extract, type Header } from 'tar-stream';
import { decompressed } from '../images/decompress.js';
import { entryNames, NAME_ENCODING, paxOf } from './names.js';
import {
  folderAt,
  present,
  removeTree,
  settle,
  settleTime,
  split,
  type Metadata,
  type Ownership,
} from './place.js';

export interface ExtractOptions {
  /** The owner of everything; else whom the archive names. */
  readonly owner?: Ownership;
  /** Refuse to put a file in the place of a folder, and the other way round. */
  readonly noOverwriteDirNonDir: boolean;
}

interface Entry extends AsyncIterable<Buffer> {
  readonly header: Header;
  resume(): void;
}

/**
 * Unpacks a tar, compressed or not, into a folder below `root`. No entry leads out of the root, whatever links the
 * archive brings or the container makes meanwhile: each folder is found anew from the root, and held while it is used.
 *
 * @param destination absolute, without symbolic links
 * @throws BerthError `invalid`, naming the entry; what came before it is there
 */
export async function extractInto(
  root: RootDirectory,
  destination: string,
  source: Readable,
  options: ExtractOptions,
): Promise<void> {
  const archive = await decompressed(source);
  // An option that its types do not know.
  const parser = extract({ filenameEncoding: NAME_ENCODING } as object);
  // Ends when the parser does: a failure on either side is the parser's.
  void feed(archive, parser);
  const folders: { path: Buffer; modified: Date }[] = [];
  try {
    for await (const entry of parser as AsyncIterable<Entry>) {
      const { path, modified, folder } = await unpackEntry(root, destination, entry, options);
      if (folder) folders.push({ path, modified });
      entry.resume();
    }
  } catch (error) {
    throw asUploadError(toError(error));
  } finally {
    archive.destroy();
  }
  for (const { path, modified } of folders.reverse()) {
    const { folder, name } = split(path);
    try {
      using parent = root.find(folder, { directory: true });
      await settleTime(parent, name, modified);
    } catch {
      // The container has moved it meanwhile; its time is no longer ours to set.
    }
  }
}

async function feed(archive: Readable, parser: Extract): Promise<void> {
  try {
    for await (const chunk of archive as AsyncIterable<Buffer>) {
      if (parser.destroyed) return;
      if (!parser.write(chunk)) await taken(parser);
    }
    parser.end(null);
  } catch (error) {
    parser.destroy(toError(error));
  }
}

/** Resolves when the parser wants more, or has ended. */
async function taken(parser: Extract): Promise<void> {
  await new Promise<void>((resolve) => {
    const goOn = () => {
      parser.off('drain', goOn).off('close', goOn);
      resolve();
    };
    parser.on('drain', goOn).on('close', goOn);
  });
}

async function unpackEntry(
  root: RootDirectory,
  destination: string,
  entry: Entry,
  options: ExtractOptions,
): Promise<{ path: Buffer; modified: Date; folder: boolean }> {
  const { header } = entry;
  const names = entryNames(header, destination);
  const path = Buffer.concat([Buffer.from(`${destination}/`), names.path]);
  const data = metadata(header, options);
  const folder = header.type === 'directory';
  if (names.path.length === 0) {
    // The place of extraction itself, which stays as it is.
    if (folder) return { path, modified: data.modified, folder: false };
    throw new BerthError('invalid', `${JSON.stringify(header.name)} would replace ${destination} itself`);
  }
  const { folder: parentPath, name } = split(path);
  using parent = await folderAt(root, parentPath, { uid: 0, gid: 0, ...options.owner });
  if (await makeRoom(parent, name, folder, destination, options)) {
    await settle(parent, name, data, false);
    return { path, modified: data.modified, folder };
  }
  await make(root, destination, parent, name, entry, names.target);
  // A hard link is the same file as one that has everything already.
  if (header.type !== 'link') await settle(parent, name, data, !folder);
  return { path, modified: data.modified, folder };
}

/** Whether a folder is there that the entry only changes; whatever else is there goes. */
async function makeRoom(
  parent: HeldPath,
  name: Buffer,
  folder: boolean,
  destination: string,
  { noOverwriteDirNonDir }: ExtractOptions,
): Promise<boolean> {
  const there = await present(parent, name);
  if (there === undefined) return false;
  if (there === 'folder' && folder) return true;
  if (noOverwriteDirNonDir && (there === 'folder' || folder)) {
    const [old, wanted] =
      there === 'folder' ? ['directory', 'non-directory'] : ['non-directory', 'directory'];
    throw new BerthError(
      'invalid',
      `cannot overwrite ${old} ${JSON.stringify(name.toString())} with ${wanted} ${JSON.stringify(destination)}`,
      { subject: name.toString() },
    );
  }
  await removeTree(parent, name);
  return false;
}

async function make(
  root: RootDirectory,
  destination: string,
  parent: HeldPath,
  name: Buffer,
  entry: Entry,
  target: Buffer,
): Promise<void> {
  const { header } = entry;
  const path = parent.child(name);
  switch (header.type) {
    case 'directory':
      await mkdir(path, { mode: 0o700 });
      return;
    case 'file':
    case 'contiguous-file':
      await writeFile(path, entry);
      return;
    case 'symlink':
      await symlink(target, path);
      return;
    case 'link': {
      const { folder, name: linked } = split(Buffer.concat([Buffer.from(`${destination}/`), target]));
      using linkedParent = root.find(folder, { directory: true });
      await link(linkedParent.child(linked), path);
      return;
    }
    case 'fifo':
    case 'character-device':
    case 'block-device':
      makeNode(path, header.type, 0o600, { major: header.devmajor, minor: header.devminor });
      return;
    default:
      throw new BerthError(
        'invalid',
        `unhandled tar header type ${String(header.type)} of ${JSON.stringify(header.name)}`,
      );
  }
}

/** Half a file is no file: it goes when its end does not come. */
async function writeFile(path: Buffer, entry: Entry): Promise<void> {
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
  const handle = await open(path, flags, 0o600);
  try {
    for await (const chunk of entry) await handle.writeFile(chunk);
  } catch (error) {
    await unlink(path).catch(() => undefined);
    throw error;
  } finally {
    await handle.close();
  }
}

const ATTRIBUTE = 'SCHILY.xattr.';

function metadata(header: Header, { owner }: ExtractOptions): Metadata {
  const attributes = new Map<string, Buffer>();
  for (const [key, value] of Object.entries(paxOf(header))) {
    if (!key.startsWith(ATTRIBUTE)) continue;
    // tar-stream reads pax headers as text; a value that is none has lost bytes by then.
    if (value.includes('\ufffd')) {
      throw new BerthError(
        'unsupported',
        `${JSON.stringify(header.name)}: attribute ${key.slice(ATTRIBUTE.length)} is not text, and Berth sets only such`,
      );
    }
    attributes.set(key.slice(ATTRIBUTE.length), Buffer.from(value));
  }
  return {
    uid: owner?.uid ?? header.uid,
    gid: owner?.gid ?? header.gid,
    mode: header.mode & 0o7777,
    modified: header.mtime,
    attributes,
  };
}

function asUploadError(error: Error): Error {
  if (isErrno(error, 'ENOTDIR', 'ENOENT', 'ELOOP', 'ENAMETOOLONG'))
    return new BerthError('invalid', `the archive cannot be unpacked: ${error.message}`, { cause: error });
  if (isBerthError(error)) return error;
  const { code } = error as NodeJS.ErrnoException;
  if (/^E[A-Z0-9]+$/.test(code ?? '')) {
    const kind = code === 'ENOSPC' || code === 'EDQUOT' || code === 'EIO' ? 'internal' : 'invalid';
    return new BerthError(kind, `the archive cannot be unpacked: ${error.message}`, { cause: error });
  }
  const cut = /unexpected end|premature/i.test(error.message);
  const what = cut ? 'is cut short' : 'is no tar, or is damaged';
  return new BerthError('invalid', `the archive ${what}: ${error.message}`, { cause: error });
}
