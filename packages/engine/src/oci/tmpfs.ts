import { posix } from 'node:path';
import { BerthError } from '@berth/core';
import type { TmpfsMountSpec } from '../volumes/model.js';

/** Words of mount(8) that take each other's place: the last of a group counts. */
const GROUPS: readonly (readonly string[])[] = [
  ['ro', 'rw'],
  ['suid', 'nosuid'],
  ['dev', 'nodev'],
  ['exec', 'noexec'],
  ['sync', 'async'],
  ['dirsync'],
  ['mand', 'nomand'],
  ['atime', 'noatime', 'relatime', 'norelatime', 'strictatime', 'nostrictatime'],
  ['diratime', 'nodiratime'],
  ['private', 'rprivate', 'shared', 'rshared', 'slave', 'rslave', 'unbindable', 'runbindable'],
];
/** tmpfs(5). */
const VALUES = new Set(['size', 'mode', 'uid', 'gid', 'nr_inodes', 'nr_blocks', 'mpol']);

/** Docker's: whoever wants programs or devices on it says so. */
const DEFAULTS = ['noexec', 'nosuid', 'nodev', 'rprivate'];

/**
 * The options of a tmpfs from `--tmpfs`, with Docker's defaults where nothing else is said.
 *
 * @param text `rw,size=64m`
 * @throws BerthError `invalid`, in Docker's wording, for what tmpfs does not know
 */
export function tmpfsOptions(text: string): string[] {
  const merged = new Map<string, string>();
  for (const option of [...DEFAULTS, ...text.split(',')]) {
    if (option === '' || option === 'defaults') continue;
    const key = groupOf(option);
    if (key === undefined)
      throw new BerthError('invalid', `invalid tmpfs option ["${option}"]`, { subject: option });
    // The later one takes the place at the end, as with mount(8).
    merged.delete(key);
    merged.set(key, option);
  }
  return [...merged.values()];
}

/** The options of a tmpfs that is one of `Mounts`. @throws BerthError `invalid` */
export function tmpfsMountOptions({
  sizeBytes,
  mode,
  options = [],
  readOnly,
}: Omit<TmpfsMountSpec, 'type' | 'target'>): string[] {
  const words = [
    ...(readOnly === true ? ['ro'] : []),
    ...(mode === undefined || mode === 0 ? [] : [`mode=${mode.toString(8)}`]),
    ...(sizeBytes === undefined || sizeBytes === 0 ? [] : [`size=${sizeBytes}`]),
    ...options.map((pair) => pair.join('=')),
  ];
  return tmpfsOptions(words.join(','));
}

/**
 * Where a tmpfs is to lie, in its plain form.
 *
 * @throws BerthError `invalid`, in Docker's wording
 */
export function tmpfsDestination(path: string): string {
  const clean = posix.normalize(path).replace(/(.)\/$/, '$1');
  if (clean === '/')
    throw new BerthError('invalid', `invalid tmpfs path: '${path}': destination can't be '/'`);
  if (!clean.startsWith('/'))
    throw new BerthError('invalid', `invalid mount path: '${path}' mount path must be absolute`);
  return clean;
}

function groupOf(option: string): string | undefined {
  const equals = option.indexOf('=');
  if (equals > 0) {
    const name = option.slice(0, equals);
    return VALUES.has(name) ? name : undefined;
  }
  return GROUPS.find((words) => words.includes(option))?.[0];
}
