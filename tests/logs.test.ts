import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { useBox } from './box/fixture.js';
import { dockerProgram, eventually } from './box/index.js';

const fixture = useBox();
const docker = (...args: string[]) => fixture.box.docker(...args);
const tryDocker = (...args: string[]) => fixture.box.tryDocker(...args);
const curl = (...args: string[]) =>
  fixture.box.host('curl', '-s', '--unix-socket', '/run/berth/berth.sock', ...args);

const ROTATED = ['--log-opt', 'max-size=20k', '--log-opt', 'max-file=4'];
/** Numbered lines, no faster than files are put aside. */
const COUNTING =
  'i=0; while [ $i -lt 4000 ]; do echo line $i; i=$((i+1)); [ $((i%100)) = 0 ] && sleep 0.05; done';

function logFiles(id: string): string[] {
  const folder = join(fixture.box.folder, 'data/containers', id);
  return readdirSync(folder).filter((name) => name.includes('.log'));
}

describe('rotation', () => {
  test('a log is put aside by size, so many files are kept, and read as one', async () => {
    const id = await docker('run', '-d', '--name', 'many', ...ROTATED, 'busybox', 'sh', '-c', COUNTING);
    const followed = docker('logs', '-f', 'many');
    await docker('wait', 'many');
    const names = logFiles(id);
    expect(names.sort()).toEqual(['', '.1', '.2', '.3'].map((end) => `${id}.log${end}`));
    for (const name of names) {
      // What comes in the moment before a file is put aside is still written to it.
      expect(statSync(join(fixture.box.folder, 'data/containers', id, name)).size).toBeLessThan(40_000);
    }
    const lines = (await docker('logs', 'many')).split('\n');
    expect(lines.at(-1)).toBe('line 3999');
    expect(lines.length).toBeGreaterThan(400);
    expect(lines.length).toBeLessThan(4000);
    const first = Number(lines[0]?.split(' ')[1]);
    expect(lines).toEqual(lines.map((_, index) => `line ${first + index}`));
    expect((await docker('logs', '--tail', '700', 'many')).split('\n')).toEqual(lines.slice(-700));
    // Whoever followed from the beginning has seen all of it.
    expect((await followed).split('\n')).toEqual(Array.from({ length: 4000 }, (_, index) => `line ${index}`));
    await docker('rm', 'many');
  });

  test('since and until choose from all files', async () => {
    await docker('run', '--name', 'times', ...ROTATED, 'busybox', 'sh', '-c', COUNTING);
    const stamped = (await docker('logs', '-t', 'times')).split('\n');
    const middle = stamped[Math.floor(stamped.length / 2)]?.split(' ')[0] ?? '';
    const since = (await docker('logs', '-t', '--since', middle, 'times')).split('\n');
    const until = (await docker('logs', '-t', '--until', middle, 'times')).split('\n');
    expect(since).toEqual(stamped.filter((line) => line >= middle));
    expect(until).toEqual(stamped.filter((line) => (line.split(' ')[0] ?? '') <= middle));
    await docker('rm', 'times');
  });

  test('goes on with the next daemon', async () => {
    const id = await docker(
      'run',
      '-d',
      '--name',
      'next',
      ...ROTATED,
      'busybox',
      'sh',
      '-c',
      `sleep 3; ${COUNTING}`,
    );
    await fixture.daemon.crash();
    await fixture.box.startDaemon();
    await docker('wait', 'next');
    expect(logFiles(id)).toHaveLength(4);
    await docker('rm', 'next');
  });

  test('without options nothing is put aside; local has its own', async () => {
    const id = await docker('run', '--name', 'one', 'busybox', 'sh', '-c', 'seq 1 20000').then(() =>
      docker('inspect', '-f', '{{.Id}}', 'one'),
    );
    expect(logFiles(id)).toEqual([`${id}.log`]);
    await docker('rm', 'one');
    await docker('run', '--name', 'local', '--log-driver', 'local', 'busybox', 'echo', 'kept');
    expect(await docker('logs', 'local')).toBe('kept');
    expect(await docker('inspect', '-f', '{{.HostConfig.LogConfig.Type}} {{.LogPath}}', 'local')).toBe(
      'local ',
    );
    await docker('rm', 'local');
  });
});

