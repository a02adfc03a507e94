import { execFileSync } from 'node:child_process';
import {
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { readAttributes, RootDirectory, setAttribute } from '@berth/kernel';
import { pack, type Header } from 'tar-stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { extractInto } from './extract.js';
import { baseName, cleanPath, resolveInRoot } from './resolve.js';
import { tarOfFile, tarOfFolder } from './tree.js';

let folder: string;
let root: RootDirectory;
const inside = (path: string) => join(folder, 'root', path);
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'berth-archive-'));
  mkdirSync(inside('etc'), { recursive: true });
  mkdirSync(join(folder, 'outside'));
  root = RootDirectory.at(join(folder, 'root'));
});
afterEach(() => {
  root.close();
  rmSync(folder, { recursive: true });
});

const all = async (pieces: AsyncIterable<Buffer>): Promise<Buffer> => {
  const list: Buffer[] = [];
  for await (const piece of pieces) list.push(piece);
  return Buffer.concat(list);
};
const tar = (args: string[], input: Buffer): string =>
  execFileSync('tar', args, { input, encoding: 'utf8', maxBuffer: 1e8, env: { ...process.env, TZ: 'UTC' } });
const descriptors = () => readdirSync('/proc/self/fd').length;

describe('paths', () => {
  it.each([
    ['/etc/passwd', '/etc/passwd', 'passwd'],
    ['etc/', '/etc/', 'etc'],
    ['/etc/.', '/etc/.', '.'],
    ['/', '/', '/'],
    ['.', '/.', '.'],
    ['../../etc', '/etc', 'etc'],
  ])('%s is %s', (path, clean, base) => {
    expect(cleanPath(path)).toBe(clean);
    expect(baseName(cleanPath(path))).toBe(base);
  });

  it('are resolved within the root', () => {
    symlinkSync('../../../../etc', inside('up'));
    symlinkSync('/up/nowhere/..', inside('far'));
    symlinkSync('loop', inside('loop'));
    expect(resolveInRoot(root, '/up/x/../y')).toBe('/etc/y');
    expect(resolveInRoot(root, '/far')).toBe('/etc');
    expect(() => resolveInRoot(root, '/loop')).toThrow('too many levels of symbolic links');
  });
});

