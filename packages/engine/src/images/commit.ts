import { spawn } from 'node:child_process';
import { existsSync, lstatSync, type Stats } from 'node:fs';
import { lstat, mkdir, readdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { BerthError } from '@berth/core';
import { isOpaque, isWhiteout } from '@berth/kernel';
import { now } from '../clock.js';
import { pathsOf, publish, type ContainerContext } from '../containers/context.js';
import type { ContainerRecord } from '../containers/table.js';
import type { CommitOptions, ImageConfig, ImageId } from '../model.js';
import { applyChanges } from './config.js';
import { nameFor } from './images.js';
import type { LayerSession } from './layer-session.js';
import type { Layer } from './layers.js';
import { OPAQUE_MARKER, WHITEOUT_PREFIX } from './whiteouts.js';

/** What starting a container makes in every root that has it not; it is no change of the container's. */
const OF_EVERY_START = new Set([
  ...['dev', 'dev/console', 'dev/pts', 'dev/shm', 'proc', 'sys', '.dockerenv'],
  ...['etc/hosts', 'etc/hostname', 'etc/resolv.conf', 'etc/mtab'],
]);

/**
 * Makes an image of what a container has changed, on top of its own image. The caller has paused it, if it runs.
 *
 * @throws BerthError `invalid` for a bad name or change
 */
export async function commitContainer(
  context: ContainerContext,
  record: ContainerRecord,
  options: CommitOptions,
): Promise<ImageId> {
  const { images } = context;
  const tag = nameFor(options.repository, options.tag);
  const base = images.get(record.imageId);
  const config = applyChanges({ ...configOf(record, base.config), ...options.config }, options.changes);
  const id = await images.layers.session(async (session) => {
    for (const diffId of record.diffIds) session.claim(diffId);
    const lower = record.diffIds.map((diffId) => images.layerPath(diffId));
    const layer = await packUpper(session, pathsOf(context, record.id).upper, lower);
    const created = now();
    const author = options.author === '' ? undefined : options.author;
    const message = options.message ?? '';
    const entry = { created, author, comment: message, createdBy: record.spec.command?.join(' ') ?? '' };
    return images.record(
      {
        created,
        message,
        author,
        architecture: base.architecture,
        variant: base.variant,
        os: 'linux',
        config,
        diffIds: [...record.diffIds, layer.diffId],
        // One line for each layer, for an image that an older Berth has made.
        history: [...(base.history.length > 0 ? base.history : record.diffIds.map(() => ({}))), entry],
      },
      { tag, parent: base.id },
    );
  });
  if (tag !== undefined) images.table.publish('tag', id, tag);
  publish(context, record, 'commit', { comment: options.message ?? '', imageID: id, imageRef: tag ?? '' });
  return id;
}

function configOf({ spec }: ContainerRecord, base: ImageConfig): ImageConfig {
  return {
    command: spec.command,
    entrypoint: spec.entrypoint,
    env: spec.env,
    exposedPorts: spec.exposedPorts,
    workingDirectory: spec.workingDirectory,
    user: spec.user,
    labels: spec.labels,
    stopSignal: spec.stopSignal,
    volumes: spec.volumes ?? base.volumes,
    healthcheck: spec.healthcheck,
  };
}

/** What an overlay's upper folder holds, as names for tar. */
interface Changes {
  readonly files: string[];
  /** What is gone, as the files that say so in a layer's tar. */
  readonly markers: string[];
}

/**
 * Makes a layer of an overlay's upper folder. GNU tar reads it, which knows of hard links, attributes and devices; what
 * the overlay marks as gone comes from a folder of markers beside.
 */
async function packUpper(session: LayerSession, upper: string, lower: readonly string[]): Promise<Layer> {
  const changes: Changes = { files: [], markers: [] };
  await collect(upper, '', lower, changes);
  const markers = session.fresh('markers');
  await mkdir(markers);
  for (const marker of changes.markers) {
    await mkdir(join(markers, dirname(marker)), { recursive: true });
    await writeFile(join(markers, marker), '');
  }
  const [fileList, markerList] = [session.fresh('list'), session.fresh('list')];
  await writeFile(fileList, ['.', ...changes.files].map((name) => `${name}\0`).join(''));
  await writeFile(markerList, changes.markers.map((name) => `${name}\0`).join(''));
  const child = spawn(
    'tar',
    [
      ...['--create', '--format=posix', '--pax-option=delete=atime,delete=ctime', '--numeric-owner'],
      ...['--xattrs', '--xattrs-include=*', '--xattrs-exclude=trusted.overlay.*', '--acls'],
      ...['--no-recursion', '--null', '--verbatim-files-from'],
      ...[`--directory=${upper}`, `--files-from=${fileList}`],
      ...[`--directory=${markers}`, `--files-from=${markerList}`],
    ],
    { stdio: ['ignore', 'pipe', 'pipe'], env: { PATH: process.env['PATH'], LC_ALL: 'C' } },
  );
  let complaint = '';
  child.stderr
    .setEncoding('utf8')
    .on('data', (text: string) => (complaint = (complaint + text).slice(0, 4096)));
  const ended = new Promise<number | null>((resolve, reject) => {
    child.on('error', reject).on('close', resolve);
  });
  ended.catch(() => undefined);
  const layer = await session.add(child.stdout);
  const code = await ended;
  // 1: a file has changed while it was read, which is what not pausing means (tar(1), "RETURN VALUE").
  if (code === 0 || code === 1) return layer;
  throw new BerthError('internal', `the files of the container cannot be read: ${complaint.trim()}`);
}

async function collect(
  upper: string,
  folder: string,
  lower: readonly string[],
  changes: Changes,
): Promise<void> {
  for (const name of (await readdir(join(upper, folder))).sort()) {
    const path = folder === '' ? name : `${folder}/${name}`;
    const stats = await lstat(join(upper, path));
    if (isWhiteout(stats)) {
      changes.markers.push(join(folder, `${WHITEOUT_PREFIX}${name}`));
      continue;
    }
    if (isOfStart(path, stats, upper) && !lower.some((layer) => existsSync(join(layer, path)))) continue;
    // A socket means nothing without the process that listens.
    if (stats.isSocket()) continue;
    changes.files.push(path);
    if (!stats.isDirectory()) continue;
    if (isOpaque(join(upper, path))) changes.markers.push(`${path}/${OPAQUE_MARKER}`);
    await collect(upper, path, lower, changes);
  }
}

/** Places where something is mounted at the start, as long as nothing was put there. */
function isOfStart(path: string, stats: Stats, upper: string): boolean {
  if (!OF_EVERY_START.has(path)) return false;
  return stats.isFile() ? lstatSync(join(upper, path)).size === 0 : true;
}
