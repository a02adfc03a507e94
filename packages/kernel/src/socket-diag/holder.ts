import { readFileSync, readdirSync, readlinkSync } from 'node:fs';

/** What a search reads at most: it is for a better error message, and must not take a second. */
const MAX_PROCESSES = 4096;
const MAX_DESCRIPTORS = 65_536;

export interface SocketHolder {
  readonly pid: number;
  /** As ps shows it: at most 15 bytes (/proc/PID/comm, proc(5)). */
  readonly name: string;
}

/**
 * The process that has the socket of an inode open, the one of the lowest id where several have. Undefined where none is
 * found: the kernel's own sockets, processes that another user hides, more than 4096 processes or 65536 descriptors.
 */
export function holderOf(inode: number): SocketHolder | undefined {
  if (inode === 0) return undefined;
  const wanted = `socket:[${inode}]`;
  const pids = listing('/proc').map(Number).filter(Number.isInteger);
  let descriptors = 0;
  for (const pid of pids.sort((a, b) => a - b).slice(0, MAX_PROCESSES)) {
    for (const descriptor of listing(`/proc/${pid}/fd`)) {
      if (++descriptors > MAX_DESCRIPTORS) return undefined;
      if (attempt(() => readlinkSync(`/proc/${pid}/fd/${descriptor}`)) !== wanted) continue;
      const name = attempt(() => readFileSync(`/proc/${pid}/comm`, 'utf8').trimEnd());
      if (name !== undefined) return { pid, name };
    }
  }
  return undefined;
}

const listing = (path: string): string[] => attempt(() => readdirSync(path)) ?? [];

/** Processes end, and descriptors are closed, while they are looked at; others may not be looked at. */
function attempt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
