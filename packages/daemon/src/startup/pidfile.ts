import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { BerthError } from '@berth/core';
import { processStartTime, processState } from '@berth/kernel';

/** Clock ticks per second in /proc/PID/stat: USER_HZ is 100 on every architecture that Node runs on (time(7)). */
const USER_HZ = 100;
/** Seconds that the clocks of the file system and of process starts may differ. */
const SLACK = 2;

/**
 * Writes our number to `path`, unless another daemon that lives wrote its own there.
 *
 * @returns removes the file again
 * @throws BerthError `conflict`
 */
export function claimPidfile(path: string): () => void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
  for (;;) {
    try {
      writeFileSync(path, `${process.pid}\n`, { flag: 'wx', mode: 0o644 });
      return () => rmSync(path, { force: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    const owner = livingOwner(path);
    if (owner !== undefined) {
      throw new BerthError(
        'conflict',
        `a daemon is running already: process ${owner} of pid file ${path}. Stop it, or give this one its own ` +
          '--pidfile, --exec-root, --data-root and -H',
      );
    }
    rmSync(path, { force: true });
  }
}

/** The process that wrote the file, if it lives: neither gone, nor a zombie, nor a later process of the same number. */
function livingOwner(path: string): number | undefined {
  let pid: number;
  let written: number;
  try {
    pid = Number(readFileSync(path, 'utf8').trim());
    written = statSync(path).mtimeMs / 1000;
  } catch {
    return undefined;
  }
  if (!Number.isInteger(pid) || pid <= 0 || pid === process.pid) return undefined;
  const started = startOf(pid);
  return started !== undefined && started <= written + SLACK ? pid : undefined;
}

/** When process `pid` was started, in seconds since 1970; undefined if it is dead. */
function startOf(pid: number): number | undefined {
  const ticks = processState(pid) === 'running' ? processStartTime(pid) : undefined;
  if (ticks === undefined) return undefined;
  // proc(5): the time of boot, in seconds since 1970.
  const boot = /^btime (\d+)$/m.exec(readFileSync('/proc/stat', 'utf8'))?.[1];
  return Number(boot) + Number(ticks) / USER_HZ;
}
