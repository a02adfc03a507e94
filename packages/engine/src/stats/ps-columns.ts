import { readFileSync } from 'node:fs';
import { BerthError } from '@berth/core';
import type { ProcessEntry } from './process-table.js';

/** A column of ps (ps(1), "STANDARD FORMAT SPECIFIERS"). */
export interface Column {
  readonly title: string;
  readonly value: (process: ProcessEntry) => string;
}

const user = ({ user: id }: ProcessEntry) => nameOf('/etc/passwd', id);
const group = ({ groupId }: ProcessEntry) => nameOf('/etc/group', groupId);
const text = (key: keyof ProcessEntry) => (process: ProcessEntry) => String(process[key]);
const whole = (key: 'virtualSize' | 'residentSize' | 'elapsed' | 'cpuPercent') => (process: ProcessEntry) =>
  String(Math.floor(process[key]));
const tenths = (key: 'cpuPercent' | 'memoryPercent') => (process: ProcessEntry) => process[key].toFixed(1);
const clock = (key: 'cpuTime' | 'elapsed', pattern: (seconds: number) => string) => (process: ProcessEntry) =>
  pattern(Math.floor(process[key]));
const started = ({ started: at }: ProcessEntry) => startText(at, new Date());

/** By the names that `-o` knows them by. */
const COLUMNS: Readonly<Record<string, Column>> = {
  ...named(['user', 'uname'], 'USER', user),
  ...named(['euser'], 'EUSER', user),
  ...named(['uid'], 'UID', text('user')),
  ...named(['euid'], 'EUID', text('user')),
  ...named(['group'], 'GROUP', group),
  ...named(['gid'], 'GID', text('groupId')),
  ...named(['pid', 'tgid'], 'PID', text('pid')),
  ...named(['ppid'], 'PPID', text('parent')),
  ...named(['pgid', 'pgrp'], 'PGID', text('group')),
  ...named(['sid', 'sess', 'session'], 'SID', text('session')),
  ...named(['c'], 'C', whole('cpuPercent')),
  ...named(['pcpu', '%cpu'], '%CPU', tenths('cpuPercent')),
  ...named(['pmem', '%mem'], '%MEM', tenths('memoryPercent')),
  ...named(['vsz', 'vsize'], 'VSZ', whole('virtualSize')),
  ...named(['rss', 'rssize', 'rsz'], 'RSS', whole('residentSize')),
  ...named(['tname'], 'TTY', text('terminal')),
  ...named(['tty', 'tt'], 'TT', text('terminal')),
  ...named(['stat'], 'STAT', text('flags')),
  ...named(['s', 'state'], 'S', text('state')),
  ...named(['ni', 'nice'], 'NI', text('nice')),
  ...named(['pri'], 'PRI', text('priority')),
  ...named(['nlwp', 'thcount'], 'NLWP', text('threads')),
  ...named(['time', 'cputime'], 'TIME', clock('cpuTime', longTime)),
  ...named(['bsdtime'], 'TIME', clock('cpuTime', shortTime)),
  ...named(['etime'], 'ELAPSED', clock('elapsed', elapsedTime)),
  ...named(['etimes'], 'ELAPSED', whole('elapsed')),
  ...named(['stime'], 'STIME', started),
  ...named(['start_time', 'bsdstart'], 'START', started),
  ...named(['comm', 'ucmd', 'ucomm'], 'COMMAND', text('name')),
  ...named(['args', 'command'], 'COMMAND', text('command')),
  ...named(['cmd'], 'CMD', text('command')),
};

/** `ps -ef`, as it is without further options. */
const FULL = [{ title: 'UID', value: user }, ...columns('pid,ppid,c,stime,tname,time,cmd')];
/** `ps aux`. */
const BY_USER = columns('user,pid,pcpu,pmem,vsz,rss,tname,stat,start_time,bsdtime,args');

/**
 * What `ps` would show with these arguments. Which processes they select does not matter: those of one container are shown.
 *
 * @throws BerthError `invalid`, naming an argument that is not known; `internal`, in Docker's words, for a table without PID
 */
export function psColumns(args: string): Column[] {
  const words = args.split(/\s+/).filter((word) => word !== '');
  const own: Column[] = [];
  let shown: Column[] | undefined;
  for (let index = 0; index < words.length; index++) {
    const word = words[index] ?? '';
    const list = /^-?[eAax]*[oO](.*)$/.exec(word)?.[1] ?? (word === '--format' ? '' : undefined);
    if (list !== undefined) {
      own.push(...columns(list === '' ? (words[++index] ?? '') : list));
    } else if (/^-[eAax]*f[eAax]*$/.test(word)) {
      shown = FULL;
    } else if (/^-?[ax]*u[ax]*w*$/.test(word) && word !== '-u') {
      shown = BY_USER;
    } else if (!/^(-[eAaxw]+|[axw]+)$/.test(word)) {
      throw new BerthError(
        'invalid',
        `the argument ${word} of ps is not supported by Berth: -ef, aux and -o with columns are`,
        { subject: word },
      );
    }
  }
  const chosen = own.length > 0 ? own : (shown ?? columns('pid,tname,time,ucmd'));
  if (!chosen.some(({ title }) => title === 'PID'))
    throw new BerthError('internal', "Couldn't find PID field in ps output");
  return chosen;
}

function columns(list: string): Column[] {
  return list.split(',').map((name) => {
    const column = Object.hasOwn(COLUMNS, name) ? COLUMNS[name] : undefined;
    if (column !== undefined) return column;
    const known = Object.keys(COLUMNS).join(', ');
    throw new BerthError('invalid', `the column "${name}" of ps is not known: there are ${known}`, {
      subject: name,
    });
  });
}

function named(names: readonly string[], title: string, value: Column['value']): Record<string, Column> {
  return Object.fromEntries(names.map((name) => [name, { title, value }]));
}

/** The host's name for a number, as the host's ps has it; passwd(5) and group(5) both have the number third. */
function nameOf(file: string, id: number): string {
  try {
    const lines = readFileSync(file, 'utf8').split('\n');
    return lines.map((line) => line.split(':')).find((fields) => fields[2] === String(id))?.[0] ?? String(id);
  } catch {
    return String(id);
  }
}

const two = (value: number) => String(value).padStart(2, '0');

/** `[DD-]HH:MM:SS`. */
function longTime(seconds: number): string {
  const days = Math.floor(seconds / 86_400);
  const rest = [Math.floor(seconds / 3600) % 24, Math.floor(seconds / 60) % 60, seconds % 60].map(two);
  return `${days > 0 ? `${days}-` : ''}${rest.join(':')}`;
}

/** `M:SS`. */
function shortTime(seconds: number): string {
  return `${Math.floor(seconds / 60)}:${two(seconds % 60)}`;
}

/** `[[DD-]HH:]MM:SS`. */
function elapsedTime(seconds: number): string {
  return seconds < 3600 ? `${two(Math.floor(seconds / 60))}:${two(seconds % 60)}` : longTime(seconds);
}

/** The time of day for a process of today, else the day or the year. */
function startText(at: Date, now: Date): string {
  if (at.toDateString() === now.toDateString()) return `${two(at.getHours())}:${two(at.getMinutes())}`;
  const [, month = '', day = '', year = ''] = at.toDateString().split(' ');
  return at.getFullYear() === now.getFullYear() ? `${month}${day}` : year;
}
