import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import type { HostInABox } from './host-in-a-box.js';
import { boxProcesses } from './processes.js';

/**
 * Lists all of Berth that is in a box's host: links other than its own, nft tables, namespace files, mounts
 * below the daemon's roots, processes. In a box nothing else makes such things.
 */
export async function leftovers(box: HostInABox): Promise<string[]> {
  const links = JSON.parse(await box.host('ip', '-j', 'link', 'show')) as { ifname: string; link?: string }[];
  const tables = await box.host('nft', 'list', 'tables');
  const files = await box.host(
    'sh',
    '-c',
    'ls -A /run/netns /run/berth/netns /run/berth/containers 2>/dev/null || :',
  );
  const mounts = await box.host('cat', '/proc/self/mountinfo');
  const cgroups = await box.host(
    'sh',
    '-c',
    `ls -d /sys/fs/cgroup/*/${cgroupOf(box)} /sys/fs/cgroup/${cgroupOf(box)} 2>/dev/null || :`,
  );
  const mountPoints = mounts.split('\n').flatMap((line) => line.split(' ')[4] ?? []);
  return [
    ...links
      .filter(({ ifname }) => ifname !== 'lo' && ifname !== 'eth0')
      .map(({ ifname }) => `link ${ifname}`),
    ...lines(tables),
    ...lines(files)
      .filter((line) => !line.endsWith(':'))
      .map((name) => `file ${name}`),
    ...mountPoints.filter((point) => isOurs(point, box)).map((point) => `mount ${point}`),
    ...(existsSync(`${box.folder}/data/containers`)
      ? lines(await box.host('ls', `${box.folder}/data/containers`))
      : []),
    ...lines(cgroups).map((path) => `cgroup ${path}`),
    ...boxProcesses(box).map(({ pid, command }) => `process ${pid} ${command}`),
  ];
}

/** @throws Error that lists what is left */
export async function assertNothingLeft(box: HostInABox): Promise<void> {
  const left = await leftovers(box);
  if (left.length > 0) throw new Error(`left in the box:\n  ${left.join('\n  ')}`);
}

/** The cgroup of the box's daemon, which is told from others by its data root. */
function cgroupOf(box: HostInABox): string {
  const digest = createHash('sha256').update(`${box.folder}/data`).digest('hex');
  return `berth-${digest.slice(0, 8)}`;
}

function isOurs(mountPoint: string, box: HostInABox): boolean {
  return mountPoint.startsWith('/run/berth') || mountPoint.startsWith(`${box.folder}/data`);
}

function lines(text: string): string[] {
  return text.split('\n').filter((line) => line !== '');
}
