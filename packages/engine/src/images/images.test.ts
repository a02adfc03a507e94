import { execFileSync } from 'node:child_process';
import { existsSync, lstatSync, mkdtempSync, readFileSync, readdirSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { Store } from '@berth/core';
import { pack, type Header } from 'tar-stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { EventBus } from '../events/event-bus.js';
import { Images, type ImageUse } from './images.js';

let folder: string;
let store: Store;
let images: Images;
let uses: ImageUse[];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'berth-images-'));
  store = Store.open(join(folder, 'berth.db'));
  uses = [];
  images = new Images(join(folder, 'images'), store, new EventBus(), () => uses);
  await images.open();
});
afterEach(() => {
  store.close();
  rmSync(folder, { recursive: true, force: true });
});

type Entry = Partial<Header> & { name: string; body?: string };

async function archive(...entries: Entry[]): Promise<Buffer> {
  const packer = pack();
  for (const { body = '', ...header } of entries) packer.entry(header, body);
  packer.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of packer) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

const load = (data: Buffer, repository = 'web') =>
  images.import(Readable.from(pieces(data)), { repository, changes: ['CMD ["sh"]'] });

/** In pieces of uneven size, as a network brings them. */
function* pieces(data: Buffer): Generator<Buffer> {
  for (let at = 0; at < data.length; at += 1337) yield data.subarray(at, at + 1337);
}

const leftBehind = () => [
  ...readdirSync(join(folder, 'images', 'staging')),
  ...readdirSync(join(folder, 'images', 'layers')),
];
const blobs = () => readdirSync(join(folder, 'images', 'blobs'));
const layer = (id: string) => images.layerPath(images.get(id).diffIds[0] ?? '');

