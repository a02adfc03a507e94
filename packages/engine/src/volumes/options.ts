import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { BerthError } from '@berth/core';
import type { MountFlag, MountRequest } from '@berth/kernel';

/** Options of Docker's local driver and, for each, those that it needs (volume/local: `mandatoryOpts`). */
const NEEDED: Readonly<Record<string, readonly string[]>> = {
  device: ['type'],
  type: ['device'],
  o: ['device', 'type'],
};

/** Words of mount(8) that are flags of mount(2); the `no` form of each takes it away again. */
const FLAGS: Readonly<Record<string, readonly MountFlag[]>> = {
  ro: ['readOnly'],
  nosuid: ['noSuid'],
  nodev: ['noDev'],
  noexec: ['noExec'],
  sync: ['synchronous'],
  dirsync: ['synchronousDirectories'],
  mand: ['mandatoryLocks'],
  noatime: ['noAccessTime'],
  nodiratime: ['noDirectoryAccessTime'],
  relatime: ['relativeAccessTime'],
  strictatime: ['strictAccessTime'],
  bind: ['bind'],
  rbind: ['bind', 'recursive'],
};
const OPPOSITES: Readonly<Record<string, string>> = {
  rw: 'ro',
  suid: 'nosuid',
  dev: 'nodev',
  exec: 'noexec',
  async: 'sync',
  nomand: 'mand',
  atime: 'noatime',
  diratime: 'nodiratime',
  norelatime: 'relatime',
  nostrictatime: 'strictatime',
};

/**
 * Checks the options of a volume of the local driver.
 *
 * @throws BerthError `invalid`, in Docker's wording; `unsupported` for `size`, which needs a quota
 */
export function checkVolumeOptions(name: string, options: Readonly<Record<string, string>>): void {
  for (const key of Object.keys(options)) {
    if (key === 'size') {
      throw new BerthError('unsupported', `create ${name}: quota size requested but no quota support`);
    }
    if (!Object.hasOwn(NEEDED, key)) {
      throw new BerthError('invalid', `create ${name}: invalid option: "${key}"; there are device, o, type`);
    }
  }
  for (const [key, needed] of Object.entries(NEEDED)) {
    const missing = needed.find((other) => options[other] === undefined || options[other] === '');
    if (options[key] !== undefined && missing !== undefined)
      throw new BerthError('invalid', `create ${name}: missing required option: "${missing}"`);
  }
  for (const [key, value] of Object.entries(options)) {
    // mount(2) takes C strings, and a page of options at most.
    if (value.includes('\0') || Buffer.byteLength(value) >= 4096)
      throw new BerthError('invalid', `create ${name}: option "${key}" is too long, or holds a zero byte`);
  }
}

/** `nosuid,size=1m,ro` as the flags of mount(2), and what remains for the file system. */
export function mountOptions(text: string): { readonly flags: readonly MountFlag[]; readonly data: string } {
  const flags = new Set<MountFlag>();
  const data: string[] = [];
  for (const word of text.split(',').filter((part) => part !== '' && part !== 'defaults')) {
    const set = Object.hasOwn(FLAGS, word) ? FLAGS[word] : undefined;
    const taken = Object.hasOwn(OPPOSITES, word) ? FLAGS[OPPOSITES[word] ?? ''] : undefined;
    set?.forEach((flag) => flags.add(flag));
    taken?.forEach((flag) => flags.delete(flag));
    if (set === undefined && taken === undefined) data.push(word);
  }
  return { flags: [...flags], data: data.join(',') };
}

/**
 * How a volume's file system is mounted. The server of an NFS or CIFS volume is looked up now: the kernel takes addresses only.
 *
 * @throws BerthError `invalid`: the server's name is not known
 */
export async function volumeMount(
  options: Readonly<Record<string, string>>,
  target: string,
): Promise<MountRequest> {
  const { type = '', device = '' } = options;
  const { flags, data } = mountOptions(options['o'] ?? '');
  const network = type === 'nfs' || type === 'nfs4' || type === 'cifs';
  return { source: device, target, type, flags, data: network ? await withAddress(data) : data };
}

async function withAddress(data: string): Promise<string> {
  const server = /(?:^|,)addr=([^,]*)/.exec(data)?.[1];
  if (server === undefined || isIP(server) !== 0) return data;
  try {
    const { address } = await lookup(server);
    return data.replace(`addr=${server}`, `addr=${address}`);
  } catch (cause) {
    throw new BerthError('invalid', `error resolving passed in network volume address: ${server}`, { cause });
  }
}

/** The options as they may be told to others: without a password. */
export function withoutPassword(text: string): string {
  return text.replaceAll(/password=[^,\s]*/g, 'password=********');
}
