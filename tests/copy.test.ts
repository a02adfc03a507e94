import { execFileSync, type ChildProcess } from 'node:child_process';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { useBox } from './box/fixture.js';
import { dockerProgram, eventually } from './box/index.js';

const fixture = useBox();
const docker = (...args: string[]) => fixture.box.docker(...args);
const tryDocker = (...args: string[]) => fixture.box.tryDocker(...args);
const local = (name: string) => join(fixture.box.folder, name);
const inside = (container: string, command: string) => docker('exec', container, 'sh', '-c', command);

const SOCKET = ['--unix-socket', '/run/berth/berth.sock'];
const curl = (...args: string[]) => fixture.box.host('curl', '-s', ...SOCKET, ...args);
const status = (...args: string[]) => curl('-o', '/dev/null', '-w', '%{http_code}', ...args);

/** Mounts and open descriptors of the daemon: what a request may leave behind. */
function held(): { mounts: number; descriptors: number } {
  const proc = `/proc/${fixture.daemon.pid}`;
  return {
    mounts: readFileSync(`${proc}/mountinfo`, 'utf8').split('\n').length,
    descriptors: readdirSync(`${proc}/fd`).length,
  };
}

beforeAll(async () => {
  mkdirSync(local('tree/sub'), { recursive: true });
  writeFileSync(local('tree/sub/file'), 'content', { mode: 0o640 });
  symlinkSync('sub/file', local('tree/link'));
  symlinkSync('/etc/hostname', local('tree/absolute'));
  writeFileSync(local('plain'), 'plain');
  execFileSync('chown', ['-h', '123:456', local('tree/sub/file')]);
  await docker('run', '-d', '--name', 'up', '-v', 'data:/data', 'busybox', 'sleep', '600');
  await docker('create', '--name', 'rest', '-v', 'other:/data', 'busybox', 'true');
});

describe.each(['up', 'rest'])('docker cp with container %s', (name) => {
  test('a folder goes in and comes back as it was', async () => {
    await docker('cp', local('tree'), `${name}:/tmp`);
    await docker('cp', `${name}:/tmp/tree`, local(`back-${name}`));
    expect(readFileSync(local(`back-${name}/sub/file`), 'utf8')).toBe('content');
    expect(lstatSync(local(`back-${name}/sub/file`)).mode & 0o777).toBe(0o640);
    expect(readlinkSync(local(`back-${name}/link`))).toBe('sub/file');
    expect(readlinkSync(local(`back-${name}/absolute`))).toBe('/etc/hostname');
  });

  test('a file goes in under another name, over an old one, and to its folder', async () => {
    await docker('cp', local('plain'), `${name}:/tmp/renamed`);
    await docker('cp', local('plain'), `${name}:/tmp/`);
    await docker('cp', local('plain'), `${name}:/tmp/renamed`);
    for (const path of ['/tmp/renamed', '/tmp/plain']) {
      await docker('cp', `${name}:${path}`, local(`file-${name}`));
      expect(readFileSync(local(`file-${name}`), 'utf8')).toBe('plain');
    }
  });

  test('what a link leads to comes with -L, else the link', async () => {
    await docker('cp', local('tree'), `${name}:/tmp`);
    await docker('cp', `${name}:/tmp/tree/link`, local(`link-${name}`));
    expect(readlinkSync(local(`link-${name}`))).toBe('sub/file');
    await docker('cp', '-L', `${name}:/tmp/tree/link`, local(`followed-${name}`));
    expect(readFileSync(local(`followed-${name}`), 'utf8')).toBe('content');
  });

  test('volumes are seen', async () => {
    await docker('cp', local('plain'), `${name}:/data/kept`);
    const volume = await docker('inspect', '-f', '{{(index .Mounts 0).Source}}', name);
    expect(readFileSync(join(volume, 'kept'), 'utf8')).toBe('plain');
    await docker('cp', `${name}:/data/kept`, local(`kept-${name}`));
    expect(readFileSync(local(`kept-${name}`), 'utf8')).toBe('plain');
  });

  test('streams through - go both ways', async () => {
    const archive = await fixture.box.tryHost([
      'sh',
      '-c',
      `tar -cC ${local('tree')} . | ${dockerProgram()} cp - ${name}:/tmp`,
    ]);
    expect(archive.stderr).toBe('');
    const listed = await fixture.box.host('sh', '-c', `${dockerProgram()} cp ${name}:/tmp/sub - | tar -t`);
    expect(listed).toBe('sub/\nsub/file\n');
  });

  test('what is not there is named, and a file is no place to copy into', async () => {
    const missing = await tryDocker('cp', `${name}:/nowhere`, local('x'));
    expect(missing.stderr).toContain(`Could not find the file /nowhere in container ${name}`);
    expect(missing.status).toBe(1);
    const url = `http://d/containers/${name}/archive`;
    expect(await curl('-T', local('plain'), `${url}?path=/bin/busybox`)).toContain(
      'extraction point is not a directory',
    );
    expect(await status('-I', `${url}?path=/nowhere`)).toBe('404');
    expect(await status('-I', `${url}?path=/etc`)).toBe('200');
    expect(await status(url)).toBe('400');
    expect(await status('-T', local('plain'), `${url}?path=/tmp`)).toBe('400');
    expect(await status('http://d/containers/nobody/archive?path=/')).toBe('404');
  });

  test('nothing of it is left', async () => {
    const before = held();
    await docker('cp', `${name}:/etc`, local(`etc-${name}`));
    await docker('cp', local('tree'), `${name}:/tmp`);
    await eventually('descriptors are closed', () => held().descriptors <= before.descriptors);
    expect(held().mounts).toBe(before.mounts);
  });
});

