import { createReadStream, lstatSync, readdirSync, readlinkSync, type Stats } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { toError } from '@berth/core';
import { pack, type Header, type Pack } from 'tar-stream';

/**
 * A file or folder of this machine as an archive.
 *
 * @param name what it is called in the archive; '' for a folder: what is in it, without itself
 * @param leaveOut whether a path below it (`a/b`) is left out
 */
export function archiveOf(
  path: string,
  name: string,
  leaveOut: (path: string, folder: boolean) => boolean = () => false,
): Readable {
  const archive = pack();
  addTree(archive, path, name, '', leaveOut).then(
    () => {
      archive.finalize();
    },
    (error: unknown) => {
      archive.destroy(toError(error));
    },
  );
  return Readable.from(archive);
}

async function addTree(
  archive: Pack,
  path: string,
  name: string,
  below: string,
  leaveOut: (path: string, folder: boolean) => boolean,
): Promise<void> {
  const stat = lstatSync(path);
  if (below !== '' && leaveOut(below, stat.isDirectory())) return;
  const header = { name, mode: stat.mode & 0o7777, uid: stat.uid, gid: stat.gid, mtime: stat.mtime };
  if (stat.isDirectory()) {
    if (name !== '') archive.entry({ ...header, name: `${name}/`, type: 'directory' });
    for (const child of readdirSync(path).sort()) {
      const inside = below === '' ? child : `${below}/${child}`;
      await addTree(archive, join(path, child), name === '' ? child : `${name}/${child}`, inside, leaveOut);
    }
  } else if (stat.isSymbolicLink()) {
    archive.entry({ ...header, type: 'symlink', linkname: readlinkSync(path) });
  } else if (stat.isFile()) {
    await addFile(archive, path, { ...header, type: 'file' }, stat);
  }
  // Sockets, pipes and devices mean nothing elsewhere.
}

async function addFile(
  archive: Pack,
  path: string,
  header: Pick<Header, 'name' | 'mode' | 'uid' | 'gid' | 'mtime' | 'type'>,
  { size }: Stats,
): Promise<void> {
  const entry = archive.entry({ ...header, size });
  // A file that grows meanwhile is cut at what was announced.
  if (size === 0) entry.end(undefined);
  else await pipeline(createReadStream(path, { end: size - 1 }), entry);
}
