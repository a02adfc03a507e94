import { existsSync } from 'node:fs';
import { errnoName, errnoText, KernelError, NETNS_DIRECTORY, NetworkNamespace } from '@berth/kernel';
import { resolveContainerNamespace } from '../nsexec/container.js';
import { usage, wrongValue } from './failure.js';
import type { Options } from './options.js';

/** The text of the errno at the bottom of a thrown error, the kernel's or Node's. */
export function reasonOf(error: unknown): string {
  if (error instanceof KernelError) return errnoText(error.errno);
  if (!(error instanceof Error)) return String(error);
  if ('errno' in error && typeof error.errno === 'number') return errnoText(errnoName(Math.abs(error.errno)));
  return error.cause === undefined ? error.message : reasonOf(error.cause);
}

/** The file of a network namespace: below /run/netns unless a path is given. */
export function namespacePath(name: string): string {
  return name.includes('/') ? name : `${NETNS_DIRECTORY}/${name}`;
}

/** Opens the namespace that a name or path stands for; @throws IpFailure in `ip`'s words */
export function openNamespace(name: string): NetworkNamespace {
  try {
    return NetworkNamespace.open(namespacePath(name));
  } catch (error) {
    throw usage(`Cannot open network namespace "${name}": ${reasonOf(error)}`);
  }
}

/** The namespace that the command is about, to be closed by the caller. */
export async function chosenNamespace(options: Options): Promise<NetworkNamespace> {
  if (options.namespace !== undefined) return openNamespace(options.namespace);
  if (options.container !== undefined) return resolveContainerNamespace(options.container);
  return NetworkNamespace.current();
}

/** What `netns NAME` or `netns PID` of a link command means: a namespace's name, else a process. */
export function targetNamespace(text: string): NetworkNamespace | number {
  if (existsSync(namespacePath(text))) return openNamespace(text);
  if (/^\d+$/.test(text)) return Number(text);
  throw wrongValue(text, 'Invalid "netns" value');
}
