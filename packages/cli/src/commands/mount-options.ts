import type { Command } from 'commander';
import { parseSize } from '../format/units.js';
import { Failure, REFUSED, collect } from './command.js';
import { defined } from './resource-options.js';
import { fieldsOf } from './words.js';

/** Flags of `run` and `create` about what is mounted, as commander gives them. */
export interface MountOptions {
  readonly volume?: string[];
  readonly mount?: string[];
  readonly tmpfs?: string[];
  readonly volumesFrom?: string[];
  readonly volumeDriver?: string;
}

export function addMountOptions(parser: Command): Command {
  return parser
    .option('-v, --volume <bind>', '[SOURCE:]TARGET[:ro]', collect)
    .option('--mount <mount>', 'type=bind|volume|tmpfs,source=…,target=…,readonly,…', collect)
    .option('--tmpfs <mount>', 'TARGET[:OPTIONS]', collect)
    .option('--volumes-from <container>', 'all mounts of another container', collect)
    .option('--volume-driver <driver>', 'local');
}

/** What the flags say: the fields of HostConfig, and the container's own anonymous volumes. */
export function mountConfig(options: MountOptions): {
  host: Record<string, unknown>;
  volumes: Record<string, object>;
} {
  const words = options.volume ?? [];
  const anonymous = words.filter((word) => !word.includes(':'));
  const binds = words.filter((word) => word.includes(':'));
  return {
    host: defined({
      Binds: binds.length === 0 ? null : binds,
      Mounts: options.mount?.map(parseMount),
      Tmpfs: options.tmpfs === undefined ? undefined : Object.fromEntries(options.tmpfs.map(tmpfs)),
      VolumesFrom: options.volumesFrom,
      VolumeDriver: options.volumeDriver,
    }),
    volumes: Object.fromEntries(anonymous.map((path) => [path, {}])),
  };
}

/**
 * Reads docker's long form of a mount.
 *
 * @throws Failure for fields that are not understood
 */
export function parseMount(word: string): object {
  const top: Record<string, unknown> = { Type: 'volume' };
  const groups: Record<string, Record<string, unknown>> = {};
  const set = (group: string, field: string, value: unknown) => {
    groups[group] = { ...groups[group], [field]: value };
  };
  for (const field of fieldsOf(word)) {
    const [, key = '', value = 'true'] = /^([^=]*)(?:=(.*))?$/s.exec(field) ?? [];
    switch (key.toLowerCase()) {
      case 'type':
        top['Type'] = value.toLowerCase();
        break;
      case 'source':
      case 'src':
        top['Source'] = value;
        break;
      case 'target':
      case 'dst':
      case 'destination':
        top['Target'] = value;
        break;
      case 'readonly':
      case 'ro':
        top['ReadOnly'] = truth(word, key, value);
        break;
      case 'bind-propagation':
        set('BindOptions', 'Propagation', value.toLowerCase());
        break;
      case 'bind-nonrecursive':
        set('BindOptions', 'NonRecursive', truth(word, key, value));
        break;
      case 'bind-create-src':
        set('BindOptions', 'CreateMountpoint', truth(word, key, value));
        break;
      case 'volume-nocopy':
        set('VolumeOptions', 'NoCopy', truth(word, key, value));
        break;
      case 'volume-subpath':
        set('VolumeOptions', 'Subpath', value);
        break;
      case 'volume-label':
        set('VolumeOptions', 'Labels', {
          ...(groups['VolumeOptions']?.['Labels'] as object),
          ...pair(value),
        });
        break;
      case 'volume-driver':
        set('VolumeOptions', 'DriverConfig', { ...driverOf(groups), Name: value });
        break;
      case 'volume-opt': {
        const driver = driverOf(groups);
        set('VolumeOptions', 'DriverConfig', {
          ...driver,
          Options: { ...(driver['Options'] as object), ...pair(value) },
        });
        break;
      }
      case 'tmpfs-size':
        set('TmpfsOptions', 'SizeBytes', parseSize(value));
        break;
      case 'tmpfs-mode':
        set('TmpfsOptions', 'Mode', Number.parseInt(value, 8));
        break;
      default:
        throw new Failure(
          `invalid argument "${word}" for "--mount" flag: unexpected key '${key}' in '${field}'`,
          REFUSED,
        );
    }
  }
  if (top['Target'] === undefined)
    throw new Failure(`invalid argument "${word}" for "--mount" flag: target is required`, REFUSED);
  return { ...top, ...groups };
}

function driverOf(groups: Readonly<Record<string, Record<string, unknown>>>): Record<string, unknown> {
  return (groups['VolumeOptions']?.['DriverConfig'] ?? {}) as Record<string, unknown>;
}

function pair(text: string): Record<string, string> {
  const [, name = '', value = ''] = /^([^=]*)=?(.*)$/s.exec(text) ?? [];
  return { [name]: value };
}

function truth(word: string, key: string, value: string): boolean {
  if (['true', '1'].includes(value)) return true;
  if (['false', '0'].includes(value)) return false;
  throw new Failure(
    `invalid argument "${word}" for "--mount" flag: invalid value for ${key}: ${value}`,
    REFUSED,
  );
}

function tmpfs(word: string): [string, string] {
  const colon = word.indexOf(':');
  return colon < 0 ? [word, ''] : [word.slice(0, colon), word.slice(colon + 1)];
}
