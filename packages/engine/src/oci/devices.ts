import { readdirSync, realpathSync, statSync, type BigIntStats } from 'node:fs';
import { join, posix } from 'node:path';
import { BerthError } from '@berth/core';
import type { DeviceMapping } from '../host-spec.js';

/** `linux.devices` of an OCI configuration. */
export interface OciDevice {
  readonly path: string;
  readonly type: 'b' | 'c';
  readonly major: number;
  readonly minor: number;
  readonly fileMode: number;
  readonly uid: number;
  readonly gid: number;
}

/** `linux.resources.devices` of an OCI configuration: the later of two that fit counts. */
export interface DeviceRule {
  readonly allow: boolean;
  readonly access: string;
  readonly type?: string;
  readonly major?: number;
  readonly minor?: number;
}

/** Devices that any container may use; majors and minors of Documentation/admin-guide/devices.txt. */
export const DEFAULT_DEVICE_RULES: readonly DeviceRule[] = [
  { allow: false, access: 'rwm' },
  { allow: true, access: 'm', type: 'c' },
  { allow: true, access: 'm', type: 'b' },
  // /dev/null, zero, full, tty, urandom, random, ptmx.
  ...(
    [
      [1, 3],
      [1, 5],
      [1, 7],
      [5, 0],
      [1, 9],
      [1, 8],
      [5, 2],
    ] as const
  ).map(([major, minor]) => ({ allow: true, access: 'rwm', type: 'c', major, minor })),
  // /dev/pts/*.
  { allow: true, access: 'rwm', type: 'c', major: 136 },
];

export const ALL_DEVICES: readonly DeviceRule[] = [{ allow: true, access: 'rwm' }];

/** Places below `/dev` that a container has of its own, and containers' managers use (containerd's `HostDevices`). */
const SKIPPED = new Set(['pts', 'shm', 'fd', 'mqueue', '.lxc', '.lxd-mounts', '.udev', 'console']);

/** Every device of the host, for a privileged container. */
export function hostDevices(root = '/dev'): OciDevice[] {
  return devicesBelow(root, root, true);
}

/**
 * The devices of a mapping: one, or, where it names a directory, all in it.
 *
 * @throws BerthError `invalid`, in Docker's wording, where there is none
 */
export function mappedDevices({ pathOnHost, pathInContainer }: DeviceMapping): OciDevice[] {
  let found: OciDevice[];
  try {
    const path = realpathSync(pathOnHost);
    const stats = statSync(path, { bigint: true });
    found = stats.isDirectory()
      ? devicesBelow(path, pathInContainer, false)
      : deviceOf(stats, pathInContainer);
  } catch (cause) {
    throw deviceError(pathOnHost, 'no such file or directory', cause);
  }
  if (found.length === 0) throw deviceError(pathOnHost, 'not a device node');
  return found;
}

/** What lets a container use devices that it was given. */
export function rulesFor(devices: readonly OciDevice[], permissions: string): DeviceRule[] {
  return devices.map(({ type, major, minor }) => ({ allow: true, access: permissions, type, major, minor }));
}

const RULE = /^([acb]) (\d+|\*):(\d+|\*) ([rwm]{1,3})$/;

/**
 * Reads `c 10:200 rwm`.
 *
 * @throws BerthError `invalid`, in Docker's wording
 */
export function parseDeviceRule(text: string): DeviceRule {
  const [, type = '', major = '', minor = '', access = ''] = RULE.exec(text) ?? [];
  if (type === '') throw new BerthError('invalid', `invalid device cgroup rule format: '${text}'`);
  return {
    allow: true,
    access,
    type,
    ...(major !== '*' && { major: Number(major) }),
    ...(minor !== '*' && { minor: Number(minor) }),
  };
}

/** @throws BerthError `invalid`: a mapping that cannot be meant */
export function checkDeviceMapping({ pathOnHost, pathInContainer, permissions }: DeviceMapping): void {
  if (!pathOnHost.startsWith('/') || !pathInContainer.startsWith('/')) {
    throw new BerthError(
      'invalid',
      `invalid device '${pathOnHost}:${pathInContainer}': both paths must be absolute`,
    );
  }
  if (!/^[rwm]{1,3}$/.test(permissions)) {
    throw new BerthError('invalid', `invalid device mode: ${permissions}: it is made of r, w and m`);
  }
}

/**
 * The number of a block device on the host.
 *
 * @throws BerthError `invalid` where there is none
 */
export function blockDevice(path: string): { major: number; minor: number } {
  const [device] = mappedDevices({ pathOnHost: path, pathInContainer: path, permissions: 'r' });
  if (device?.type !== 'b') throw deviceError(path, 'not a block device');
  return { major: device.major, minor: device.minor };
}

function devicesBelow(directory: string, shownAs: string, skip: boolean): OciDevice[] {
  return readdirSync(directory, { withFileTypes: true }).flatMap((entry) => {
    if (skip && SKIPPED.has(entry.name)) return [];
    const path = join(directory, entry.name);
    const shown = posix.join(shownAs, entry.name);
    if (entry.isDirectory()) return devicesBelow(path, shown, skip);
    if (!entry.isBlockDevice() && !entry.isCharacterDevice()) return [];
    const stats = statSync(path, { bigint: true, throwIfNoEntry: false });
    return stats === undefined ? [] : deviceOf(stats, shown);
  });
}

function deviceOf(stats: BigIntStats, path: string): OciDevice[] {
  if (!stats.isBlockDevice() && !stats.isCharacterDevice()) return [];
  return [
    {
      path,
      type: stats.isBlockDevice() ? 'b' : 'c',
      ...deviceNumber(stats.rdev),
      fileMode: Number(stats.mode & 0o7777n),
      uid: Number(stats.uid),
      gid: Number(stats.gid),
    },
  ];
}

/** makedev(3): 12 bits of the major lie above 8 of the minor, the rest of each further up. */
function deviceNumber(rdev: bigint): { major: number; minor: number } {
  return {
    major: Number(((rdev >> 8n) & 0xfffn) | ((rdev >> 32n) & 0xfffff000n)),
    minor: Number((rdev & 0xffn) | ((rdev >> 12n) & 0xffffff00n)),
  };
}

function deviceError(path: string, reason: string, cause?: unknown): BerthError {
  return new BerthError(
    'invalid',
    `error gathering device information while adding custom device "${path}": ${reason}`,
    { subject: path, cause },
  );
}
