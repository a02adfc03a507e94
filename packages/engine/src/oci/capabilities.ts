import { readFileSync } from 'node:fs';
import { BerthError } from '@berth/core';

/** What Docker gives a container (its `caps.DefaultCapabilities`). */
export const DEFAULT_CAPABILITIES = [
  'CAP_AUDIT_WRITE',
  'CAP_CHOWN',
  'CAP_DAC_OVERRIDE',
  'CAP_FOWNER',
  'CAP_FSETID',
  'CAP_KILL',
  'CAP_MKNOD',
  'CAP_NET_BIND_SERVICE',
  'CAP_NET_RAW',
  'CAP_SETFCAP',
  'CAP_SETGID',
  'CAP_SETPCAP',
  'CAP_SETUID',
  'CAP_SYS_CHROOT',
] as const;

/** linux/capability.h, in the order of their numbers from CAP_CHOWN (0) to CAP_CHECKPOINT_RESTORE (40). */
export const ALL_CAPABILITIES: readonly string[] =
  `CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE
  NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN
  SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE
  MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE`
    .split(/\s+/)
    .map((name) => `CAP_${name}`);

/** Those that this process has, and so can give: a daemon that runs in a container itself lacks some. */
export function ownCapabilities(status = readFileSync('/proc/self/status', 'utf8')): string[] {
  const held = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? '0'}`);
  return ALL_CAPABILITIES.filter((_name, number) => (held >> BigInt(number)) & 1n);
}

/**
 * The capabilities of a container: the default set with additions and removals; `ALL` stands for all that there are.
 *
 * @param available what the daemon can give
 * @throws BerthError `invalid`, in Docker's wording, for an unknown name and for one that the daemon lacks
 */
export function capabilities(
  add: readonly string[],
  drop: readonly string[],
  privileged: boolean,
  available: readonly string[] = ownCapabilities(),
): string[] {
  if (privileged) return [...available];
  const added = add.map((name) => canonical('CapAdd', name));
  const dropped = drop.map((name) => canonical('CapDrop', name));
  const missing = added.find((name) => name !== 'ALL' && !available.includes(name));
  if (missing !== undefined) {
    throw new BerthError(
      'invalid',
      `invalid CapAdd: capability not supported by your kernel or not available in the current environment: "${missing}"`,
      { subject: missing },
    );
  }
  const base = added.includes('ALL') ? available : dropped.includes('ALL') ? [] : DEFAULT_CAPABILITIES;
  const kept = base.filter((name) => !dropped.includes(name));
  return [...new Set([...kept, ...added.filter((name) => name !== 'ALL')])].sort();
}

function canonical(field: string, name: string): string {
  const upper = name.toUpperCase();
  if (upper === 'ALL') return upper;
  const full = upper.startsWith('CAP_') ? upper : `CAP_${upper}`;
  if (!ALL_CAPABILITIES.includes(full))
    throw new BerthError('invalid', `invalid ${field}: unknown capability: "${full}"`, { subject: full });
  return full;
}
