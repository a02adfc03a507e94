import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { processStartTime } from '@berth/kernel';

/** In the folder of the work that an image tool does. */
const FILE = 'tool';

/** Writes down which process works in a folder, for a daemon that comes after this one. It leads a process group. */
export function rememberTool(folder: string, pid: number | undefined): void {
  if (pid === undefined) return;
  writeFileSync(join(folder, FILE), `${pid} ${processStartTime(pid) ?? 0n}`);
}

/** Ends a process group of ours; one that has ended is no error. */
export function killTool(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** Ends what still works in a folder of a daemon that was killed. Its start time tells it from others with its number. */
export function killRemembered(folder: string): void {
  let text;
  try {
    text = readFileSync(join(folder, FILE), 'utf8');
  } catch {
    return;
  }
  const match = /^(\d+) (\d+)$/.exec(text);
  const pid = Number(match?.[1]);
  if (match !== null && pid > 1 && String(processStartTime(pid)) === match[2]) killTool(pid);
}
