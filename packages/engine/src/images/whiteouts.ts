import { lstat, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { makeOpaque, makeWhiteout } from '@berth/kernel';

/** The image specification of OCI, layer.md, "Whiteouts". */
export const WHITEOUT_PREFIX = '.wh.';
export const OPAQUE_MARKER = '.wh..wh..opq';
/** AUFS' own bookkeeping, which old images carry: it means nothing here. */
const BOOKKEEPING = /(?:^|\/)\.wh\.\.wh\.(?!\.opq$)/;

/** Whether an entry of a layer says that something of the layers below is gone. */
export function isMarker(path: string): boolean {
  return path.split('/').some((part) => part.startsWith(WHITEOUT_PREFIX));
}

/**
 * Turns the markers that were unpacked with a layer into those of an overlay.
 *
 * @param root the unpacked layer
 * @param markers paths below it
 */
export async function applyWhiteouts(root: string, markers: readonly string[]): Promise<void> {
  for (const marker of markers) await rm(join(root, marker), { recursive: true, force: true });
  for (const marker of markers) {
    if (BOOKKEEPING.test(marker) || isMarker(dirname(marker))) continue;
    const folder = join(root, dirname(marker));
    if (basename(marker) === OPAQUE_MARKER) {
      makeOpaque(folder);
      continue;
    }
    const hidden = basename(marker).slice(WHITEOUT_PREFIX.length);
    // What would be the folder itself, or the one above it, names nothing.
    if (['', '.', '..'].includes(hidden)) continue;
    const target = join(folder, hidden);
    const present = await lstat(target).catch(() => undefined);
    if (present === undefined) makeWhiteout(target);
    // The layer puts something new in the place of what it removes: a folder must not let the old one shine through.
    else if (present.isDirectory()) makeOpaque(target);
  }
}