describe('archives of folders', () => {
  it('hold what GNU tar reads: kinds, owners, modes, times, links, attributes, long and strange names', async () => {
    writeFileSync(inside('etc/a'), 'hello', { mode: 0o640 });
    execFileSync('chown', ['12:34', inside('etc/a')]);
    execFileSync('chmod', ['4711', inside('etc/a')]);
    utimesSync(inside('etc/a'), 1_000_000_000, 1_000_000_000);
    linkSync(inside('etc/a'), inside('etc/b'));
    symlinkSync('a', inside('etc/c'));
    execFileSync('mkfifo', [inside('etc/fifo')]);
    execFileSync('mknod', [inside('etc/null'), 'c', '1', '3']);
    const long = 'ä'.repeat(90);
    writeFileSync(inside(`etc/${long}`), '');
    writeFileSync(Buffer.concat([Buffer.from(inside('etc/')), Buffer.from([0x62, 0xff])]), '');
    setAttribute(Buffer.from(inside('etc/b')), 'user.mark', Buffer.from([0, 200, 10]));
    const before = descriptors();
    const archive = await all(tarOfFolder(root.find(Buffer.from('/etc')), Buffer.from('etc')));
    expect(descriptors() - before).toBe(1);
    const list = tar(['-tv', '--numeric-owner', '--quoting-style=escape'], archive).split('\n');
    expect(list[0]).toMatch(/^drwxr-xr-x 0\/0 .* etc\/$/);
    expect(list[1]).toMatch(/^-rws--x--x 12\/34 +5 2001-09-09 01:46 etc\/a$/);
    expect(list[2]).toMatch(/^hrws--x--x .* etc\/b link to etc\/a$/);
    expect(list.join('\n')).toMatch(/prw.* etc\/fifo\n/);
    expect(list.join('\n')).toMatch(/crw.* 1,3 .* etc\/null\n/);
    expect(list.join('\n')).toContain(String.raw`etc/b\377`);
    const copy = join(folder, 'copy');
    mkdirSync(copy);
    tar(['-xp', '-C', copy, '--xattrs', '--xattrs-include=*'], archive);
    expect(readFileSync(join(copy, 'etc/b'), 'utf8')).toBe('hello');
    expect(readlinkSync(join(copy, 'etc/c'))).toBe('a');
    expect(readdirSync(join(copy, 'etc'))).toContain(long);
    expect(readAttributes(Buffer.from(join(copy, 'etc/a'))).get('user.mark')).toEqual(
      Buffer.from([0, 200, 10]),
    );
  });

  it('keep to the size that was told when a file changes meanwhile', async () => {
    writeFileSync(inside('etc/big'), Buffer.alloc(600_000, 'x'));
    const pieces = tarOfFolder(root.find(Buffer.from('/etc')), Buffer.from('etc'));
    const first = await pieces.next();
    truncateSync(inside('etc/big'), 10);
    const rest = await all(pieces);
    const archive = Buffer.concat([first.value as Buffer, rest]);
    expect(tar(['-tv'], archive)).toMatch(/ 600000 /);
  });

  it('let go of everything when nobody reads on', async () => {
    mkdirSync(inside('a/b/c'), { recursive: true });
    writeFileSync(inside('a/b/c/big'), Buffer.alloc(1_000_000));
    const before = descriptors();
    const pieces = tarOfFolder(root, undefined);
    await pieces.next();
    expect(descriptors()).toBeGreaterThan(before);
    await pieces.return(undefined);
    expect(descriptors()).toBe(before);
  });

  it('hold one file when asked for one', async () => {
    writeFileSync(inside('etc/a'), 'hello');
    using etc = root.find(Buffer.from('/etc'));
    const archive = await all(tarOfFile(etc, Buffer.from('a'), Buffer.from('a')));
    expect(tar(['-xO', 'a'], archive)).toBe('hello');
  });
});

const upload = (entries: readonly (readonly [Partial<Header> & { name: string }, string?])[]): Readable => {
  const packed = pack();
  for (const [header, content = ''] of entries) packed.entry(header, content);
  packed.finalize();
  return packed as unknown as Readable;
};
const put = (entries: Parameters<typeof upload>[0], destination = '/etc', more = {}) =>
  extractInto(root, destination, upload(entries), { noOverwriteDirNonDir: false, ...more });

