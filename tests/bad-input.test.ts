import { describe, expect, test } from 'vitest';
import { BERTH, leftovers, run } from './box/index.js';
import { useBox } from './box/fixture.js';

const fixture = useBox();
const berth = (...args: string[]) => fixture.box.berth(...args);
const tryBerth = (...args: string[]) => fixture.box.tryBerth(...args);

interface Case {
  readonly name: string;
  readonly args: readonly string[];
  readonly status: number;
  readonly says: RegExp;
}

const refused = (name: string, command: string, status: number, says: RegExp): Case => ({
  name,
  args: command.split(' '),
  status,
  says,
});

describe('a clear refusal, and nothing is made', () => {
  test.each<Case>([
    refused('unknown container', 'inspect nobody', 1, /No such (object|container): nobody/),
    refused('unknown container to stop', 'stop nobody', 1, /No such container: nobody/),
    refused('unknown container to enter', 'exec nobody true', 1, /No such container: nobody/),
    refused('unknown image', 'run nowhere true', 125, /nowhere/),
    refused('unknown network', 'run --network nowhere busybox true', 125, /network nowhere not found/),
    refused('unknown network to remove', 'network rm nowhere', 1, /network nowhere not found/),
    refused('unknown driver', 'network create -d warp x', 1, /warp/),
    refused('malformed subnet', 'network create --subnet 10.1.2/33 x', 1, /10\.1\.2\/33/),
    refused('host bits', 'network create --subnet 10.1.2.3/24 x', 1, /10\.1\.2\.3\/24.*10\.1\.2\.0\/24/),
    refused(
      'a gateway outside',
      'network create --subnet 10.1.2.0/24 --gateway 10.9.9.1 x',
      1,
      /10\.9\.9\.1/,
    ),
    refused(
      'a range outside',
      'network create --subnet 10.1.2.0/24 --ip-range 10.9.0.0/24 x',
      1,
      /10\.9\.0\.0\/24/,
    ),
    refused('overlap', 'network create --subnet 172.17.128.0/24 x', 1, /[Pp]ool overlaps with other one/),
    refused('a predefined name', 'network create bridge', 1, /bridge/),
    refused(
      'removal of a predefined network',
      'network rm host',
      1,
      /host is a pre-defined network and cannot be removed/,
    ),
    refused(
      'an address on the default bridge',
      'run --ip 172.17.0.9 busybox true',
      125,
      /user specified IP address is supported on user defined networks only/,
    ),
    refused('a bad name', 'run --name -x- busybox true', 125, /-x-/),
    refused('a bad port', 'run -p 99999:80 busybox true', 125, /99999/),
    refused('a word for a port', 'run -p web:80 busybox true', 125, /web/),
    refused('a relative bind', 'run -v a/b:/c busybox true', 125, /a\/b/),
    refused('an unknown flag', 'run --warp busybox true', 125, /--warp/),
    refused('an unknown command', 'sail', 1, /sail/),
    refused('too little memory', 'run --memory 1m busybox true', 125, /Minimum memory limit allowed is 6MB/),
    // In iproute2's own words.
    refused(
      'a bad link name',
      'ip link add this-name-is-too-long type bridge',
      2,
      /Attribute failed policy validation/,
    ),
    refused('a link that is not there', 'ip link set nothing up', 1, /Cannot find device "nothing"/),
  ])('$name', async ({ args, status, says }) => {
    const result = await tryBerth(...args);
    expect(result.stderr + result.stdout).toMatch(says);
    expect(result.status).toBe(status);
    expect(await berth('ps', '-aq')).toBe('');
    expect((await berth('network', 'ls', '-q')).split('\n')).toHaveLength(3);
  });

  test('a name that is taken, an address that is taken or outside, a network in use', async () => {
    await berth('network', 'create', '--subnet', '10.40.0.0/24', 'small');
    const id = await berth(
      'run',
      '-d',
      '--name',
      'taken',
      '--network',
      'small',
      '--ip',
      '10.40.0.9',
      'busybox',
      'sleep',
      '600',
    );
    const name = await tryBerth('run', '--name', 'taken', 'busybox', 'true');
    expect(name.status).toBe(125);
    expect(name.stderr).toContain(`The container name "/taken" is already in use by container "${id}"`);
    const address = await tryBerth(
      'run',
      '--rm',
      '--network',
      'small',
      '--ip',
      '10.40.0.9',
      'busybox',
      'true',
    );
    expect(address.stderr).toMatch(/[Aa]ddress already in use/);
    const outside = await tryBerth(
      'run',
      '--rm',
      '--network',
      'small',
      '--ip',
      '10.41.0.9',
      'busybox',
      'true',
    );
    expect(outside.stderr).toMatch(/10\.41\.0\.9/);
    expect([address.status, outside.status]).toEqual([125, 125]);
    const inUse = await tryBerth('network', 'rm', 'small');
    expect(inUse.status).toBe(1);
    expect(inUse.stderr).toMatch(/network small (id [0-9a-f]+ )?has active endpoints.*taken/);
    await berth('rm', '-f', 'taken');
    await berth('network', 'rm', 'small');
  });

  test('an id prefix that fits two', async () => {
    const ids: string[] = [];
    // Seventeen ids cannot all begin with different digits.
    for (let i = 0; i < 17; i++) ids.push(await berth('create', 'busybox', 'true'));
    const digits = ids.map((id) => id[0]);
    const twice = digits.find((digit, index) => digits.indexOf(digit) !== index);
    const result = await tryBerth('inspect', twice ?? '');
    expect(result.status).toBe(1);
    expect(result.stderr).toMatch(/ambiguous|multiple/i);
    await berth('rm', ...ids);
  });
});

