import { BerthError } from '@berth/core';
import type { Header } from 'tar-stream';

/** `layer`: of an image; its absolute names are meant from its root, as every other engine takes them. */
export type ArchiveKind = 'root' | 'layer';

/** Follows an archive's entries and refuses the first that would touch anything outside its root. */
export class ArchivePaths {
  readonly #kind: ArchiveKind;
  readonly #symlinks = new Set<string>();
  readonly #files = new Set<string>();

  constructor(kind: ArchiveKind = 'root') {
    this.#kind = kind;
  }

  /**
   * @returns the entry's path below the root
   * @throws BerthError `invalid`, naming the entry
   */
  check(header: Header): string {
    const name = entryName(header);
    const path = this.#inside(name, name, 'its name');
    this.#refuseThroughSymlink(path, name);
    this.#follow(path, name, header);
    return path;
  }

  #inside(path: string, entry: string, what: string): string {
    return inside(this.#kind === 'layer' ? path.replace(/^\/+/, '') : path, entry, what);
  }

  #follow(path: string, name: string, { type, linkname }: Header): void {
    if (path === '') {
      if (type === 'directory') return;
      throw refused(name, 'it would replace the root itself');
    }
    if (type === 'link') {
      const target = this.#inside(linkname, name, `its hard link target ${JSON.stringify(linkname)}`);
      this.#refuseThroughSymlink(target, name);
      if (!this.#files.has(target) && !this.#symlinks.has(target)) {
        throw refused(name, `its hard link target ${JSON.stringify(linkname)} does not come before it`);
      }
      if (this.#symlinks.has(target)) this.#symlinks.add(path);
      else this.#files.add(path);
      return;
    }
    if (type === 'symlink') {
      this.#files.delete(path);
      this.#symlinks.add(path);
      return;
    }
    // A directory does not replace a symbolic link in GNU tar's eyes, so its children would go through it.
    if (type !== 'directory') {
      this.#symlinks.delete(path);
      this.#files.add(path);
    } else if (this.#symlinks.has(path)) {
      throw refused(name, 'it is a directory where an earlier entry is a symbolic link');
    }
  }

  #refuseThroughSymlink(path: string, name: string): void {
    for (let slash = path.indexOf('/'); slash >= 0; slash = path.indexOf('/', slash + 1)) {
      const parent = path.slice(0, slash);
      if (this.#symlinks.has(parent)) {
        throw refused(name, `it goes through the symbolic link ${JSON.stringify(parent)}`);
      }
    }
  }
}

/** The name that GNU tar gives an entry: a sparse file's own one is beside its header's (GNU tar manual, "PAX Format, Versions 0.0 to 1.0"). */
function entryName({ name, pax }: Header): string {
  const attributes = pax as Readonly<Record<string, string | undefined>> | null | undefined;
  return attributes?.['GNU.sparse.name'] ?? name;
}

/** The path below the root, without `.` and empty parts. */
function inside(path: string, entry: string, what: string): string {
  if (path.startsWith('/')) throw refused(entry, `${what} is absolute`);
  const parts = path.split('/').filter((part) => part !== '' && part !== '.');
  if (parts.includes('..')) throw refused(entry, `${what} climbs out with '..'`);
  return parts.join('/');
}

function refused(entry: string, why: string): BerthError {
  return new BerthError(
    'invalid',
    `the archive is refused: entry ${JSON.stringify(entry)} would leave the root: ${why}; nothing was unpacked`,
    { subject: entry },
  );
}
