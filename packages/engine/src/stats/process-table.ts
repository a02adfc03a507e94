import { readFileSync } from 'node:fs';
import { totalmem } from 'node:os';

/** USER_HZ: clock ticks in a second, on every architecture that Node runs on (time(7)). */
const TICKS = 100;
/** Bytes of a page of /proc/PID/stat's rss; 4 KiB on the architectures that Berth runs on. */
const PAGE = 4096;

/** One process, as /proc tells of it (proc(5)). */
export interface ProcessEntry {
  readonly pid: number;
  readonly parent: number;
  readonly group: number;
  readonly session: number;
  readonly user: number;
  readonly groupId: number;
  /** The name of its program, at most 15 bytes. */
  readonly name: string;
  /** Its program and arguments; the name in brackets where it shows none. */
  readonly command: string;
  /** One letter: R, S, D, T, Z, … */
  readonly state: string;
  /** As ps puts it: the state, and what else there is to say. */
  readonly flags: string;
  readonly terminal: string;
  readonly nice: number;
  readonly priority: number;
  readonly threads: number;
  /** Seconds of work. */
  readonly cpuTime: number;
  /** Seconds since it began. */
  readonly elapsed: number;
  readonly started: Date;
  /** Of one processor, over its whole life. */
  readonly cpuPercent: number;
  /** KiB. */
  readonly virtualSize: number;
  readonly residentSize: number;
  readonly memoryPercent: number;
}

/** Reads one process; `undefined` where there is none (any more). */
export function readProcess(pid: number, proc = '/proc'): ProcessEntry | undefined {
  let stat, status, commandLine, uptime;
  try {
    stat = readFileSync(`${proc}/${pid}/stat`, 'utf8');
    status = readFileSync(`${proc}/${pid}/status`, 'utf8');
    commandLine = readFileSync(`${proc}/${pid}/cmdline`, 'utf8');
    uptime = Number(readFileSync(`${proc}/uptime`, 'utf8').split(' ')[0]);
  } catch {
    return undefined;
  }
  // The name may hold spaces and parentheses: count from the last one. State is field 3 of proc(5).
  const end = stat.lastIndexOf(')');
  const name = stat.slice(stat.indexOf('(') + 1, end);
  const fields = stat.slice(end + 2).split(' ');
  const number = (field: number) => Number(fields[field - 3]);
  const statusNumber = (key: string) => Number(new RegExp(`^${key}:\\s+(\\d+)`, 'm').exec(status)?.[1] ?? 0);
  const elapsed = Math.max(0, uptime - number(22) / TICKS);
  const cpuTime = (number(14) + number(15)) / TICKS;
  const residentSize = (number(24) * PAGE) / 1024;
  const args = commandLine.replace(/\0+$/, '').replaceAll('\0', ' ');
  return {
    pid,
    parent: number(4),
    group: number(5),
    session: number(6),
    user: statusNumber('Uid'),
    groupId: statusNumber('Gid'),
    name,
    command: args === '' ? `[${name}]` : args,
    state: fields[0] ?? '?',
    flags: [
      fields[0] ?? '?',
      number(19) < 0 ? '<' : number(19) > 0 ? 'N' : '',
      statusNumber('VmLck') > 0 ? 'L' : '',
      number(6) === pid ? 's' : '',
      number(20) > 1 ? 'l' : '',
      number(8) === number(5) ? '+' : '',
    ].join(''),
    terminal: terminalName(number(7)),
    nice: number(19),
    // As ps -o pri: higher is better.
    priority: 39 - number(18),
    threads: number(20),
    cpuTime,
    elapsed,
    started: new Date(Date.now() - elapsed * 1000),
    cpuPercent: elapsed === 0 ? 0 : (cpuTime / elapsed) * 100,
    virtualSize: number(23) / 1024,
    residentSize,
    memoryPercent: (residentSize * 1024 * 100) / totalmem(),
  };
}

/** A device number's parts are spread over its bits (proc(5), tty_nr); majors are those of Documentation/admin-guide/devices.txt. */
function terminalName(device: number): string {
  const major = (device >> 8) & 0xfff;
  const minor = (device & 0xff) | ((device >> 12) & 0xfff00);
  if (major >= 136 && major <= 143) return `pts/${(major - 136) * 256 + minor}`;
  if (major === 4) return minor < 64 ? `tty${minor}` : `ttyS${minor - 64}`;
  return '?';
}
