import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { processStartTime, processState } from './index.js';

it('reads a process whose name holds spaces and parentheses', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'berth-process-'));
  const program = join(directory, 'a) Z 1 (b');
  copyFileSync('/bin/sleep', program);
  const child = spawn(program, ['60']);
  await once(child, 'spawn');
  const pid = child.pid ?? 0;
  expect(readFileSync(`/proc/${pid}/comm`, 'utf8')).toBe('a) Z 1 (b\n');
  expect(processState(pid)).toBe('running');
  const started = processStartTime(pid) ?? 0n;
  expect(started).toBeGreaterThanOrEqual(processStartTime(process.pid) ?? 0n);
  expect(processStartTime(pid)).toBe(started);
  child.kill('SIGKILL');
  await once(child, 'exit');
  expect(processState(pid)).toBe('gone');
  expect(processStartTime(pid)).toBeUndefined();
  rmSync(directory, { recursive: true });
});

it('takes one that is dead but not reaped for a zombie', async () => {
  // The shell starts a child and becomes a program that never waits for it, before the child ends.
  const parent = spawn('sh', ['-c', 'sleep 0.3 & echo $!; exec sleep 60'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const [output] = (await once(parent.stdout, 'data')) as [Buffer];
  const pid = Number(output.toString());
  await expect.poll(() => processState(pid), { timeout: 5000 }).toBe('zombie');
  parent.kill('SIGKILL');
  await once(parent, 'exit');
});
