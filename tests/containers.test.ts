import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { eventually } from './box/index.js';
import { useBox } from './box/fixture.js';

const fixture = useBox();
const berth = (...args: string[]) => fixture.box.berth(...args);
const tryBerth = (...args: string[]) => fixture.box.tryBerth(...args);

interface ContainerShown {
  Id: string;
  Name: string;
  State: {
    Status: string;
    Running: boolean;
    Pid: number;
    ExitCode: number;
    StartedAt: string;
    FinishedAt: string;
  };
  Config: { Hostname: string; Env: string[]; Cmd: string[] };
  HostConfig: { NetworkMode: string };
}

async function inspect(name: string): Promise<ContainerShown> {
  const [shown] = JSON.parse(await berth('inspect', name)) as ContainerShown[];
  if (shown === undefined) throw new Error(`nothing shown for ${name}`);
  return shown;
}

describe('run', () => {
  test('in the foreground prints what the container prints, to the right stream, and returns its status', async () => {
    const result = await tryBerth('run', '--rm', 'busybox', 'sh', '-c', 'echo out; echo err >&2; exit 7');
    expect(result).toMatchObject({ stdout: 'out\n', stderr: 'err\n', status: 7 });
    expect(await berth('ps', '-aq')).toBe('');
  });

  test('takes environment, working directory, user, host name and a bind', async () => {
    const folder = `${fixture.box.folder}/bound`;
    mkdirSync(folder);
    writeFileSync(`${folder}/note`, 'from the host\n');
    const script = 'echo $COLOUR; pwd; id -un; hostname; cat /bound/note; echo back > /bound/reply';
    const printed = await berth(
      ...['run', '--rm', '-e', 'COLOUR=red', '-w', '/tmp', '--hostname', 'harbour', '-v', `${folder}:/bound`],
      ...['busybox', 'sh', '-c', script],
    );
    expect(printed.split('\n')).toEqual(['red', '/tmp', 'root', 'harbour', 'from the host']);
    expect(readFileSync(`${folder}/reply`, 'utf8')).toBe('back\n');
    expect(await berth('run', '--rm', '-u', 'nobody', 'busybox', 'id', '-un')).toBe('nobody');
    const readOnly = await tryBerth(
      'run',
      '--rm',
      '-v',
      `${folder}:/bound:ro`,
      'busybox',
      'touch',
      '/bound/x',
    );
    expect(readOnly.status).not.toBe(0);
    expect(readOnly.stderr).toContain('Read-only file system');
  });

  test('-i hands its input to the container', async () => {
    const result = await fixture.box.tryHost([
      'sh',
      '-c',
      `printf 'one\\ntwo\\n' | ${fixture.box.berthCommand} run --rm -i busybox wc -l`,
    ]);
    expect(result).toMatchObject({ stdout: '2\n', status: 0 });
  });

  test('-it gives it a terminal', async () => {
    const command = `stty rows 40 cols 100; ${fixture.box.berthCommand} run --rm -it busybox sh -c 'tty; echo $TERM; stty size'`;
    const result = await fixture.box.tryHost(['script', '-qec', command, '/dev/null'], {
      env: { TERM: 'xterm' },
    });
    expect(result.stdout).toMatch(/^\/dev\/pts\/0\r\nxterm\r\n40 100\r\n$/);
    expect(result.status).toBe(0);
  });

  test("drops what Docker's default capabilities and seccomp profile deny", async () => {
    const status = await berth('run', '--rm', 'busybox', 'cat', '/proc/self/status');
    expect(status).toMatch(/^CapEff:\t00000000a80425fb$/m);
    expect(status).toMatch(/^Seccomp:\t2$/m);
    expect((await tryBerth('run', '--rm', 'busybox', 'unshare', '-m', 'true')).status).not.toBe(0);
    expect(
      (await tryBerth('run', '--rm', 'busybox', 'mount', '-t', 'tmpfs', 'none', '/tmp')).status,
    ).not.toBe(0);
    const proc = await tryBerth('run', '--rm', 'busybox', 'sh', '-c', 'echo 1 > /proc/sys/kernel/panic');
    expect(proc.stderr).toMatch(/Read-only file system|nonexistent|Permission denied/);
  });
});