describe('a start that fails', () => {
  const unchanged = async (attempt: () => Promise<void>): Promise<void> => {
    const before = await leftovers(fixture.box);
    await attempt();
    expect(await leftovers(fixture.box)).toEqual(before);
  };

  test('for want of the command ends with 127 and leaves nothing', () =>
    unchanged(async () => {
      const result = await tryBerth('run', '--name', 'lost', '-p', '8099:80', 'busybox', 'nosuchcommand');
      expect(result.status).toBe(127);
      expect(result.stderr).toMatch(/"nosuchcommand": executable file not found in \$PATH/);
      expect(await berth('inspect', '-f', '{{.State.Status}} {{.State.ExitCode}}', 'lost')).toBe(
        'created 127',
      );
      await berth('rm', 'lost');
    }));

  test('since the command may not be run ends with 126', () =>
    unchanged(async () => {
      const result = await tryBerth('run', '--rm', 'busybox', '/etc/passwd');
      expect(result.status).toBe(126);
      expect(result.stderr).toMatch(/permission denied/);
    }));

  test('in exec has the same statuses', async () => {
    await berth('run', '-d', '--name', 'host', 'busybox', 'sleep', '600');
    expect((await tryBerth('exec', 'host', 'nosuchcommand')).status).toBe(127);
    expect((await tryBerth('exec', 'host', '/etc/passwd')).status).toBe(126);
    await berth('rm', '-f', 'host');
  });

  test('for want of the port leaves nothing', async () => {
    await berth('run', '-d', '--name', 'holder', '-p', '8099:80', 'busybox', 'sleep', '600');
    await unchanged(async () => {
      const result = await tryBerth('run', '--rm', '-p', '8098:80', '-p', '8099:80', 'busybox', 'true');
      expect(result.status).toBe(125);
      expect(result.stderr).toMatch(/8099.*port is already allocated/);
    });
    await berth('run', '--rm', '-p', '8098:80', 'busybox', 'true');
    await berth('rm', '-f', 'holder');
  });
});

describe('a daemon', () => {
  test('that is not there is named', async () => {
    const result = await run([BERTH, '-H', 'unix:///nowhere/berth.sock', 'ps']);
    expect(result.status).toBe(1);
    expect(result.stderr).toMatch(/Cannot connect to the Berth daemon at unix:\/\/\/nowhere\/berth\.sock/);
    const started = await run([BERTH, '-H', 'unix:///nowhere/berth.sock', 'run', 'busybox', 'true']);
    expect(started.status).toBe(125);
  });

  test('without root rights, with a second one on its socket, or with a bad flag, refuses to start', async () => {
    // Another user in a user namespace: it can read the program wherever it lies.
    const asUser = await fixture.box.tryHost(['unshare', '--user', '--map-user=1000', BERTH, 'daemon']);
    expect(asUser.status).not.toBe(0);
    expect(asUser.stderr).toMatch(/root/);
    const second = await tryBerth('daemon', '--data-root', `${fixture.box.folder}/second`);
    expect(second.status).not.toBe(0);
    expect(second.stderr).toMatch(/berth\.(pid|sock)/);
    const flag = await tryBerth('daemon', '--bip', '172.17.0.300/16');
    expect(flag.status).not.toBe(0);
    expect(flag.stderr).toContain('172.17.0.300/16');
  });
});
