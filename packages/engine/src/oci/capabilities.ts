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

/** All that runc 1.1 knows: linux/capability.h up to CAP_CHECKPOINT_RESTORE (40). */
export const ALL_CAPABILITIES: readonly string[] = [
  ...DEFAULT_CAPABILITIES,
  ...`AUDIT_CONTROL AUDIT_READ BLOCK_SUSPEND BPF CHECKPOINT_RESTORE DAC_READ_SEARCH IPC_LOCK IPC_OWNER LEASE
  LINUX_IMMUTABLE MAC_ADMIN MAC_OVERRIDE NET_ADMIN NET_BROADCAST PERFMON SYS_ADMIN SYS_BOOT SYS_MODULE SYS_NICE
  SYS_PACCT SYS_PTRACE SYS_RAWIO SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG SYSLOG WAKE_ALARM`
    .split(/\s+/)
    .map((name) => `CAP_${name}`),
];

/**
 * The capabilities of a container: the default set with additions and removals; `ALL` stands for all.
 *
 * @throws BerthError `invalid` for an unknown name
 */
export function capabilities(add: readonly string[], drop: readonly string[], privileged: boolean): string[] {
  if (privileged) return [...ALL_CAPABILITIES];
  const added = add.map(canonical);
  const dropped = drop.map(canonical);
  const base = added.includes('ALL') ? ALL_CAPABILITIES : dropped.includes('ALL') ? [] : DEFAULT_CAPABILITIES;
  const kept = base.filter((name) => !dropped.includes(name));
  return [...new Set([...kept, ...added.filter((name) => name !== 'ALL')])].sort();
}

function canonical(name: string): string {
  const upper = name.toUpperCase();
  if (upper === 'ALL') return upper;
  const full = upper.startsWith('CAP_') ? upper : `CAP_${upper}`;
  if (!ALL_CAPABILITIES.includes(full))
    throw new BerthError('invalid', `invalid capability: unknown capability: "${full}"`);
  return full;
}
