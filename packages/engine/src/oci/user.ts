import { lstatSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { BerthError } from '@berth/core';

export interface ProcessUser {
  readonly uid: number;
  readonly gid: number;
  readonly additionalGids: readonly number[];
  readonly home: string;
}

/**
 * Finds `user[:group]` (names or numbers) in the image's own `/etc/passwd` and `/etc/group`.
 *
 * @param rootfs directory of the root file system
 * @param more further groups that the process shall be in, by name or number
 * @throws BerthError `invalid`, in Docker's wording, for an unknown name
 */
export function resolveUser(rootfs: string, text: string, more: readonly string[] = []): ProcessUser {
  const [userPart = '', groupPart] = text.split(':');
  const user = userPart === '' ? '0' : userPart;
  const users = table(rootfs, 'passwd');
  const groups = table(rootfs, 'group');
  const entry = users.find(([name]) => name === user) ?? users.find(([, , uid]) => uid === user);
  if (entry === undefined && !/^\d+$/.test(user)) {
    throw new BerthError('invalid', `unable to find user ${user}: no matching entries in passwd file`);
  }
  const uid = Number(entry?.[2] ?? user);
  checkId(uid);
  const home = entry?.[5] ?? '';
  const gid =
    groupPart === undefined || groupPart === '' ? Number(entry?.[3] ?? 0) : groupId(groups, groupPart);
  const member = entry?.[0];
  const additional =
    groupPart === undefined && member !== undefined
      ? groups
          .filter(([, , , members = '']) => members.split(',').includes(member))
          .map(([, , id]) => Number(id))
      : [];
  const wanted = more.map((group) => groupId(groups, group));
  return {
    uid,
    gid,
    // The first group is one of them, lest what is denied to it be allowed to a process that dropped it.
    additionalGids: [...new Set([gid, ...additional, ...wanted])],
    home: home === '' ? '/' : home,
  };
}

function groupId(groups: readonly string[][], group: string): number {
  const entry = groups.find(([name]) => name === group);
  if (entry !== undefined) return Number(entry[2]);
  if (/^\d+$/.test(group)) return checkId(Number(group));
  throw new BerthError('invalid', `unable to find group ${group}: no matching entries in group file`);
}

/** The range that runc takes. */
function checkId(id: number): number {
  if (id <= 0x7fffffff) return id;
  throw new BerthError('invalid', 'uids and gids must be in range 0-2147483647');
}

/** A file of the image must not lead to one of the host: symbolic links are not followed. */
function table(rootfs: string, file: string): string[][] {
  try {
    const directory = lstatSync(join(rootfs, 'etc'));
    if (!directory.isDirectory() || !lstatSync(join(rootfs, 'etc', file)).isFile()) return [];
    return readFileSync(join(rootfs, 'etc', file), 'utf8')
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'))
      .map((line) => line.split(':'));
  } catch {
    return [];
  }
}
