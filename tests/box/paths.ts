import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The folder of this repository. */
export const REPOSITORY = repositoryRoot();
/** The command under test. */
export const BERTH = join(REPOSITORY, 'bin/berth');
/** What set-up made: the root file system of the busybox image. */
export const BUSYBOX_ARCHIVE = join(REPOSITORY, '.cache/busybox.tar');

/** The `docker` program: the machine's own, else the one that set-up unpacked. */
export function dockerProgram(): string {
  return process.env['BERTH_TEST_DOCKER'] ?? 'docker';
}

function repositoryRoot(): string {
  // The same file runs as source (tests/box) and compiled (tests/dist/box).
  const here = dirname(fileURLToPath(import.meta.url));
  return here.endsWith(join('dist', 'box')) ? join(here, '../../..') : join(here, '../..');
}
