import { lstatSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { useBox } from './box/fixture.js';

const fixture = useBox();
const docker = (...args: string[]) => fixture.box.docker(...args);
const tryDocker = (...args: string[]) => fixture.box.tryDocker(...args);
const sh = (options: readonly string[], script: string) =>
  docker('run', '--rm', ...options, 'busybox', 'sh', '-c', script);

async function refused(...args: string[]): Promise<string> {
  const { status, stderr } = await tryDocker(...args);
  expect(status).not.toBe(0);
  return stderr;
}

/** A folder of the host, with a file in it. */
function folder(name: string): string {
  const path = `${fixture.box.folder}/${name}`;
  mkdirSync(path);
  writeFileSync(`${path}/file`, 'host\n');
  return path;
}

interface MountShown {
  Type: string;
  Name?: string;
  Source: string;
  Destination: string;
  Driver?: string;
  Mode: string;
  RW: boolean;
  Propagation: string;
}

async function mountsOf(container: string): Promise<MountShown[]> {
  const shown = JSON.parse(await docker('inspect', '-f', '{{json .Mounts}}', container)) as MountShown[];
  return shown.sort((a, b) => (a.Destination < b.Destination ? -1 : 1));
}

describe('docker volume', () => {
  test('creates, lists, inspects, filters and removes', async () => {
    expect(await docker('volume', 'create', '--label', 'colour=red', 'data')).toBe('data');
    expect(await docker('volume', 'create', 'data')).toBe('data');
    const anonymous = await docker('volume', 'create');
    expect(anonymous).toMatch(/^[0-9a-f]{64}$/);
    const [shown] = JSON.parse(await docker('volume', 'inspect', 'data')) as Record<string, unknown>[];
    expect(shown).toMatchObject({ Name: 'data', Driver: 'local', Scope: 'local', Labels: { colour: 'red' } });
    expect(await docker('volume', 'ls')).toMatch(/^DRIVER +VOLUME NAME\nlocal +\S+\nlocal +\S+$/);
    expect(await docker('volume', 'ls', '-q', '--filter', 'label=colour=red')).toBe('data');
    expect(await docker('volume', 'ls', '-q', '--filter', 'name=dat')).toBe('data');
    await docker('create', '--name', 'user', '-v', 'data:/data', 'busybox');
    expect(await docker('volume', 'ls', '-q', '--filter', 'dangling=false')).toBe('data');
    expect(await docker('volume', 'ls', '-q', '--filter', 'dangling=true')).toBe(anonymous);
    expect(await docker('ps', '-a', '--filter', 'volume=data', '--format', '{{.Names}} {{.Mounts}}')).toBe(
      'user data',
    );
    const id = await docker('inspect', '-f', '{{.Id}}', 'user');
    expect(await refused('volume', 'rm', 'data')).toContain(`remove data: volume is in use - [${id}]`);
    await docker('rm', 'user');
    expect(await docker('volume', 'rm', 'data', anonymous)).toBe(`data\n${anonymous}`);
    expect(await refused('volume', 'rm', 'data')).toContain('get data: no such volume');
    expect(await docker('volume', 'rm', '-f', 'data')).toBe('data');
    expect(await refused('volume', 'inspect', 'data')).toContain('get data: no such volume');
  });

  test('refuses what it has not, in words of its own', async () => {
    expect(await refused('volume', 'create', 'x')).toContain('volume name is too short');
    expect(await refused('volume', 'create', '../etc')).toContain(
      'invalid characters for a local volume name',
    );
    expect(await refused('volume', 'create', '-d', 'flocker', 'xx')).toContain('plugin "flocker" not found');
    expect(await refused('volume', 'create', '-o', 'colour=red', 'xx')).toContain('invalid option: "colour"');
    expect(await refused('volume', 'create', '-o', 'type=nfs', 'xx')).toContain(
      'missing required option: "device"',
    );
    expect(await docker('volume', 'ls', '-q')).toBe('');
  });

  test('prunes anonymous volumes, or all', async () => {
    await docker('volume', 'create', 'named');
    await docker('volume', 'create', '--label', 'keep', 'kept');
    const anonymous = await docker('volume', 'create');
    expect(await docker('volume', 'prune', '-f')).toMatch(
      new RegExp(`^Deleted Volumes:\\n${anonymous}\\n\\nTotal reclaimed space: .*B$`),
    );
    expect(await docker('volume', 'prune', '-fa', '--filter', 'label!=keep')).toContain('named');
    expect(await docker('volume', 'ls', '-q')).toBe('kept');
    await docker('volume', 'rm', 'kept');
  });

  test('tells events', async () => {
    const since = String(Date.now() / 1000);
    await sh(['-v', 'told:/told:ro'], 'true');
    await docker('volume', 'rm', 'told');
    const until = String(Date.now() / 1000);
    const format =
      '{{.Action}} {{.Actor.ID}} {{index .Actor.Attributes "driver"}} {{index .Actor.Attributes "read/write"}}';
    const events = await docker(
      ...['events', '--since', since, '--until', until, '--filter', 'type=volume', '--format', format],
    );
    expect(events.split('\n').map((line) => line.trim())).toEqual([
      'create told local',
      'mount told local false',
      'unmount told local',
      'destroy told local',
    ]);
  });
});

describe('volumes of containers', () => {
  test('keep what is written to them', async () => {
    await sh(['-v', 'kept:/data'], 'echo one > /data/file');
    expect(await sh(['-v', 'kept:/other:ro'], 'cat /other/file')).toBe('one');
    expect(await refused('run', '--rm', '-v', 'kept:/data:ro', 'busybox', 'touch', '/data/x')).toContain(
      'Read-only file system',
    );
    expect(
      await sh(['--mount', 'type=volume,src=kept,dst=/data,readonly'], 'touch /data/x 2>&1; cat /data/file'),
    ).toContain('one');
    await docker('volume', 'rm', 'kept');
  });

  test('without a name go with the container, if so asked', async () => {
    await docker('run', '-d', '--name', 'holder', '-v', '/scratch', 'busybox', 'sleep', '600');
    const [mount] = await mountsOf('holder');
    expect(mount).toMatchObject({ Type: 'volume', Driver: 'local', Destination: '/scratch', RW: true });
    expect(mount?.Name).toMatch(/^[0-9a-f]{64}$/);
    await docker('run', '-d', '--name', 'second', '--volumes-from', 'holder', 'busybox', 'sleep', '600');
    await docker('rm', '-fv', 'holder');
    // Another container has it by now.
    expect(await docker('volume', 'ls', '-q')).toBe(mount?.Name);
    await docker('rm', '-f', 'second');
    expect(await docker('volume', 'ls', '-q')).toBe(mount?.Name);
    await docker('volume', 'rm', mount?.Name ?? '');
    await sh(['-v', '/scratch'], 'true');
    expect(await docker('volume', 'ls', '-q')).toBe('');
  });

  test('of the image are made and filled with what the image has there', async () => {
    const make = [
      'mkdir -p /seed/sub; echo content > /seed/file; ln /seed/file /seed/sub/hard',
      'ln -s file /seed/soft; chown -R 7:8 /seed/sub; mkfifo /seed/pipe; chmod 1777 /seed; mkdir /out',
      'ln -s ../../../../../../../../etc /out/link; chmod 4751 /seed/file; touch -d "2001-02-03 04:05:06" /seed/sub',
    ];
    await docker('run', '--name', 'maker', 'busybox', 'sh', '-c', make.join('; '));
    const archive = `${fixture.box.folder}/seed.tar`;
    await docker('export', '-o', archive, 'maker');
    await docker('rm', 'maker');
    await docker(
      ...['import', '-c', 'VOLUME /seed', '-c', 'CMD ["sh"]', '-c', 'LABEL a=b', archive, 'seed:latest'],
    );
    await docker('create', '--name', 'seeded', '-v', 'mine:/out/link', 'seed', 'sleep', '600');
    const [out, seed] = await mountsOf('seeded');
    expect(seed).toMatchObject({ Type: 'volume', Destination: '/seed', Mode: '', RW: true });
    // Filled at the creation, as with Docker; the link of the image leads to its own /etc.
    expect(readFileSync(`${seed?.Source ?? ''}/file`, 'utf8')).toBe('content\n');
    expect(readFileSync(`${out?.Source ?? ''}/passwd`, 'utf8')).not.toBe(readFileSync('/etc/passwd', 'utf8'));
    const there = (path: string) => lstatSync(`${seed?.Source ?? ''}/${path}`);
    expect(there('').mode & 0o7777).toBe(0o1777);
    expect(there('file').mode & 0o7777).toBe(0o4751);
    expect(there('file').ino).toBe(there('sub/hard').ino);
    expect([there('sub').uid, there('sub').gid]).toEqual([7, 8]);
    expect(there('soft').isSymbolicLink()).toBe(true);
    expect(there('pipe').isFIFO()).toBe(true);
    expect(there('sub').mtime.getFullYear()).toBe(2001);
    await docker('rm', '-v', 'seeded');
    // The first content stays; nocopy, binds and volumes with content get none.
    await docker('run', '--rm', '-v', 'mine:/seed', 'seed', 'test', '!', '-e', '/seed/file');
    await docker('run', '--rm', '-v', 'empty:/seed:nocopy', 'seed', 'test', '!', '-e', '/seed/file');
    await docker(
      ...['run', '--rm', '--mount', 'type=volume,dst=/seed,volume-nocopy', 'seed'],
      ...['test', '!', '-e', '/seed/file'],
    );
    await docker('run', '--rm', '-v', `${folder('bound')}:/seed`, 'seed', 'test', '!', '-e', '/seed/soft');
    await docker('run', '--rm', '-v', 'empty:/seed', 'seed', 'test', '-e', '/seed/file');
    expect(await docker('volume', 'ls', '-q')).toBe('empty\nmine');
    await docker('volume', 'rm', 'empty', 'mine');
    await docker('rmi', 'seed');
  });

  test('are taken from another container', async () => {
    const path = folder('shared');
    await docker('create', '--name', 'source', '-v', 'one:/one', '-v', `${path}:/two`, 'busybox');
    expect(await sh(['--volumes-from', 'source'], 'echo x > /one/file; cat /two/file')).toBe('host');
    expect(await sh(['--volumes-from', 'source:ro'], 'touch /two/x 2>&1; cat /one/file')).toContain('x');
    await docker('create', '--name', 'taker', '--volumes-from', 'source:ro', '-v', 'two:/one', 'busybox');
    expect((await mountsOf('taker')).map(({ Name, RW, Type }) => [Type, Name, RW])).toEqual([
      ['volume', 'two', true],
      ['bind', undefined, false],
    ]);
    expect(await refused('create', '--volumes-from', 'nobody', 'busybox')).toContain(
      'No such container: nobody',
    );
    await docker('rm', 'source', 'taker');
    await docker('volume', 'rm', 'one', 'two');
  });

  test('have file systems of their own while they run', async () => {
    await docker(
      'volume',
      'create',
      '-o',
      'type=tmpfs',
      '-o',
      'device=tmpfs',
      '-o',
      'o=size=1m,uid=7',
      'memory',
    );
    const mounted = async () =>
      (await fixture.box.host('cat', '/proc/self/mountinfo')).includes('/memory/_data');
    await docker('run', '-d', '--name', 'first', '-v', 'memory:/data', 'busybox', 'sleep', '600');
    expect(await mounted()).toBe(true);
    await docker('exec', 'first', 'sh', '-c', 'echo x > /data/file');
    expect(await sh(['-v', 'memory:/data'], 'cat /data/file; stat -c %u /data')).toBe('x\n7');
    await docker('stop', '-t', '0', 'first');
    expect(await mounted()).toBe(false);
    await docker('rm', 'first');
    await docker('volume', 'rm', 'memory');
    const path = folder('device');
    await docker('volume', 'create', '-o', 'type=none', '-o', `device=${path}`, '-o', 'o=bind', 'bound');
    expect(await sh(['-v', 'bound:/data'], 'cat /data/file')).toBe('host');
    await docker('volume', 'rm', 'bound');
    expect(readFileSync(`${path}/file`, 'utf8')).toBe('host\n');
    await docker('volume', 'create', '-o', 'type=none', '-o', 'device=/nowhere', '-o', 'o=bind', 'nowhere');
    expect(await refused('run', '--rm', '-v', 'nowhere:/data:nocopy', 'busybox', 'true')).toContain(
      'failed to mount local volume',
    );
    expect(await docker('ps', '-aq')).toBe('');
    await docker('volume', 'rm', 'nowhere');
  });

  test('mount a path within, which no link leads out of', async () => {
    await sh(['-v', 'deep:/v'], 'mkdir -p /v/a/b; echo in > /v/a/b/file; ln -s /etc /v/out; ln -s a /v/link');
    const within = (path: string) => ['--mount', `type=volume,src=deep,dst=/data,volume-subpath=${path}`];
    expect(await sh(within('a/b'), 'cat /data/file')).toBe('in');
    expect(await sh(within('link/b'), 'cat /data/file')).toBe('in');
    expect(await refused('run', '--rm', ...within('out'), 'busybox', 'true')).toContain('cannot access path');
    expect(await refused('run', '--rm', ...within('../x'), 'busybox', 'true')).toContain(
      'subpath must be a relative path within the volume',
    );
    await docker('volume', 'rm', 'deep');
  });
});

describe('binds', () => {
  test('are made where they are missing by -v, and refused by --mount', async () => {
    const path = `${fixture.box.folder}/made/by/docker`;
    expect(
      await refused('run', '--rm', '--mount', `type=bind,src=${path},dst=/b`, 'busybox', 'true'),
    ).toContain(`invalid mount config for type "bind": bind source path does not exist: ${path}`);
    await sh(['-v', `${path}:/b`], 'touch /b/x');
    expect(statSync(`${path}/x`).isFile()).toBe(true);
  });

  test('are shown with what they are', async () => {
    const path = folder('shown');
    await docker(
      ...['create', '--name', 'shown', '-v', `${path}:/a:ro`, '-v', `${path}:/b:z`, '-v', 'vol:/c'],
      ...['--mount', `type=bind,src=${path},dst=/d,bind-propagation=rslave`, '--mount', 'type=tmpfs,dst=/e'],
      ...['--tmpfs', '/f', 'busybox'],
    );
    expect(await mountsOf('shown')).toMatchObject([
      { Type: 'bind', Source: path, Destination: '/a', Mode: 'ro', RW: false, Propagation: 'rprivate' },
      { Type: 'bind', Destination: '/b', Mode: 'z', RW: true },
      { Type: 'volume', Name: 'vol', Driver: 'local', Destination: '/c', Mode: 'z', Propagation: '' },
      { Type: 'bind', Destination: '/d', Mode: '', Propagation: 'rslave' },
      { Type: 'tmpfs', Source: '', Destination: '/e', RW: true },
    ]);
    await docker('rm', 'shown');
    await docker('volume', 'rm', 'vol');
  });

  test('read-only are so all the way down', async () => {
    const path = folder('deep');
    mkdirSync(`${path}/below`);
    await fixture.box.host('mount', '-t', 'tmpfs', 'tmpfs', `${path}/below`);
    const touch = 'touch /b/below/x 2>/dev/null && echo written || echo refused';
    expect(await sh(['-v', `${path}:/b:ro`], touch)).toBe('refused');
    const mount = `type=bind,src=${path},dst=/b,readonly`;
    expect(await sh(['--mount', mount], touch)).toBe('refused');
    expect(await sh(['--mount', `${mount},bind-recursive=writable`], touch)).toBe('written');
    expect(await sh(['--mount', `type=bind,src=${path},dst=/b,bind-recursive=disabled`], 'ls /b/below')).toBe(
      '',
    );
    expect(await sh(['-v', `${path}:/b`], 'ls /b/below')).toBe('x');
    await fixture.box.host('umount', `${path}/below`);
  });

  test('pass mounts on, if so asked and the host can', async () => {
    const path = folder('propagated');
    await fixture.box.host('mount', '--bind', path, path);
    await fixture.box.host('mount', '--make-private', path);
    mkdirSync(`${path}/below`);
    expect(await refused('run', '--rm', '-v', `${path}:/b:rshared`, 'busybox', 'true')).toContain(
      `path ${path} is mounted on ${path} but it is not a shared mount`,
    );
    await fixture.box.host('mount', '--make-shared', path);
    await docker('run', '-d', '--name', 'slave', '-v', `${path}:/b:rslave`, 'busybox', 'sleep', '600');
    await docker('run', '-d', '--name', 'private', '-v', `${path}:/b`, 'busybox', 'sleep', '600');
    await fixture.box.host('mount', '-t', 'tmpfs', 'tmpfs', `${path}/below`);
    writeFileSync(`${path}/marker`, '');
    await fixture.box.host('touch', `${path}/below/x`);
    expect(await docker('exec', 'slave', 'ls', '/b/below')).toBe('x');
    expect(await docker('exec', 'private', 'ls', '/b/below')).toBe('');
    await docker('rm', '-f', 'slave', 'private');
    await fixture.box.host('umount', `${path}/below`);
    await fixture.box.host('umount', path);
  });

  test('whose place is a link of the image stay in the container', async () => {
    await docker('run', '--name', 'linker', 'busybox', 'sh', '-c', 'ln -s /../../../../tmp/elsewhere /place');
    const archive = `${fixture.box.folder}/linker.tar`;
    await docker('export', '-o', archive, 'linker');
    await docker('rm', 'linker');
    await docker('import', archive, 'linker:latest');
    const path = folder('placed');
    symlinkSync(path, `${path}-link`);
    const list = ['linker', 'cat', '/place/file', '/tmp/elsewhere/file'];
    expect(await docker('run', '--rm', '-v', `${path}-link:/place`, ...list)).toBe('host\nhost');
    expect((await fixture.box.tryHost(['ls', '/tmp/elsewhere'])).status).not.toBe(0);
    await docker('rmi', 'linker');
  });

  test('are refused where they make no sense', async () => {
    const refusedBind = (bind: string) => refused('create', '-v', bind, 'busybox');
    expect(await refusedBind('/a:/b:pink')).toContain('invalid mode: pink');
    expect(await refusedBind('/a:/b:ro,rw')).toContain('invalid mode: ro,rw');
    expect(await refusedBind('/a:b')).toContain('mount path must be absolute');
    expect(await refusedBind('/a:/')).toContain("destination can't be '/'");
    expect(await refusedBind('aa/b:/c')).toContain('includes invalid characters for a local volume name');
    expect(await refused('create', '-v', '/a:/b', '-v', '/c:/b/', 'busybox')).toContain(
      'Duplicate mount point: /b',
    );
    expect(await refused('create', '-v', '/a:/b', '--tmpfs', '/b', 'busybox')).toContain(
      'Duplicate mount point: /b',
    );
    expect(await refused('create', '--volume-driver', 'flocker', '-v', 'aa:/b', 'busybox')).toContain(
      'plugin "flocker" not found',
    );
    expect(await docker('ps', '-aq')).toBe('');
    expect(await docker('volume', 'ls', '-q')).toBe('');
  });
});

describe('the API', () => {
  const curl = async (method: string, path: string, body?: string) => {
    const data = body === undefined ? [] : ['-H', 'Content-Type: application/json', '-d', body];
    const printed = await fixture.box.host(
      ...['curl', '-s', '--unix-socket', '/run/berth/berth.sock', '-w', '\\n%{http_code}', '-X', method],
      ...[...data, `http://berth${path}`],
    );
    const [code = '', ...text] = printed.trimEnd().split('\n').reverse();
    const json = text.reverse().join('\n');
    return { status: Number(code), json: (json === '' ? {} : JSON.parse(json)) as Record<string, unknown> };
  };

  test('answers in the shape of its description', async () => {
    const made = await curl('POST', '/v1.51/volumes/create', '{"Name":"api","Labels":{"a":"b"}}');
    expect(made).toMatchObject({ status: 201, json: { Name: 'api', Options: {}, Labels: { a: 'b' } } });
    expect(await curl('GET', '/v1.51/volumes/api')).toEqual({ ...made, status: 200 });
    expect(await curl('GET', '/v1.51/volumes')).toEqual({
      status: 200,
      json: { Volumes: [made.json], Warnings: [] },
    });
    expect((await curl('DELETE', '/v1.51/volumes/api')).status).toBe(204);
    expect((await curl('DELETE', '/v1.51/volumes/api')).status).toBe(404);
    expect((await curl('DELETE', '/v1.51/volumes/api?force=1')).status).toBe(204);
    expect(await curl('POST', '/v1.51/volumes/prune')).toEqual({
      status: 200,
      json: { VolumesDeleted: [], SpaceReclaimed: 0 },
    });
  });

  test('prunes named volumes for clients from before 1.42', async () => {
    await docker('volume', 'create', 'named');
    expect((await curl('POST', '/v1.42/volumes/prune')).json).toMatchObject({ VolumesDeleted: [] });
    expect((await curl('POST', '/v1.41/volumes/prune')).json).toMatchObject({ VolumesDeleted: ['named'] });
  });

  test('refuses what is malformed, or belongs to a cluster', async () => {
    const create = (body: string) => curl('POST', '/volumes/create', body);
    for (const body of ['{"Name":1}', '{"Labels":["a"]}', '{"DriverOpts":{"o":1}}', '{', '[]'])
      expect(await create(body)).toMatchObject({
        status: 400,
        json: { message: expect.any(String) as string },
      });
    expect(await create('{"Name":"../x"}')).toMatchObject({ status: 400 });
    expect(await create('{"ClusterVolumeSpec":{}}')).toMatchObject({ status: 501 });
    expect(await create('{"Colour":"red"}')).toMatchObject({ status: 400 });
    expect(await curl('PUT', '/volumes/x?version=1', '{}')).toMatchObject({ status: 503 });
    expect(await curl('GET', '/volumes?filters=%7B%22colour%22%3A%5B%22red%22%5D%7D')).toMatchObject({
      status: 400,
      json: { message: expect.stringContaining("invalid filter 'colour'") as string },
    });
    const mounts = (mount: object) =>
      curl(
        'POST',
        '/containers/create',
        JSON.stringify({ Image: 'busybox', HostConfig: { Mounts: [mount] } }),
      );
    expect(await mounts({ Type: 'image', Source: 'busybox', Target: '/a' })).toMatchObject({ status: 501 });
    expect(await mounts({ Type: 'bind', Source: '/none', Target: '/a' })).toMatchObject({ status: 400 });
    expect(await mounts({ Type: 'tmpfs', Target: 7 })).toMatchObject({ status: 400 });
    expect(await docker('ps', '-aq')).toBe('');
  });
});