describe('the stat of a path', () => {
  test('tells name, size, mode and where a link leads', async () => {
    await inside(
      'up',
      'ln -sf /tmp/../etc/passwd /tmp/stat-link; chmod 4755 /tmp; ln -sfn ../../../up /tmp/far',
    );
    const stat = async (path: string) => {
      const head = await curl('-I', `http://d/v1.51/containers/up/archive?path=${path}`);
      const header = /X-Docker-Container-Path-Stat: (\S+)/i.exec(head)?.[1] ?? '';
      return JSON.parse(Buffer.from(header, 'base64').toString()) as Record<string, unknown>;
    };
    expect(await stat('/tmp/stat-link')).toMatchObject({
      name: 'stat-link',
      mode: 0x08000000 + 0o777,
      linkTarget: '/etc/passwd',
    });
    expect(await stat('/tmp')).toMatchObject({
      name: 'tmp',
      mode: 0x80000000 + 0x800000 + 0o755,
      linkTarget: '',
    });
    expect(await stat('/tmp/far')).toMatchObject({ linkTarget: '/up' });
    expect(await stat('/')).toMatchObject({ name: '/' });
    expect(await stat('/dev/null')).toMatchObject({ mode: 0x04000000 + 0x00200000 + 0o666 });
  });
});

describe('nothing climbs out', () => {
  const secret = () => local('secret');
  beforeAll(() => {
    writeFileSync(secret(), 'of the host');
    mkdirSync(local('host-folder'));
  });

  test.each(['up', 'rest'])('of container %s, reading or writing', async (name) => {
    mkdirSync(local(`links-${name}`));
    symlinkSync(secret(), local(`links-${name}/file`));
    symlinkSync(local('host-folder'), local(`links-${name}/folder`));
    await docker('cp', local(`links-${name}`), `${name}:/links`);
    const url = `http://d/containers/${name}/archive`;
    expect(await status(`${url}?path=/links/file/`)).toBe('404');
    expect(await status(`${url}?path=/links/folder/.`)).toBe('404');
    expect(await curl(`${url}?path=/links/file`)).not.toContain('of the host');
    expect(await status('-T', local('plain'), `${url}?path=/links/folder`)).toBe('404');
    expect(await status(`${url}?path=../../../..${secret()}`)).toBe('404');
    // An archive that brings a link and then goes through it.
    mkdirSync(local(`first-${name}`));
    symlinkSync(local('host-folder'), local(`first-${name}/gate`));
    mkdirSync(local(`second-${name}/gate`), { recursive: true });
    writeFileSync(local(`second-${name}/gate/evil`), 'x');
    await fixture.box.host('tar', '-C', local(`first-${name}`), '-cf', local('evil.tar'), 'gate');
    await fixture.box.host('tar', '-C', local(`second-${name}`), '-rf', local('evil.tar'), 'gate/evil');
    await status('-T', local('evil.tar'), `${url}?path=/tmp`);
    await fixture.box.host('sh', '-c', `cd ${local('host-folder')} && tar -cPf ${local('up.tar')} ../plain`);
    expect(await status('-T', local('up.tar'), `${url}?path=/tmp`)).toBe('400');
    expect(readdirSync(local('host-folder'))).toEqual([]);
  });

  test('a container that swaps folders for links while files are copied in and removed gains nothing', async () => {
    await inside('up', 'mkdir -p /swap/a');
    const swapping = fixture.box.startOnHost(
      dockerProgram(),
      'exec',
      'up',
      'sh',
      '-c',
      `cd /swap; while :; do mv a b; ln -s ${local('host-folder')} a; rm a; mv b a; done`,
    );
    writeFileSync(local('host-folder/precious'), 'x');
    mkdirSync(local('many/a'), { recursive: true });
    for (let each = 0; each < 50; each += 1) writeFileSync(local(`many/a/${each}`), String(each));
    for (let time = 0; time < 8; time += 1) await tryDocker('cp', local('many/.'), 'up:/swap');
    swapping.kill();
    await docker('restart', '-t', '0', 'up');
    expect(readdirSync(local('host-folder'))).toEqual(['precious']);
  });
});

