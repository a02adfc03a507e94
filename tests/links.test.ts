import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { useBox } from './box/fixture.js';

const fixture = useBox();
const berth = (...args: string[]) => fixture.box.berth(...args);
const tryBerth = (...args: string[]) => fixture.box.tryBerth(...args);
const docker = (...args: string[]) => fixture.box.docker(...args);

const sleeper = (name: string, ...flags: string[]) => fixture.box.sleeper(name, ...flags);
const addressOf = (name: string, network = 'bridge') =>
  berth('inspect', '-f', `{{(index .NetworkSettings.Networks "${network}").IPAddress}}`, name);
/** The address that a container finds for a name; undefined: none. */
async function found(container: string, name: string): Promise<string | undefined> {
  const { stdout } = await tryBerth('exec', container, 'ping', '-c', '1', '-W', '1', name);
  return /^PING \S+ \(([^)]+)\)/.exec(stdout)?.[1];
}

beforeAll(() => berth('network', 'create', 'sea'));
afterEach(async () => {
  await fixture.box.removeContainers();
});

describe('a link on the default bridge', () => {
  test.each(['berth', 'docker'] as const)(
    'made by %s is known by its alias, name and id',
    async (program) => {
      const id = await sleeper('db');
      const command = [
        'run',
        '-d',
        '--name',
        'web',
        '--link',
        'db:data',
        '--link',
        `${id.slice(0, 12)}:again`,
      ];
      await (program === 'berth' ? berth : docker)(...command, 'busybox', 'sleep', '600');
      const address = await addressOf('db');
      const hosts = (await berth('exec', 'web', 'cat', '/etc/hosts')).split('\n');
      expect(hosts).toContain(`${address}\tdata ${id.slice(0, 12)} db`);
      expect(hosts).toContain(`${address}\tagain ${id.slice(0, 12)} db`);
      for (const name of ['data', 'again', 'db']) expect(await found('web', name)).toBe(address);
      // Nobody else knows the alias, and the target does not know who is linked to it.
      await sleeper('other');
      expect(await found('other', 'data')).toBeUndefined();
      expect(await found('db', 'web')).toBeUndefined();
      expect(await berth('inspect', '-f', '{{json .HostConfig.Links}}', 'web')).toContain('db:data');
    },
  );

  test.each(['berth', 'docker'] as const)('made by %s tells ports and environment', async (program) => {
    const flags = [
      '--expose',
      '80',
      '--expose',
      '53/udp',
      '--expose',
      '8000-8001',
      '-e',
      'X=y',
      '-e',
      'HOME=/db',
    ];
    await sleeper('db', ...flags, '-p', '9090:90');
    const address = await addressOf('db');
    const command = ['run', '--rm', '--name', 'web', '-e', 'OWN=1', '--link', 'db:my-data', 'busybox', 'env'];
    const variables = (await (program === 'berth' ? berth : docker)(...command)).split('\n');
    expect(variables).toEqual(
      expect.arrayContaining([
        'OWN=1',
        'MY_DATA_NAME=/web/my-data',
        `MY_DATA_PORT=tcp://${address}:80`,
        `MY_DATA_PORT_80_TCP=tcp://${address}:80`,
        `MY_DATA_PORT_80_TCP_ADDR=${address}`,
        'MY_DATA_PORT_80_TCP_PORT=80',
        'MY_DATA_PORT_80_TCP_PROTO=tcp',
        `MY_DATA_PORT_53_UDP=udp://${address}:53`,
        'MY_DATA_PORT_53_UDP_PROTO=udp',
        `MY_DATA_PORT_8001_TCP_ADDR=${address}`,
        `MY_DATA_PORT_90_TCP_ADDR=${address}`,
        'MY_DATA_ENV_X=y',
      ]),
    );
    expect(variables.filter((variable) => /^MY_DATA_ENV_(HOME|PATH)=/.test(variable))).toEqual([]);
  });

  test('leads to where its target is at the next start', async () => {
    await sleeper('db');
    await sleeper('web', '--link', 'db');
    await berth('rm', '-f', 'db');
    await sleeper('between');
    const id = await sleeper('db', '--expose', '81');
    await berth('restart', '-t', '0', 'web');
    const address = await addressOf('db');
    expect(await found('web', 'db')).toBe(address);
    expect(await berth('exec', 'web', 'cat', '/etc/hosts')).toContain(`${address}\tdb ${id.slice(0, 12)}`);
    expect(await berth('exec', 'web', 'cat', '/proc/1/environ')).toContain(`DB_PORT_81_TCP_ADDR=${address}`);
    await berth('stop', '-t', '0', 'db');
    const refused = await tryBerth('restart', '-t', '0', 'web');
    expect(refused.stderr).toContain('cannot link to a non running container: /db AS db');
    await berth('start', 'db', 'web');
  });

  test.each(['berth', 'docker'] as const)(
    'is refused to %s where its target is not there, or does not run',
    async (program) => {
      const run = (...flags: string[]) => {
        const command = ['run', '--rm', ...flags, 'busybox', 'true'];
        return program === 'berth' ? tryBerth(...command) : fixture.box.tryDocker(...command);
      };
      const nobody = await run('--link', 'nobody:x');
      expect(nobody.status).toBe(125);
      expect(nobody.stderr).toContain('No such container: nobody');
      // Not what a client does where the image is missing.
      expect(nobody.stderr).not.toContain('Unable to find image');
      await berth('create', '--name', 'new', 'busybox', 'sleep', '600');
      const stopped = await run('--link', 'new:x');
      expect(stopped.status).toBe(125);
      expect(stopped.stderr).toContain('cannot link to a non running container: /new AS x');
      await sleeper('away', '--network', 'sea');
      const elsewhere = await run('--link', 'away:x');
      expect(elsewhere.status).toBe(125);
      expect(elsewhere.stderr).toContain('cannot link to away: it is not on the default bridge network');
      await sleeper('db');
      for (const format of ['db:x:y', ':x'])
        expect((await run('--link', format)).stderr).toMatch(/bad format for links/);
      const onHost = await run('--network', 'host', '--link', 'db:x');
      expect(onHost.status).toBe(125);
      expect(onHost.stderr).toMatch(/conflicting options: host type networking can't be used with links/);
      const shared = await run('--network', 'container:db', '--link', 'db:x');
      expect(shared.status).toBe(125);
      expect(shared.stderr).toMatch(/conflicting options: container type network can't be used with links/);
      expect((await berth('ps', '-a', '--filter', 'status=created', '--format', '{{.Names}}')).trim()).toBe(
        'new',
      );
    },
  );
});

describe('a link on a network of the user’s', () => {
  test.each(['berth', 'docker'] as const)(
    'made by %s is an alias for that container alone',
    async (program) => {
      const id = await sleeper('db', '--network', 'sea', '--expose', '80', '--network-alias', 'files');
      const links = ['db:data', `${id}:by-id`, `${id.slice(0, 12)}:by-short-id`, 'files:by-alias'];
      const flags = ['--network', 'sea', ...links.flatMap((link) => ['--link', link])];
      const command = ['run', '-d', '--name', 'web', ...flags, 'busybox', 'sleep', '600'];
      await (program === 'berth' ? berth : docker)(...command);
      await sleeper('other', '--network', 'sea');
      const address = await addressOf('db', 'sea');
      for (const name of ['data', 'db', 'by-id', 'by-short-id', 'by-alias'])
        expect(await found('web', name)).toBe(address);
      expect(await found('other', 'db')).toBe(address);
      expect(await found('other', 'data')).toBeUndefined();
      expect(await found('db', 'data')).toBeUndefined();
      // Names are all that is left of links there.
      expect(await berth('exec', 'web', 'cat', '/proc/1/environ')).not.toContain('DATA_');
      expect(await berth('exec', 'web', 'cat', '/etc/hosts')).not.toContain('data');
      expect(await berth('inspect', '-f', '{{json .NetworkSettings.Networks.sea.Links}}', 'web')).toBe(
        JSON.stringify(links),
      );
    },
  );

  test('follows its target, which may come later', async () => {
    await sleeper('web', '--network', 'sea', '--link', 'store:data');
    expect(await found('web', 'data')).toBeUndefined();
    await sleeper('store', '--network', 'sea');
    expect(await found('web', 'data')).toBe(await addressOf('store', 'sea'));
    await berth('network', 'disconnect', 'sea', 'store');
    expect(await found('web', 'data')).toBeUndefined();
    await sleeper('between', '--network', 'sea');
    await berth('network', 'connect', 'sea', 'store');
    expect(await found('web', 'data')).toBe(await addressOf('store', 'sea'));
    await berth('rm', '-f', 'store');
    await berth('restart', '-t', '0', 'web');
    await sleeper('store', '--network', 'sea');
    expect(await found('web', 'data')).toBe(await addressOf('store', 'sea'));
  });

  test('is given while running, by connect --link, and goes with the connection', async () => {
    await sleeper('db', '--network', 'sea');
    await sleeper('web');
    await docker('network', 'connect', '--link', 'db:data', 'sea', 'web');
    expect(await found('web', 'data')).toBe(await addressOf('db', 'sea'));
    await berth('network', 'disconnect', 'sea', 'web');
    expect(await found('web', 'data')).toBeUndefined();
    await berth('network', 'connect', '--link', 'db:files', 'sea', 'web');
    expect(await found('web', 'files')).toBe(await addressOf('db', 'sea'));
    expect(await found('web', 'data')).toBeUndefined();
  });
});
