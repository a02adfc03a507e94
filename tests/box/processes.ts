import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

export interface Process {
  readonly pid: number;
  readonly parent: number;
  readonly command: string;
}

interface Box {
  readonly folder: string;
  readonly hostPid: number;
}

/**
 * The processes of a box, its holder aside: those in its host's mount namespace, those that name its folder, and
 * all of their descendants (a container has a mount namespace of its own). Zombies count as dead: on some
 * machines init reaps late.
 */
export function boxProcesses(box: Box): Process[] {
  const all = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => readProcess(Number(name)));
  const mountNamespace = readLink(`/proc/${box.hostPid}/ns/mnt`);
  const chosen = new Set<number>();
  const belongs = (process: Process): boolean =>
    chosen.has(process.parent) ||
    process.command.includes(box.folder) ||
    (mountNamespace !== undefined && readLink(`/proc/${process.pid}/ns/mnt`) === mountNamespace);
  for (let before = -1; before !== chosen.size;) {
    before = chosen.size;
    for (const process of all) if (isOther(process, box) && belongs(process)) chosen.add(process.pid);
  }
  return all.filter((process) => chosen.has(process.pid));
}

function isOther({ pid }: Process, box: Box): boolean {
  return pid !== box.hostPid && pid !== process.pid && pid !== 1;
}

function readProcess(pid: number): Process[] {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name may hold spaces and parentheses: fields are counted from the last one (proc(5)).
    const [state, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (state === 'Z' || state === 'X') return [];
    const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
    return [{ pid, parent: Number(parent), command }];
  } catch {
    return [];
  }
}

function readLink(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}