describe('owners and what is read-only', () => {
  test('files keep their owner, or get the one of the container with copyUIDGID', async () => {
    await docker('run', '-d', '--name', 'user', '-u', '77:88', 'busybox', 'sleep', '600');
    await fixture.box.host('tar', '-C', local('tree'), '-cf', local('tree.tar'), 'sub');
    const url = 'http://d/containers/user/archive?path=/tmp';
    expect(await status('-T', local('tree.tar'), url)).toBe('200');
    expect(await inside('user', 'stat -c %u:%g /tmp/sub/file')).toBe('123:456');
    expect(await status('-T', local('tree.tar'), `${url}&copyUIDGID=1`)).toBe('200');
    expect(await inside('user', 'stat -c %u:%g /tmp/sub/file')).toBe('77:88');
    await docker('rm', '-f', 'user');
  });

  test('a read-only root and a read-only volume are refused, a writable volume is not', async () => {
    await docker(
      'run',
      '-d',
      '--name',
      'ro',
      '--read-only',
      '-v',
      'ro1:/locked:ro',
      '-v',
      'rw1:/open',
      'busybox',
      'sleep',
      '600',
    );
    expect((await tryDocker('cp', local('plain'), 'ro:/tmp')).stderr).toContain('rootfs is marked read-only');
    expect((await tryDocker('cp', local('plain'), 'ro:/locked')).stderr).toContain(
      'volume is marked read-only',
    );
    await docker('cp', local('plain'), 'ro:/open');
    await docker('rm', '-f', 'ro');
  });

  test('a folder is not replaced by a file when told so', async () => {
    await inside('up', 'mkdir -p /tmp/plain-folder/plain');
    const url = 'http://d/containers/up/archive?path=/tmp/plain-folder';
    await fixture.box.host('tar', '-C', fixture.box.folder, '-cf', local('plain.tar'), 'plain');
    expect(await curl('-T', local('plain.tar'), `${url}&noOverwriteDirNonDir=true`)).toContain(
      'cannot overwrite directory',
    );
    expect(await status('-T', local('plain.tar'), url)).toBe('200');
    expect(await inside('up', 'cat /tmp/plain-folder/plain')).toBe('plain');
  });
});

