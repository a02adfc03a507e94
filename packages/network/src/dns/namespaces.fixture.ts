import { execFileSync } from 'node:child_process';

/** Gives a new namespace its loopback, as a sandbox has. */
export function setLoopbackUp(path: string): void {
  execFileSync('nsenter', [`--net=${path}`, 'ip', 'link', 'set', 'lo', 'up']);
}
