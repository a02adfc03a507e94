import { readFileSync, writeFileSync } from 'node:fs';
import { BerthError } from '@berth/core';

/**
 * `net.ipv4.ip_forward` or `net/ipv4/conf/eth0.10/forwarding`: in a name with slashes dots are part of the words
 * (sysctl(8)). What lies below net is that of the network namespace of the calling thread.
 */
function pathOf(name: string): string {
  return `/proc/sys/${name.includes('/') ? name : name.replaceAll('.', '/')}`;
}

/**
 * The value of a kernel setting; undefined where this kernel does not have it.
 *
 * @throws BerthError `forbidden`, `internal`
 */
export function readSysctl(name: string): string | undefined {
  try {
    return readFileSync(pathOf(name), 'utf8').trim();
  } catch (cause) {
    if (isAbsent(cause)) return undefined;
    throw new BerthError('internal', `cannot read sysctl ${name}: ${String(cause)}`, {
      subject: name,
      cause,
    });
  }
}

/** @throws BerthError `unsupported` where the kernel does not have it, `forbidden` where it may not be written */
export function writeSysctl(name: string, value: string | number): void {
  try {
    writeFileSync(pathOf(name), String(value));
  } catch (cause) {
    if (isAbsent(cause))
      throw new BerthError('unsupported', `this kernel has no sysctl ${name}`, { subject: name, cause });
    throw new BerthError('forbidden', `cannot set sysctl ${name} to ${value}: ${String(cause)}`, {
      subject: name,
      cause,
    });
  }
}

function isAbsent(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'ENOENT';
}
