import { readFileSync } from 'node:fs';

/** One line of /proc/PID/mountinfo (proc(5)). */
export interface MountInfo {
  readonly id: number;
  readonly parentId: number;
  /** The folder of the file system that is mounted. */
  readonly root: string;
  readonly mountPoint: string;
  /** `shared:1`, `master:2`: the peer groups that it passes mounts to and takes them from (mount_namespaces(7)). */
  readonly propagation: readonly string[];
  readonly type: string;
  readonly source: string;
  /** Options of the mount itself: `rw`, `nosuid`, … */
  readonly options: readonly string[];
  /** Options of the file system: `lowerdir=…`. */
  readonly superOptions: readonly string[];
}

/** All mounts that this process sees. */
export function mounts(path = '/proc/thread-self/mountinfo'): MountInfo[] {
  return readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map(parseMountInfo);
}

/** Reads `36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue`. */
export function parseMountInfo(line: string): MountInfo {
  const fields = line.split(' ');
  const separator = fields.indexOf('-', 6);
  const field = (index: number): string => unescape(fields[index] ?? '');
  return {
    id: Number(fields[0]),
    parentId: Number(fields[1]),
    root: field(3),
    mountPoint: field(4),
    options: field(5).split(','),
    propagation: fields.slice(6, separator),
    type: field(separator + 1),
    source: field(separator + 2),
    superOptions: field(separator + 3).split(','),
  };
}

/** The kernel writes space, tab, newline and backslash as three octal digits (fs/proc_namespace.c, mangle). */
function unescape(text: string): string {
  return text.replaceAll(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(parseInt(octal, 8)));
}
