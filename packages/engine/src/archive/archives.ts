import { fstatSync, type Stats } from 'node:fs';
import { posix } from 'node:path';
import type { Readable } from 'node:stream';
import { BerthError, isBerthError } from '@berth/core';
import { isErrno, type RootDirectory } from '@berth/kernel';
import { pathsOf, publish, type ContainerContext } from '../containers/context.js';
import type { ContainerRecord } from '../containers/table.js';
import { resolveUser } from '../oci/user.js';
import { fileChanges, type FileChange } from './changes.js';
import { extractInto } from './extract.js';
import { baseName, cleanPath, resolveInRoot } from './resolve.js';
import { Roots, type OpenRoot } from './roots.js';
import { isPseudo, tarOfFile, tarOfFolder } from './tree.js';

/** What is at a path of a container. */
export interface PathStat {
  readonly name: string;
  readonly stats: Stats;
  /** Where a symbolic link leads to in the end, as the container sees it; empty for anything else. */
  readonly linkTarget: string;
}

/** A tar of something in a container. Whoever asks for it must close it. */
export interface FileArchive {
  readonly content: AsyncIterable<Buffer>;
  /** Whether the container is at rest: nobody can start it before this is closed. */
  readonly resting: boolean;
  /** Lets go of everything, read to the end or not. */
  close(): Promise<void>;
}

export interface UploadOptions {
  /** Give everything to the container's user. */
  readonly copyUidGid: boolean;
  readonly noOverwriteDirNonDir: boolean;
}

/** Files of containers, running or at rest. */
export class Archives {
  readonly #context: ContainerContext;
  readonly #roots: Roots;

  constructor(context: ContainerContext) {
    this.#context = context;
    this.#roots = new Roots(context);
  }

  /** @throws BerthError `not-found`: the container, or the path in it */
  async stat(reference: string, path: string): Promise<PathStat> {
    const record = this.#find(reference);
    return this.#inRoot(record, path, reference, ({ root }) => statOf(root, cleanPath(path)));
  }

  /** @throws BerthError `not-found`: the container, or the path in it */
  async get(reference: string, path: string): Promise<FileArchive & { readonly stat: PathStat }> {
    const record = this.#find(reference);
    const open = await this.#roots.open(record.id, 'everything');
    try {
      const wanted = cleanPath(path);
      const stat = await statOf(open.root, wanted);
      publish(this.#context, record, 'archive-path');
      return { stat, ...archiveOf(open, contentOf(open.root, wanted, stat)) };
    } catch (error) {
      open.close();
      throw asMissing(error, path, reference);
    }
  }

  /**
   * Unpacks a tar, plain or compressed, into a folder of the container.
   *
   * @throws BerthError `not-found`; `invalid` for what is no folder and for what is no good archive; `forbidden` where
   *   the container may not write
   */
  async put(reference: string, path: string, source: Readable, options: UploadOptions): Promise<void> {
    const record = this.#find(reference);
    await this.#inRoot(record, path, reference, async ({ root }) => {
      const destination = resolveInRoot(root, posix.join('/', path));
      using folder = root.find(Buffer.from(destination));
      if (!fstatSync(folder.fd).isDirectory())
        throw new BerthError('invalid', 'extraction point is not a directory', { subject: path });
      if (await isPseudo(folder)) throw missing();
      requireWritable(record, destination);
      const owner = options.copyUidGid ? this.#ownerOf(record) : undefined;
      const { noOverwriteDirNonDir } = options;
      await extractInto(root, destination, source, { noOverwriteDirNonDir, ...(owner && { owner }) });
    });
    publish(this.#context, record, 'extract-to-dir');
  }

  /** The whole root file system as a tar, without what is mounted in it. */
  async export(reference: string): Promise<FileArchive> {
    const record = this.#find(reference);
    const open = await this.#roots.open(record.id, 'own files');
    publish(this.#context, record, 'export');
    return archiveOf(open, tarOfFolder(open.root, undefined));
  }

  /** What differs from the image. */
  async changes(reference: string): Promise<FileChange[]> {
    const { id, diffIds } = this.#find(reference);
    const lower = diffIds.map((diffId) => this.#context.images.layerPath(diffId)).reverse();
    return fileChanges(pathsOf(this.#context, id).upper, lower);
  }

  async #inRoot<T>(
    record: ContainerRecord,
    path: string,
    reference: string,
    work: (open: OpenRoot) => Promise<T>,
  ): Promise<T> {
    const open = await this.#roots.open(record.id, 'everything');
    try {
      return await work(open);
    } catch (error) {
      throw asMissing(error, path, reference);
    } finally {
      open.close();
    }
  }

  #ownerOf({ id, spec }: ContainerRecord): { uid: number; gid: number } | undefined {
    if (spec.user === undefined || spec.user === '') return undefined;
    const { uid, gid } = resolveUser(pathsOf(this.#context, id).rootfs, spec.user);
    return { uid, gid };
  }

  #find(reference: string): ContainerRecord {
    return this.#context.table.find(reference);
  }
}

function archiveOf(open: OpenRoot, content: AsyncGenerator<Buffer>): FileArchive {
  const close = async () => {
    try {
      await content.return(undefined);
    } finally {
      open.close();
    }
  };
  return { content, resting: open.resting, close };
}

async function statOf(root: RootDirectory, path: string): Promise<PathStat> {
  using found = root.find(Buffer.from(path), { follow: false });
  const stats = fstatSync(found.fd);
  // What the kernel makes up is no content: its folders look empty, as they do to Docker.
  if (!stats.isDirectory() && (await isPseudo(found))) throw missing();
  return { name: baseName(path), stats, linkTarget: stats.isSymbolicLink() ? resolveInRoot(root, path) : '' };
}

async function* contentOf(
  root: RootDirectory,
  path: string,
  { name, stats }: PathStat,
): AsyncGenerator<Buffer> {
  if (stats.isDirectory()) {
    using folder = root.find(Buffer.from(path), { directory: true });
    yield* tarOfFolder(folder, Buffer.from(name));
    return;
  }
  using folder = root.find(Buffer.from(posix.dirname(path)), { directory: true });
  yield* tarOfFile(folder, Buffer.from(name), Buffer.from(name));
}

/** A container that is read-only may still have volumes that can be written to. */
function requireWritable({ spec, mounts }: ContainerRecord, path: string): void {
  const around = mounts
    .filter(({ destination }) => path === destination || path.startsWith(`${destination}/`))
    .sort((a, b) => b.destination.length - a.destination.length)[0];
  if (around?.readWrite === false)
    throw new BerthError('forbidden', 'mounted volume is marked read-only', { subject: path });
  if (around === undefined && spec.host.readonlyRootfs === true)
    throw new BerthError('forbidden', 'container rootfs is marked read-only', { subject: path });
}

function missing(): BerthError {
  return new BerthError('not-found', 'there is no such file');
}

/** dockerd's containerFileNotFound. */
function asMissing(error: unknown, path: string, reference: string): unknown {
  const gone = isErrno(error)
    ? isErrno(error, 'ENOENT', 'ENOTDIR', 'ELOOP')
    : isBerthError(error, 'not-found');
  if (!gone) return error;
  const message = `Could not find the file ${path} in container ${reference}`;
  return new BerthError('not-found', message, { subject: path, cause: error });
}
