import { execFileSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { readProcess } from './process-table.js';
import { psColumns } from './ps-columns.js';

const titles = (args: string) => psColumns(args).map(({ title }) => title);

it.each([
  '-ef',
  '-e -f',
  '-fe',
  'aux',
  'axu',
  '-o pid,ppid,comm',
  '-eo pid,args',
  'axo pid,stat',
  '-o pid -o cmd',
])('shows what ps %s shows', (args) => {
  const [heading = ''] = execFileSync('ps', args.split(' '), { encoding: 'utf8' }).split('\n');
  expect(titles(args)).toEqual(heading.trim().split(/\s+/));
});

it('reads a process as ps does', () => {
  const list = 'pid,ppid,pgid,sid,uid,gid,user,comm,stat,ni,pri,nlwp,tname,stime,args';
  const sleeper = 1;
  const shown = execFileSync('ps', ['-ww', '-o', list, '-p', String(sleeper)], { encoding: 'utf8' });
  const process = readProcess(sleeper);
  if (process === undefined) throw new Error('there is no process 1');
  const row = psColumns(`-o ${list}`).map(({ value }) => value(process));
  expect(row.join(' ').replaceAll(/\s+/g, ' ')).toBe(shown.split('\n')[1]?.trim().replaceAll(/\s+/g, ' '));
});

it('knows nothing of a process that is gone', () => {
  expect(readProcess(2 ** 30)).toBeUndefined();
});

it('refuses by name what it does not know', () => {
  expect(() => psColumns('-ef --forest')).toThrow('the argument --forest of ps is not supported by Berth');
  expect(() => psColumns('-o pid,wchan')).toThrow('the column "wchan" of ps is not known');
  expect(() => psColumns('-o comm')).toThrow("Couldn't find PID field in ps output");
});
