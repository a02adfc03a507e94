import { execFileSync, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { inNamespace, NetworkNamespace, RouteSocket } from '@berth/kernel';
import { runBrctl } from './index.js';

const name = `bbr-${randomBytes(3).toString('hex')}`;
const path = `/run/netns/${name}`;

/** bridge-utils, the judge; nsenter, because it reads /sys of the namespace that it is mounted from. */
function judge(args: readonly string[]) {
  const mounted = 'mount -t sysfs none /sys && exec brctl "$@"';
  const { stdout, stderr, status } = spawnSync(
    'nsenter',
    [`--net=${path}`, 'unshare', '-m', 'sh', '-c', mounted, 'brctl', ...args],
    { encoding: 'utf8' },
  );
  return { out: stdout, err: stderr, status };
}

async function berth(args: readonly string[]) {
  let out = '';
  let err = '';
  const stdout = vi
    .spyOn(process.stdout, 'write')
    .mockImplementation((text) => ((out += String(text)), true));
  const stderr = vi
    .spyOn(process.stderr, 'write')
    .mockImplementation((text) => ((err += String(text)), true));
  // The command works in the namespace it is run in: its socket is born there.
  using namespace = NetworkNamespace.open(path);
  const open = RouteSocket.open.bind(RouteSocket);
  const opened = vi.spyOn(RouteSocket, 'open').mockImplementation(() => inNamespace(namespace, () => open()));
  try {
    const status = await runBrctl(args);
    return { out, err, status };
  } finally {
    opened.mockRestore();
    stdout.mockRestore();
    stderr.mockRestore();
  }
}

function ip(command: string): void {
  execFileSync('ip', ['-n', name, ...command.split(' ')]);
}

beforeAll(() => {
  execFileSync('ip', ['netns', 'add', name]);
  ip('link add zz type bridge');
  ip('link set zz up');
  for (const pair of ['b', 'a', 'c']) {
    ip(`link add ${pair}0 type veth peer name ${pair}1`);
    ip(`link set ${pair}0 up`);
    ip(`link set ${pair}1 up`);
  }
  for (const port of ['b1', 'a1']) ip(`link set ${port} master zz`);
  ip('link add empty type bridge stp_state 1');
  execFileSync('bridge', ['-n', name, 'fdb', 'add', '02:00:00:00:00:55', 'dev', 'a1', 'master', 'static']);
  spawnSync('ip', ['netns', 'exec', name, 'ping', '-c1', '-W1', '-I', 'a0', '224.0.0.1']);
});

afterAll(() => {
  spawnSync('ip', ['netns', 'delete', name]);
});

/** Ages go on between the two commands. */
function still(text: string): string {
  return text.replaceAll(/\bno\t\t +\d+\.\d\d/g, 'no\t\tN');
}

describe('brctl', () => {
  it.each([
    'show',
    'show zz',
    'show empty',
    'showmacs zz',
    'showmacs empty',
    'show nope',
    'show zz c0',
    'showmacs nope',
  ])('%s says what bridge-utils says', async (command) => {
    const args = command.split(' ');
    const ours = await berth(args);
    const theirs = judge(args);
    expect({ ...ours, out: still(ours.out) }).toEqual({ ...theirs, out: still(theirs.out) });
  });

  it.each([
    ...[
      'addbr zz',
      'addbr',
      'delbr nope',
      'delbr zz',
      'delbr c0',
      'addif zz nope',
      'addif nope c0',
      'addif zz a1',
    ],
    ...['addif zz zz', 'addif zz empty', 'delif zz c0', 'delif zz nope', 'delif nope c0', 'addif zz'],
  ])('%s is refused in the same words', async (command) => {
    const args = command.split(' ');
    expect(await berth(args)).toEqual(judge(args));
  });

  it('makes a bridge, gives it ports, takes them and it away', async () => {
    const nothing = { out: '', err: '', status: 0 };
    expect(await berth(['addbr', 'br'])).toEqual(nothing);
    expect(await berth(['addif', 'br', 'c0', 'c1'])).toEqual(nothing);
    expect(judge(['show', 'br']).out).toMatch(/\tc0\n\t+c1\n$/);
    expect(await berth(['delif', 'br', 'c0'])).toEqual(nothing);
    expect(judge(['show', 'br']).out).not.toContain('c0');
    expect(await berth(['delbr', 'br'])).toEqual(nothing);
    expect(judge(['show', 'br']).status).toBe(1);
  });

  it('names a command that it does not have', async () => {
    const { err, status } = await berth(['setfd', 'zz', '1']);
    expect(err).toContain('does not have "setfd"');
    expect(status).toBe(1);
  });
});
