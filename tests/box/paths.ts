import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The folder of this repository. */
export const REPOSITORY = repositoryRoot();
/** The command under test. */
export const BERTH = join(REPOSITORY, 'bin/berth');
/** What set-up made: the root file system of the busybox image. */
export const BUSYBOX_ARCHIVE = join(REPOSITORY, '.cache/busybox.tar');

/** The `docker` program: the one that set-up unpacked where the machine had none, else the machine's own. */
export function dockerProgram(): string {
  const unpacked = join(REPOSITORY, '.cache/docker/usr/bin/docker');
  return existsSync(unpacked) ? unpacked : 'docker';
}

function repositoryRoot(): string {
  // The same file runs as source (tests/box) and compiled (tests/dist/box).
  const here = dirname(fileURLToPath(import.meta.url));
  return here.endsWith(join('dist', 'box')) ? join(here, '../../..') : join(here, '../..');
}