describe('drivers and their options', () => {
  test('with none nothing is kept, and what is attached is seen', async () => {
    expect(await docker('run', '--name', 'none', '--log-driver', 'none', 'busybox', 'echo', 'seen')).toBe(
      'seen',
    );
    const logs = await tryDocker('logs', 'none');
    expect(logs.stderr).toContain('configured logging driver does not support reading');
    expect(logs.status).toBe(1);
    const id = await docker('inspect', '-f', '{{.Id}}', 'none');
    expect(logFiles(id)).toEqual([]);
    await docker('rm', 'none');
  });

  test.each([
    [
      ['--log-driver', 'syslog'],
      'log driver "syslog" is not supported by Berth yet: json-file, local and none are',
    ],
    [['--log-driver', 'nothing'], "logger: no log driver named 'nothing' is registered"],
    [['--log-opt', 'max-sice=1k'], "unknown log opt 'max-sice' for json-file log driver"],
    [['--log-opt', 'max-file=0'], 'max-file cannot be less than 1'],
  ])('%j is refused', async (flags, says) => {
    const refused = await tryDocker('run', '--name', 'refused', ...flags, 'busybox', 'true');
    expect(refused.stderr).toContain(says);
    expect(refused.status).toBe(125);
    expect(await docker('ps', '-aq', '-f', 'name=refused')).toBe('');
  });

  test('are told by inspect', async () => {
    await docker('create', '--name', 'told', ...ROTATED, 'busybox', 'true');
    expect(JSON.parse(await docker('inspect', '-f', '{{json .HostConfig.LogConfig}}', 'told'))).toEqual({
      Type: 'json-file',
      Config: { 'max-size': '20k', 'max-file': '4' },
    });
    await docker('rm', 'told');
  });

  test('details show the labels and variables that the options choose', async () => {
    const flags = [
      '--log-opt',
      'labels=app',
      '--log-opt',
      'env=MODE',
      '-l',
      'app=a b',
      '-l',
      'x=y',
      '-e',
      'MODE=1',
    ];
    await docker('run', '--name', 'details', ...flags, 'busybox', 'echo', 'hello');
    expect(await docker('logs', '--details', 'details')).toBe('MODE=1,app=a+b hello');
    expect(await docker('logs', '--details', '-t', 'details')).toMatch(/^\S+Z MODE=1,app=a\+b hello$/);
    await docker('rm', 'details');
    await docker('run', '--name', 'details', 'busybox', 'echo', 'hello');
    expect(await fixture.box.host(dockerProgram(), 'logs', '--details', 'details')).toBe(' hello\n');
    await docker('rm', 'details');
  });
});

describe('attaching with logs', () => {
  test('gives each byte once, whenever it joins', async () => {
    const script = 'i=0; while [ $i -lt 3000 ]; do echo line $i; i=$((i+1)); done; sleep 0.3; echo end';
    const whole = `${Array.from({ length: 3000 }, (_, index) => `line ${index}\n`).join('')}end\n`;
    for (let time = 0; time < 3; time += 1) {
      await docker('run', '-d', '-t', '--name', 'joined', 'busybox', 'sh', '-c', script);
      const url = 'http://d/containers/joined/attach?logs=1&stream=1&stdout=1&stderr=1';
      const both = await Promise.all([curl('-N', '-X', 'POST', url), curl('-N', '-X', 'POST', url)]);
      for (const output of both) expect(output.replaceAll('\r\n', '\n')).toBe(whole);
      await docker('rm', 'joined');
    }
  });

  test('of one at rest gives what was, then what comes', async () => {
    await docker('run', '-t', '--name', 'again', 'busybox', 'echo', 'hello');
    const url = 'http://d/containers/again/attach?logs=1&stdout=1';
    expect(await curl('-X', 'POST', url)).toBe('hello\r\n');
    const joined = curl('-N', '-X', 'POST', `${url}&stream=1`);
    await new Promise((resolve) => setTimeout(resolve, 300));
    await docker('start', 'again');
    expect(await joined).toBe('hello\r\nhello\r\n');
    await docker('rm', 'again');
  });
});

test('a client that stops reading stops nobody else', async () => {
  await docker('run', '-d', '--name', 'loud', ...ROTATED, 'busybox', 'yes');
  const stuck = fixture.box.startOnHost(dockerProgram(), 'logs', '-f', 'loud');
  stuck.stdout?.pause();
  await eventually('others read', async () => (await docker('logs', '--tail', '3', 'loud')) === 'y\ny\ny');
  const ended = new Promise((resolve) => stuck.once('exit', resolve));
  stuck.kill('SIGKILL');
  await ended;
  await docker('rm', '-f', 'loud');
});
