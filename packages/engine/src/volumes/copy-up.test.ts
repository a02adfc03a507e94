import { execFileSync } from 'node:child_process';
import { lstatSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readAttributes, setAttribute } from '@berth/kernel';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { copyTree } from './copy-tree.js';
import { copyUp } from './copy-up.js';
import type { Volume } from './model.js';

let folder: string;
let source: string;
let target: string;
const sh = (script: string) => execFileSync('sh', ['-ec', script], { cwd: source });

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'berth-copy-'));
  source = join(folder, 'source');
  target = join(folder, 'volume/_data');
  mkdirSync(source);
  mkdirSync(target, { recursive: true });
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** What `find` tells of everything in a folder, and of the folder; inode numbers as the names that share them. */
function listing(path: string): string[] {
  const format = '%P %y %m %U:%G %n %l %TY-%Tm-%TdT%TT\\n';
  return execFileSync('find', [path, '-printf', format], { encoding: 'latin1' }).split('\n').sort();
}

describe('copyTree', () => {
  it('keeps owners, modes, times, links and nodes', async () => {
    sh(`mkdir -p a/b; echo one > a/file; ln a/file a/b/hard; ln -s ../../nowhere a/soft; mkfifo pipe
      mknod null c 1 3; mknod block b 300 70000; chmod 4711 a/file; chown -h 7:8 a/soft a/b; chown 3000000:5 pipe; chmod 2750 a/b
      touch -d 2001-02-03T04:05:06 a/file a/b; touch -h -d 2002-02-03T04:05:06 a/soft
      printf x > "$(printf 'caf\\351')"; chown 9:9 .; chmod 1770 .; touch -d 2003-01-01 a .; touch -h -d '1969-12-31 23:59:59.25 UTC' pipe`);
    await copyTree(Buffer.from(source), Buffer.from(target));
    expect(listing(target)).toEqual(listing(source));
    expect(lstatSync(join(target, 'a/file')).ino).toBe(lstatSync(join(target, 'a/b/hard')).ino);
    expect(lstatSync(join(target, 'null')).rdev).toBe(lstatSync('/dev/null').rdev);
    expect(lstatSync(join(target, 'block')).rdev).toBe(lstatSync(join(source, 'block')).rdev);
  });

  it('keeps extended attributes and capabilities', async () => {
    sh('echo x > file; mkdir sub; chown 7:7 file');
    // Version 2 of struct vfs_cap_data: effective, CAP_NET_RAW (linux/capability.h).
    const capability = Buffer.from('0100000200200000000000000000000000000000', 'hex');
    setAttribute(Buffer.from(`${source}/file`), 'security.capability', capability);
    setAttribute(Buffer.from(`${source}/sub`), 'trusted.colour', Buffer.from('r\0d'));
    setAttribute(Buffer.from(source), 'user.top', Buffer.from('1'));
    await copyTree(Buffer.from(source), Buffer.from(target));
    const attributes = (path: string) => Object.fromEntries(readAttributes(Buffer.from(`${target}${path}`)));
    expect(attributes('/file')).toEqual({ 'security.capability': capability });
    expect(attributes('/sub')).toEqual({ 'trusted.colour': Buffer.from('r\0d') });
    expect(attributes('')).toEqual({ 'user.top': Buffer.from('1') });
  });

  it('leaves sockets out, and does not look through links', async () => {
    sh(`python3 -c "import socket; socket.socket(socket.AF_UNIX).bind('sock')"; ln -s /etc etc`);
    await copyTree(Buffer.from(source), Buffer.from(target));
    expect(readdirSync(target)).toEqual(['etc']);
    expect(lstatSync(join(target, 'etc')).isSymbolicLink()).toBe(true);
  });
});

describe('copyUp', () => {
  const volume = (options: Record<string, string> = {}): Volume => ({
    ...{ name: 'v', created: '', driver: 'local', mountpoint: target, options, labels: {}, users: [] },
  });
  const up = (used: boolean, options?: Record<string, string>) =>
    copyUp({
      source: Buffer.from(source),
      staging: join(folder, 'staging/x'),
      volume: volume(options),
      used: () => used,
    });

  it('puts everything there at once', async () => {
    sh('mkdir sub; echo x > sub/file; chown 5:6 .; chmod 700 .');
    await up(false);
    expect(listing(target)).toEqual(listing(source));
    expect(readdirSync(join(folder, 'staging'))).toEqual([]);
  });

  it('leaves an empty volume, and nothing else, when it fails', async () => {
    sh('echo x > file');
    rmSync(join(folder, 'volume'), { recursive: true });
    await expect(up(false)).rejects.toThrow('ENOENT');
    expect(readdirSync(join(folder, 'staging'))).toEqual([]);
  });

  it('is led nowhere by who has the volume already', async () => {
    sh('mkdir sub; echo x > sub/file; echo y > file; chmod 751 .');
    mkdirSync(join(folder, 'outside'));
    const inode = lstatSync(target).ino;
    symlinkSync(join(folder, 'outside'), join(target, 'file'));
    await up(true);
    // The folder that is mounted elsewhere is still the same.
    expect(lstatSync(target)).toMatchObject({ ino: inode });
    expect(lstatSync(target).mode & 0o777).toBe(0o751);
    expect(readFileSync(join(target, 'file'), 'utf8')).toBe('y\n');
    expect(readFileSync(join(target, 'sub/file'), 'utf8')).toBe('x\n');
    expect(readdirSync(join(folder, 'outside'))).toEqual([]);
  });

  it('goes into a file system of its own only while nobody else has it', async () => {
    sh('echo x > file');
    await up(true, { device: 'tmpfs', type: 'tmpfs' });
    expect(readdirSync(target)).toEqual([]);
    await up(false, { device: 'tmpfs', type: 'tmpfs' });
    expect(readdirSync(target)).toEqual(['file']);
  });
});
