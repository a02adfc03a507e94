import { existsSync, mkdirSync } from 'node:fs';
import { dirname, join, posix } from 'node:path';
import { BerthError } from '@berth/core';
import type { ContainerMount } from '../model.js';

const VOLUME_NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/;
const MODES = new Set(['', 'ro', 'rw']);

/**
 * Reads `source:destination[:ro|rw]`. A source that is a name means a volume: a directory below `volumeRoot`.
 *
 * @throws BerthError `invalid` or `unsupported`
 */
export function parseBind(text: string, volumeRoot: string): ContainerMount {
  const [source = '', destination = '', mode = '', ...rest] = text.split(':');
  if (source === '' || destination === '' || rest.length > 0) {
    throw new BerthError(
      'invalid',
      `invalid volume specification: '${text}'; one looks like /host/path:/container/path:ro`,
    );
  }
  if (!MODES.has(mode)) {
    throw new BerthError('unsupported', `invalid mode: ${mode} (in '${text}'); Berth knows ro and rw`);
  }
  const clean = posix.normalize(destination).replace(/(.)\/$/, '$1');
  if (!clean.startsWith('/')) {
    throw new BerthError(
      'invalid',
      `invalid volume specification: '${text}': invalid mount path: '${destination}' mount path must be absolute`,
    );
  }
  if (clean === '/') {
    throw new BerthError('invalid', `invalid volume specification: '${text}': destination can't be '/'`);
  }
  const common = { destination: clean, mode, readWrite: mode !== 'ro' };
  if (source.startsWith('/')) return { type: 'bind', source: posix.normalize(source), ...common };
  if (!VOLUME_NAME.test(source)) {
    throw new BerthError(
      'invalid',
      `"${source}" includes invalid characters for a local volume name, only "[a-zA-Z0-9][a-zA-Z0-9_.-]" are allowed. If you intended to pass a host directory, use absolute path`,
    );
  }
  return { type: 'volume', name: source, source: join(volumeRoot, source, '_data'), ...common };
}

/** @throws BerthError `invalid`: two mounts at one place */
export function checkMounts(mounts: readonly ContainerMount[]): void {
  const seen = new Set<string>();
  for (const { destination } of mounts) {
    if (seen.has(destination)) throw new BerthError('invalid', `Duplicate mount point: ${destination}`);
    seen.add(destination);
  }
}

/**
 * Makes the directories that are not there yet, as `-v` of Docker does.
 *
 * @throws BerthError `invalid`, naming the one that cannot be made
 */
export function prepareMounts(mounts: readonly ContainerMount[]): void {
  for (const { source } of mounts) if (!existsSync(source)) makeDirectories(source);
}

/** One level at a time: Node's own `recursive` never returns where the kernel refuses with ENOENT, as below /proc. */
function makeDirectories(path: string): void {
  const parent = dirname(path);
  if (!existsSync(parent)) makeDirectories(parent);
  try {
    mkdirSync(path, { mode: 0o755 });
  } catch (cause) {
    throw new BerthError('invalid', `error while creating mount source path '${path}': ${String(cause)}`, {
      subject: path,
      cause,
    });
  }
}