describe('import', () => {
  it('keeps owners, modes, times, links, devices and attributes', async () => {
    const source = join(folder, 'source');
    execFileSync('sh', [
      '-ec',
      `mkdir -p ${source}/bin; cd ${source}; echo hello > bin/file; ln bin/file bin/hard; ln -s /bin/file bin/soft
       chown 12:34 bin/file; chmod 4751 bin/file; touch -h -d @1000000000 bin/file bin/soft; mknod bin/null c 1 3; mkfifo bin/pipe
       tar --xattrs -cf ${folder}/source.tar .`,
    ]);
    const id = await load(readFileSync(join(folder, 'source.tar')));
    const bin = join(layer(id), 'bin');
    const file = lstatSync(join(bin, 'file'));
    expect([file.uid, file.gid, file.mode & 0o7777, file.mtimeMs]).toEqual([12, 34, 0o4751, 1e12]);
    expect(lstatSync(join(bin, 'hard')).ino).toBe(file.ino);
    expect(readlinkSync(join(bin, 'soft'))).toBe('/bin/file');
    expect(lstatSync(join(bin, 'soft')).mtimeMs).toBe(1e12);
    expect(lstatSync(join(bin, 'null')).rdev).toBe(0x103);
    expect(lstatSync(join(bin, 'pipe')).isFIFO()).toBe(true);
  });

  it.each([
    ['gnu', 2],
    ['posix', 2],
    ['posix', 12],
  ])('keeps sparse files sparse (%s, %i holes)', async (format, holes) => {
    const source = join(folder, 'sparse');
    execFileSync('sh', [
      '-ec',
      `mkdir -p ${source}/dir; cd ${source}; truncate -s 64M dir/holes; echo whole > dir/whole
       for i in $(seq 1 ${holes}); do echo "part $i" | dd of=dir/holes bs=1M seek=$((i * 4)) conv=notrunc status=none; done
       tar --sparse --format=${format} -cf ${folder}/sparse.tar .`,
    ]);
    const id = await load(readFileSync(join(folder, 'sparse.tar')));
    const file = join(layer(id), 'dir/holes');
    expect(lstatSync(file).size).toBe(64 * 1024 * 1024);
    expect(lstatSync(file).blocks * 512).toBeLessThan(1024 * 1024);
    expect(execFileSync('cmp', [file, join(source, 'dir/holes')], { encoding: 'utf8' })).toBe('');
    expect(readFileSync(join(layer(id), 'dir/whole'), 'utf8')).toBe('whole\n');
  });

  it('refuses sparse files that it cannot follow', async () => {
    const source = join(folder, 'sparse');
    execFileSync('sh', [
      '-ec',
      `mkdir -p ${source}; cd ${source}; truncate -s 64M holes; echo whole > last
       for i in $(seq 1 12); do head -c 4096 /dev/urandom | dd of=holes bs=1M seek=$((i * 4)) conv=notrunc status=none; done
       tar --sparse --format=gnu -cf ${folder}/sparse.tar holes last`,
    ]);
    await expect(load(readFileSync(join(folder, 'sparse.tar')))).rejects.toThrow(/is damaged|--format=posix/);
    expect(leftBehind()).toEqual([]);
  });

  it('takes gzip and zstd; the same content is one layer', async () => {
    const plain = await archive(
      { name: 'etc', type: 'directory' },
      { name: 'etc/motd', body: 'x'.repeat(300_000) },
    );
    const zstd = execFileSync('zstd', ['-qc'], { input: plain });
    for (const [index, data] of [plain, gzipSync(plain), zstd].entries()) await load(data, `web${index}`);
    const [first, ...others] = images.list();
    expect(others.map(({ diffIds }) => diffIds)).toEqual([first?.diffIds, first?.diffIds]);
    expect(first).toMatchObject({ size: 300_000, os: 'linux', config: { command: ['sh'] } });
    expect(leftBehind()).toHaveLength(1);
  });

  it.each<[string, Entry[], string]>([
    ['a name with ..', [{ name: 'a/../../evil', body: 'x' }], 'a/../../evil'],
    ['an absolute name', [{ name: '/evil', body: 'x' }], '/evil'],
    ['a hard link that climbs', [{ name: 'evil', type: 'link', linkname: '../../etc/passwd' }], 'evil'],
    ['an absolute hard link', [{ name: 'evil', type: 'link', linkname: '/etc/passwd' }], 'evil'],
    [
      'a sparse file that climbs',
      [
        {
          name: 'GNUSparseFile.0/evil',
          body: 'x',
          pax: { 'GNU.sparse.major': '1', 'GNU.sparse.name': '../../evil' },
        },
      ],
      '../../evil',
    ],
    [
      'a file through a symbolic link',
      [
        { name: 'out', type: 'symlink', linkname: '/tmp' },
        { name: 'out/evil', body: 'x' },
      ],
      'out/evil',
    ],
    [
      'a hard link through a symbolic link',
      [
        { name: 'out', type: 'symlink', linkname: '/etc' },
        { name: 'evil', type: 'link', linkname: 'out/passwd' },
      ],
      'evil',
    ],
    [
      'a folder over a symbolic link',
      [
        { name: 'out', type: 'symlink', linkname: '/tmp' },
        { name: 'out', type: 'directory' },
      ],
      'out',
    ],
  ])('refuses %s, by name, with nothing left', async (_, entries, named) => {
    const data = await archive({ name: 'fine', body: 'fine' }, ...entries, {
      name: 'after',
      body: 'y'.repeat(100_000),
    });
    await expect(load(data)).rejects.toMatchObject({ code: 'invalid', subject: named });
    expect(leftBehind()).toEqual([]);
    expect(images.list()).toEqual([]);
    expect(existsSync('/tmp/evil')).toBe(false);
  });

  it('refuses what is no tar, is empty, or is cut short', async () => {
    const whole = await archive({ name: 'file', body: 'z'.repeat(50_000) });
    await expect(load(Buffer.alloc(4096, 'no tar'))).rejects.toThrow(/no tar/);
    await expect(load(Buffer.alloc(0))).rejects.toThrow(/empty/);
    await expect(load(Buffer.alloc(10_240))).rejects.toThrow(/empty/);
    await expect(load(whole.subarray(0, 20_000))).rejects.toThrow(/cut short/);
    await expect(load(gzipSync(whole).subarray(0, 80))).rejects.toThrow(/cut short/);
    await expect(load(execFileSync('zstd', ['-qc'], { input: whole }).subarray(0, 30))).rejects.toThrow(
      /cut short|damaged/,
    );
    await expect(load(Buffer.from('BZh91AY&SY'))).rejects.toThrow('compressed with bzip2');
    expect(leftBehind()).toEqual([]);
  });

  it('refuses a bad name or change before it reads anything', async () => {
    await expect(load(Buffer.alloc(0), 'Bad Name')).rejects.toThrow('invalid reference format');
  });
});

describe('names', () => {
  it('finds by name, id and prefix, and says what there is not', async () => {
    const id = await load(await archive({ name: 'a', body: 'a' }));
    for (const reference of ['web', 'web:latest', id, id.slice(7), id.slice(7, 19)]) {
      expect(images.get(reference).id).toBe(id);
    }
    expect(() => images.get('nope')).toThrow('No such image: nope:latest');
  });

  it('removes a name, and with the last one the image and its layer', async () => {
    const id = await load(await archive({ name: 'a', body: 'a' }));
    images.tag('web', 'team/web', 'v1');
    expect(images.get(id).repoTags).toEqual(['team/web:v1', 'web:latest']);
    await expect(images.remove(id, { force: false, noPrune: false })).rejects.toThrow('must be forced');
    const first = await images.remove('web', { force: false, noPrune: false });
    expect(first).toEqual({ untagged: ['web:latest'], deleted: [] });
    const { deleted } = await images.remove('team/web:v1', { force: false, noPrune: false });
    expect(deleted[0]).toBe(id);
    expect([...leftBehind(), ...blobs()]).toEqual([]);
  });

  it('stays while containers use it', async () => {
    await load(await archive({ name: 'a', body: 'a' }));
    uses = [{ containerId: 'c'.repeat(64), running: true }];
    await expect(images.remove('web', { force: true, noPrune: false })).rejects.toThrow(
      'conflict: unable to remove repository reference "web" (cannot be forced) - container cccccccccccc is using',
    );
    uses = [{ containerId: 'c'.repeat(64), running: false }];
    await expect(images.remove('web', { force: false, noPrune: false })).rejects.toThrow('must be forced');
  });
});
