import { readFileSync } from 'node:fs';

export type ProcessState = 'running' | 'zombie' | 'gone';

interface ProcessStatus {
  /** One letter: R, S, D, T, Z, X, … (proc(5)). */
  readonly state: string;
  readonly startTime: bigint;
}

/** A dead process that nobody has reaped yet is a zombie: as good as gone. */
export function processState(pid: number): ProcessState {
  const status = readStatus(pid);
  if (status === undefined) return 'gone';
  return status.state === 'Z' || status.state === 'X' ? 'zombie' : 'running';
}

/**
 * When a process began, in clock ticks since boot: with the pid it tells a process from a later one that was
 * given the same number. Undefined where there is none.
 */
export function processStartTime(pid: number): bigint | undefined {
  return readStatus(pid)?.startTime;
}

function readStatus(pid: number): ProcessStatus | undefined {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch {
    return undefined;
  }
  // The name, field 2, may hold spaces and parentheses: count from the last one. State is field 3, start time 22.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return { state: fields[0] ?? 'X', startTime: BigInt(fields[19] ?? 0) };
}