describe('export and diff', () => {
  test.each(['up', 'rest'])('%s is exported whole, without its volumes', async (name) => {
    await docker('cp', local('plain'), `${name}:/data/in-volume`);
    await docker('cp', local('plain'), `${name}:/own`);
    await docker('export', '-o', local(`${name}.tar`), name);
    const listed = (await fixture.box.host('tar', '-tf', local(`${name}.tar`))).split('\n');
    expect(listed).toContain('bin/busybox');
    expect(listed).toContain('own');
    expect(listed).not.toContain('data/in-volume');
    expect(listed.filter((path) => /^(proc|sys)\/./.test(path))).toEqual([]);
  });

  test('an export can be imported and run', async () => {
    await docker('import', '-c', 'CMD ["cat","/own"]', local('rest.tar'), 'again');
    expect(await docker('run', '--rm', 'again')).toBe('plain');
    await docker('rmi', 'again');
  });

  test('diff tells what was added, changed and deleted, and nothing else', async () => {
    await docker('run', '--name', 'diff', 'busybox', 'true');
    expect(await docker('diff', 'diff')).toBe('');
    await docker('rm', 'diff');
    const script = 'mkdir -p /new/sub; echo x > /new/sub/file; echo x >> /etc/passwd; rm /bin/busybox';
    await docker('run', '--name', 'diff', 'busybox', 'sh', '-c', script);
    expect((await docker('diff', 'diff')).split('\n')).toEqual([
      'C /bin',
      'D /bin/busybox',
      'C /etc',
      'C /etc/passwd',
      'A /new',
      'A /new/sub',
      'A /new/sub/file',
    ]);
    expect(JSON.parse(await curl('http://d/containers/diff/changes'))).toContainEqual({
      Path: '/new',
      Kind: 1,
    });
    await docker('rm', 'diff');
  });
});

describe('clients that die', () => {
  const ended = (child: ChildProcess) => new Promise((resolve) => child.once('close', resolve));

  test('in the middle of a download leave nothing, and the container can be started', async () => {
    await docker('run', '--name', 'large', 'busybox', 'sh', '-c', 'dd if=/dev/zero of=/large bs=1M count=60');
    const before = held();
    const slow = [
      'sh',
      '-c',
      `${dockerProgram()} cp large:/large - | { head -c 100000 >/dev/null; exec sleep 100; }`,
    ];
    const client = fixture.box.startOnHost('setsid', ...slow);
    await eventually('the container is mounted', () => held().mounts > before.mounts);
    // Two requests share the mount.
    expect(await status('-I', 'http://d/containers/large/archive?path=/etc')).toBe('200');
    process.kill(-(client.pid ?? 0), 'SIGKILL');
    await ended(client);
    await docker('start', 'large');
    await docker('wait', 'large');
    await eventually(
      'nothing is held',
      () => held().mounts === before.mounts && held().descriptors <= before.descriptors,
    );
  });

  test('in the middle of an upload leave no half file', async () => {
    await fixture.box.host(
      'sh',
      '-c',
      `head -c 40000000 /dev/zero > ${local('half')}; cd ${local('.')}; tar -cf half.tar half`,
    );
    const before = held();
    const upload = ['curl', '-s', ...SOCKET, '--limit-rate', '4M', '-T', local('half.tar')];
    const client = fixture.box.startOnHost(...upload, 'http://d/containers/rest/archive?path=/tmp');
    await eventually('the container is mounted', () => held().mounts > before.mounts);
    client.kill('SIGKILL');
    await ended(client);
    await eventually(
      'nothing is held',
      () => held().mounts === before.mounts && held().descriptors <= before.descriptors,
    );
    expect(await status('-I', 'http://d/containers/rest/archive?path=/tmp/half')).toBe('404');
    expect(existsSync('/tmp/half')).toBe(false);
  });
});
