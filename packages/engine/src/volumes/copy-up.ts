import { renameSync } from 'node:fs';
import { lstat, mkdir, readdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { copyProperties, copyTree } from './copy-tree.js';
import type { Volume } from './model.js';

export interface CopyUp {
  readonly source: Buffer;
  /** A folder to be made, on the file system of volumes without options. */
  readonly staging: string;
  /** Empty. */
  readonly volume: Volume;
  /** Whether a container that runs, or is being started, has the volume by now. */
  readonly used: () => boolean;
}

/**
 * Puts a copy of a folder into a volume, as one: after a crash in the middle the volume is still empty. Where a container
 * has the volume already, each entry comes whole, by a rename, which no symbolic link of that container leads elsewhere.
 */
export async function copyUp({ source, staging, volume, used }: CopyUp): Promise<void> {
  const target = volume.mountpoint;
  if (volume.options['device'] !== undefined) {
    // Another file system, where nothing can be renamed to. Who has it already has it without the image's content.
    if (!used()) await copyTree(source, Buffer.from(target));
    return;
  }
  await mkdir(dirname(staging), { recursive: true, mode: 0o700 });
  await mkdir(staging, { mode: 0o700 });
  try {
    await copyTree(source, Buffer.from(staging));
    if (!used()) {
      // In the same turn: who comes now finds the new folder.
      renameSync(staging, target);
      return;
    }
    for (const name of await readdir(staging, { encoding: 'buffer' })) {
      const entry = (folder: string) => Buffer.concat([Buffer.from(join(folder, '/')), name]);
      await rename(entry(staging), entry(target));
    }
    await copyProperties(source, Buffer.from(target), await lstat(source, { bigint: true }));
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
}