describe('a container that runs', () => {
  test('is listed, inspected, entered, and its log read', async () => {
    const id = await berth('run', '-d', '--name', 'web', 'busybox', 'sh', '-c', 'echo hello; exec sleep 600');
    expect(id).toMatch(/^[0-9a-f]{64}$/);
    expect(await berth('ps', '-q', '--no-trunc')).toBe(id);
    expect(await berth('ps')).toMatch(
      new RegExp(
        `^CONTAINER ID +IMAGE +COMMAND +CREATED +STATUS +PORTS +NAMES\\n${id.slice(0, 12)} +busybox +"sh -c .* +Up .* +web$`,
      ),
    );
    const shown = await inspect('web');
    expect(shown).toMatchObject({
      Id: id,
      Name: '/web',
      State: { Status: 'running', Running: true, ExitCode: 0 },
    });
    expect(readFileSync(`/proc/${shown.State.Pid}/cmdline`, 'utf8')).toContain('sleep');
    expect((await inspect(id.slice(0, 4))).Id).toBe(id);
    expect(await berth('exec', 'web', 'cat', '/proc/1/cmdline')).toContain('sleep');
    expect((await tryBerth('exec', 'web', 'sh', '-c', 'exit 3')).status).toBe(3);
    expect(await berth('exec', '-e', 'A=b', '-w', '/etc', 'web', 'sh', '-c', 'echo $A; pwd')).toBe('b\n/etc');
    await eventually('the log is there', async () => (await berth('logs', 'web')) === 'hello');
    expect(await berth('logs', '-t', 'web')).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z hello$/);
    await berth('rm', '-f', 'web');
  });

  test('is stopped with its signal, then killed after the time given', async () => {
    const polite = "trap 'echo bye; exit 0' TERM; echo ready; while :; do sleep 0.1; done";
    await berth('run', '-d', '--name', 'polite', 'busybox', 'sh', '-c', polite);
    await eventually('the trap is set', async () => (await berth('logs', 'polite')).includes('ready'));
    await berth('stop', 'polite');
    expect((await inspect('polite')).State).toMatchObject({
      Status: 'exited',
      Running: false,
      Pid: 0,
      ExitCode: 0,
    });
    expect(await berth('logs', 'polite')).toContain('bye');
    await berth('run', '-d', '--name', 'stubborn', 'busybox', 'sleep', '600');
    await berth('stop', '-t', '1', 'stubborn');
    expect((await inspect('stubborn')).State).toMatchObject({ Status: 'exited', ExitCode: 137 });
    await berth('rm', 'polite', 'stubborn');
  });

  test('can be started again, keeps its files, and is waited for', async () => {
    await berth(
      'create',
      '--name',
      'again',
      'busybox',
      'sh',
      '-c',
      'echo x >> /count; cat /count; exit $(wc -l < /count)',
    );
    expect((await inspect('again')).State.Status).toBe('created');
    await berth('start', 'again');
    expect(await berth('wait', 'again')).toBe('1');
    await berth('start', 'again');
    expect(await berth('wait', 'again')).toBe('2');
    expect(await berth('logs', 'again')).toBe('x\nx\nx');
    await berth('rm', 'again');
  });

  test('takes signals by kill', async () => {
    await berth('run', '-d', '--name', 'victim', 'busybox', 'sleep', '600');
    await berth('kill', 'victim');
    expect(await berth('wait', 'victim')).toBe('137');
    const again = await tryBerth('kill', 'victim');
    expect(again.status).toBe(1);
    expect(again.stderr).toMatch(/is not running/);
    await berth('rm', 'victim');
  });

  test('logs -f follows until the end', async () => {
    const script = 'for i in 1 2 3; do echo line $i; sleep 0.2; done';
    await berth('run', '-d', '--name', 'talker', 'busybox', 'sh', '-c', script);
    expect(await berth('logs', '-f', 'talker')).toBe('line 1\nline 2\nline 3');
    expect(await berth('logs', '--tail', '1', 'talker')).toBe('line 3');
    await berth('rm', 'talker');
  });

  test('has its own hosts, hostname and resolv.conf', async () => {
    await berth('run', '-d', '--name', 'files', 'busybox', 'sleep', '600');
    const { Id } = await inspect('files');
    expect(await berth('exec', 'files', 'cat', '/etc/hostname')).toBe(Id.slice(0, 12));
    expect(await berth('exec', 'files', 'cat', '/etc/hosts')).toMatch(
      new RegExp(`^172\\.17\\.0\\.\\d+\\s+${Id.slice(0, 12)}$`, 'm'),
    );
    expect(await berth('exec', 'files', 'cat', '/etc/resolv.conf')).toContain('nameserver 198.51.100.2');
    await berth('rm', '-f', 'files');
  });
});

test('a container that ends at once has started all the same', async () => {
  for (let round = 0; round < 25; round++) {
    expect(await tryBerth('run', '--rm', 'busybox', 'true')).toMatchObject({ status: 0, stderr: '' });
  }
});

test('a reader that is slow holds the output up, and gets all of it', async () => {
  const produce = 'dd if=/dev/zero bs=1M count=64 2>/dev/null';
  const memory = async (): Promise<number> => {
    const status = await fixture.box.host('cat', `/proc/${fixture.daemon.pid}/status`);
    return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]);
  };
  const before = await memory();
  await berth('run', '-d', '--name', 'loud', 'busybox', 'sleep', '600');
  for (const command of ['run --rm busybox', 'exec loud']) {
    const line = `${fixture.box.berthCommand} ${command} sh -c '${produce}' | (sleep 1; wc -c)`;
    expect((await fixture.box.host('sh', '-c', line)).trim()).toBe(String(64 * 1024 * 1024));
  }
  // Not the whole output at once: 64 MiB each.
  expect((await memory()) - before).toBeLessThan(48 * 1024);
  await berth('rm', '-f', 'loud');
});

test('a container whose conmon was killed with it is found to have ended', async () => {
  await berth('run', '-d', '--name', 'orphan', '-p', '8070:80', 'busybox', 'sleep', '600');
  const { Pid } = (await inspect('orphan')).State;
  const conmon = /^PPid:\s+(\d+)$/m.exec(readFileSync(`/proc/${Pid}/status`, 'utf8'))?.[1];
  process.kill(Number(conmon), 'SIGKILL');
  process.kill(Pid, 'SIGKILL');
  await eventually(
    'the end is noticed',
    async () => (await inspect('orphan')).State.Status === 'exited',
    15_000,
  );
  await berth('run', '--rm', '-p', '8070:80', 'busybox', 'true');
  await berth('rm', 'orphan');
});
