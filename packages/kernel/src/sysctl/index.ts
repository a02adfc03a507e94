import { readFileSync, writeFileSync } from 'node:fs';
import { BerthError, type ErrorCode } from '@berth/core';

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
 * @throws BerthError `forbidden` where it may not be read, `internal`
 */
export function readSysctl(name: string): string | undefined {
  try {
    return readFileSync(pathOf(name), 'utf8').trim();
  } catch (cause) {
    if (isAbsent(cause)) return undefined;
    throw refusal(`cannot read sysctl ${name}`, name, cause);
  }
}

/**
 * Sets a kernel setting.
 *
 * @throws BerthError `unsupported` where the kernel does not have it, `invalid` for a value that it refuses, `forbidden`
 * where it may not be written
 */
export function writeSysctl(name: string, value: string | number): void {
  try {
    writeFileSync(pathOf(name), String(value));
  } catch (cause) {
    if (isAbsent(cause))
      throw new BerthError('unsupported', `this kernel has no sysctl ${name}`, { subject: name, cause });
    throw refusal(`cannot set sysctl ${name} to ${value}`, name, cause);
  }
}

const CODES: Partial<Record<string, ErrorCode>> = {
  EINVAL: 'invalid',
  ERANGE: 'invalid',
  EACCES: 'forbidden',
  EPERM: 'forbidden',
  EROFS: 'forbidden',
};

function refusal(what: string, name: string, cause: unknown): BerthError {
  const code = CODES[(cause as NodeJS.ErrnoException).code ?? ''] ?? 'internal';
  return new BerthError(code, `${what}: ${String(cause)}`, { subject: name, cause });
}

function isAbsent(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'ENOENT';
}
