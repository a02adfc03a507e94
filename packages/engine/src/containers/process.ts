import { processStartTime, processState } from '@berth/kernel';
import type { ContainerRecord } from './table.js';

/** Whether the container's first process is there: that very one, not a later one with the same number. */
export function processAlive({ state, processStart }: ContainerRecord): boolean {
  return (
    state.pid > 0 &&
    processState(state.pid) === 'running' &&
    String(processStartTime(state.pid)) === processStart
  );
}

/** Sends a signal to a container's first process; one that has ended meanwhile needs none. */
export function signalContainer(record: ContainerRecord, signal: number): void {
  if (!processAlive(record)) return;
  try {
    process.kill(record.state.pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