describe('uploads', () => {
  it('are unpacked as they are', async () => {
    const before = descriptors();
    await put([
      [{ name: 'd', type: 'directory', mode: 0o2750, uid: 5, gid: 6, mtime: new Date(1e12) }],
      [
        {
          name: 'd/file',
          mode: 0o4755,
          uid: 7,
          gid: 8,
          mtime: new Date(1e12),
          pax: { 'SCHILY.xattr.user.x': 'y' },
        },
        'text',
      ],
      [{ name: 'd/hard', type: 'link', linkname: 'd/file' }],
      [{ name: 'd/soft', type: 'symlink', linkname: '../d/file', mtime: new Date(1e12) }],
      [{ name: 'd/fifo', type: 'fifo', mode: 0o600 }],
      [{ name: 'implied/by/name' }, 'x'],
    ]);
    expect(statSync(inside('etc/d'))).toMatchObject({ uid: 5, gid: 6, mtimeMs: 1e12, mode: 0o42750 });
    const file = statSync(inside('etc/d/hard'));
    expect(file).toMatchObject({ uid: 7, gid: 8, mtimeMs: 1e12, mode: 0o104755, nlink: 2 });
    expect(lstatSync(inside('etc/d/soft')).mtimeMs).toBe(1e12);
    expect(lstatSync(inside('etc/d/fifo')).isFIFO()).toBe(true);
    expect(
      readAttributes(Buffer.from(inside('etc/d/file')))
        .get('user.x')
        ?.toString(),
    ).toBe('y');
    expect(readFileSync(inside('etc/implied/by/name'), 'utf8')).toBe('x');
    expect(descriptors()).toBe(before);
  });

  it('may be compressed, and belong to whom is said', async () => {
    const plain = await all(upload([[{ name: 'f', uid: 1 }, 'zip']]) as AsyncIterable<Buffer>);
    const source = Readable.from([gzipSync(plain)]);
    await extractInto(root, '/', source, { noOverwriteDirNonDir: false, owner: { uid: 9, gid: 10 } });
    expect(statSync(inside('f'))).toMatchObject({ uid: 9, gid: 10, size: 3 });
  });

  it('replace what is there, unless told not to', async () => {
    mkdirSync(inside('etc/old/deep'), { recursive: true });
    const strict = { noOverwriteDirNonDir: true };
    await expect(put([[{ name: 'old' }, 'x']], '/etc', strict)).rejects.toThrow(
      'cannot overwrite directory "old" with non-directory "/etc"',
    );
    await put([[{ name: 'old' }, 'x']]);
    expect(readFileSync(inside('etc/old'), 'utf8')).toBe('x');
    await expect(put([[{ name: 'old', type: 'directory' }]], '/etc', strict)).rejects.toThrow(
      'cannot overwrite non-directory "old" with directory "/etc"',
    );
  });

  it.each<[string, Parameters<typeof upload>[0], RegExp]>([
    ['a name that climbs', [[{ name: '../evil' }, 'x']], /outside of/],
    ['a name that climbs later', [[{ name: 'a/../../evil' }, 'x']], /outside of/],
    ['a hard link outside', [[{ name: 'l', type: 'link', linkname: '../../outside/x' }]], /invalid hardlink/],
    [
      'a symbolic link that climbs',
      [[{ name: 'l', type: 'symlink', linkname: '../../x' }]],
      /invalid symlink/,
    ],
    ['a file in the place itself', [[{ name: '.' }, 'x']], /would replace/],
  ])('%s is refused', async (_what, entries, says) => {
    await expect(put(entries)).rejects.toThrow(says);
    await expect(put(entries)).rejects.toMatchObject({ code: 'invalid' });
    expect(readdirSync(join(folder, 'outside'))).toEqual([]);
    expect(readdirSync(folder).sort()).toEqual(['outside', 'root']);
  });

  it('never follow a link out of the root, whoever made it', async () => {
    const outside = join(folder, 'outside');
    symlinkSync(outside, inside('etc/there'));
    await expect(put([[{ name: 'there/file' }, 'x']])).rejects.toThrow();
    await put([
      [{ name: 'own', type: 'symlink', linkname: '/etc' }],
      [{ name: 'own/file' }, 'inside'],
      [{ name: '/absolute' }, 'inside'],
    ]);
    expect(readFileSync(inside('etc/file'), 'utf8')).toBe('inside');
    expect(readFileSync(inside('etc/absolute'), 'utf8')).toBe('inside');
    // What was a link is replaced, not written through.
    await put([[{ name: 'there' }, 'x']]);
    expect(lstatSync(inside('etc/there')).isFile()).toBe(true);
    expect(readdirSync(outside)).toEqual([]);
  });

  it('that are cut short leave no half file and no descriptor', async () => {
    const before = descriptors();
    const plain = await all(upload([[{ name: 'f' }, 'x'.repeat(100_000)]]) as AsyncIterable<Buffer>);
    const options = { noOverwriteDirNonDir: false };
    await expect(
      extractInto(root, '/etc', Readable.from([plain.subarray(0, 50_000)]), options),
    ).rejects.toThrow('cut short');
    await expect(
      extractInto(root, '/etc', Readable.from([Buffer.alloc(5000, 'x')]), options),
    ).rejects.toThrow('is no tar');
    expect(readdirSync(inside('etc'))).toEqual([]);
    expect(descriptors()).toBe(before);
  });
});
