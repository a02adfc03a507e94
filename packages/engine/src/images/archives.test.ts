import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';
import { Store } from '@berth/core';
import { isOpaque, isWhiteout } from '@berth/kernel';
import { pack, type Header } from 'tar-stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { EventBus } from '../events/event-bus.js';
import { Images } from './images.js';
import type { Progress } from './model.js';

let folder: string;
let store: Store;
let images: Images;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'berth-archives-'));
  store = Store.open(join(folder, 'berth.db'));
  images = await openImages('images');
});
afterEach(() => {
  store.close();
  rmSync(folder, { recursive: true, force: true });
});

async function openImages(name: string): Promise<Images> {
  const opened = new Images(join(folder, name), store, new EventBus(), () => []);
  await opened.open();
  return opened;
}

type Entry = Partial<Header> & { name: string; body?: string | Buffer };

async function tar(...entries: Entry[]): Promise<Buffer> {
  const packer = pack();
  for (const { body = '', ...header } of entries) packer.entry(header, body as string);
  packer.finalize();
  return buffer(packer);
}

const digest = (data: Buffer | string) => `sha256:${createHash('sha256').update(data).digest('hex')}`;

/** As `docker save` made it before version 25. */
async function dockerArchive(layers: readonly Buffer[], diffIds = layers.map(digest)): Promise<Buffer> {
  const config = JSON.stringify({
    architecture: 'amd64',
    os: 'linux',
    config: { Env: ['A=b'], Cmd: ['sh'], ExposedPorts: { '80/tcp': {} } },
    rootfs: { type: 'layers', diff_ids: diffIds },
    history: [{ created_by: 'ADD x' }, { created_by: 'CMD', empty_layer: true }, { created_by: 'RUN rm' }],
  });
  const manifest = [
    { Config: 'c.json', RepoTags: ['web:1'], Layers: layers.map((_, index) => `${index}/layer.tar`) },
  ];
  return tar(
    { name: 'c.json', body: config },
    ...layers.map((body, index) => ({ name: `${index}/layer.tar`, body })),
    { name: 'manifest.json', body: JSON.stringify(manifest) },
  );
}

async function load(data: Buffer, into = images): Promise<Progress[]> {
  const news: Progress[] = [];
  await into.load(Readable.from([data]), (progress) => news.push(progress));
  return news;
}

const kept = () =>
  ['layers', 'blobs', 'staging'].map((name) => readdirSync(join(folder, 'images', name)).length);

describe('load', () => {
  it('takes what docker save makes, and unpacks whiteouts as an overlay’s', async () => {
    const base = await tar(
      { name: 'etc/', type: 'directory' },
      { name: 'etc/a', body: 'a' },
      { name: 'etc/b', body: 'b' },
      { name: '/bin/hard', body: 'x' },
      { name: 'bin/link', type: 'link', linkname: '/bin/hard' },
    );
    const top = await tar(
      { name: 'etc/', type: 'directory' },
      { name: 'etc/.wh.a' },
      { name: 'opt/', type: 'directory' },
      { name: 'opt/.wh..wh..opq' },
      { name: 'var/.wh.lib' },
      { name: 'var/lib/', type: 'directory' },
      { name: '.wh..wh.plnk/', type: 'directory' },
    );
    const news = await load(gzipSync(await dockerArchive([base, top])));
    expect(news.at(-1)).toEqual({ stream: 'Loaded image: web:1\n' });
    const image = images.get('web:1');
    expect(image.config).toMatchObject({
      env: ['A=b'],
      command: ['sh'],
      exposedPorts: [{ port: 80, protocol: 'tcp' }],
    });
    const [lower = '', upper = ''] = image.diffIds.map((diffId) => images.layerPath(diffId));
    expect(lstatSync(join(lower, 'bin/link')).ino).toBe(lstatSync(join(lower, 'bin/hard')).ino);
    expect(readdirSync(join(upper, 'etc'))).toEqual(['a']);
    expect(isWhiteout(lstatSync(join(upper, 'etc/a')))).toBe(true);
    expect(isOpaque(join(upper, 'opt'))).toBe(true);
    expect(isOpaque(join(upper, 'var/lib'))).toBe(true);
    expect(readdirSync(upper).sort()).toEqual(['etc', 'opt', 'var']);
    expect(images.history('web:1').map(({ createdBy, size }) => [createdBy, size])).toEqual([
      ['RUN rm', 0],
      ['CMD', 0],
      ['ADD x', 3],
    ]);
    expect(kept()).toEqual([2, 2, 0]);
  });

  it('gives back to the byte what it has taken: the same id elsewhere', async () => {
    await load(
      await dockerArchive([await tar({ name: 'a', body: 'a' }), await tar({ name: 'b', body: 'b' })]),
    );
    images.tag('web:1', 'harbour.example:5000/web', '2');
    const archive = await buffer(images.save(['web:1', 'harbour.example:5000/web:2']));
    const { id } = images.get('web:1');
    await images.remove(id, { force: true, noPrune: false });
    expect(kept()).toEqual([0, 0, 0]);
    await load(archive);
    expect(images.get('web:1')).toMatchObject({ id, repoTags: ['harbour.example:5000/web:2', 'web:1'] });
    // The same archive without Docker's manifest is an OCI layout.
    await images.remove(id, { force: true, noPrune: false });
    mkdirSync(join(folder, 'layout'));
    writeFileSync(join(folder, 'saved.tar'), archive);
    execFileSync('tar', ['-C', join(folder, 'layout'), '-xf', join(folder, 'saved.tar')]);
    const layout = execFileSync('tar', [
      ...['-C', join(folder, 'layout'), '--exclude', './manifest.json', '-c', '.'],
    ]);
    await load(execFileSync('zstd', ['-qc'], { input: layout }));
    expect(images.get('harbour.example:5000/web:2').id).toBe(id);
  });

  it('saves what was imported', async () => {
    const rootfs = await tar({ name: 'file', body: 'content' });
    const id = await images.import(Readable.from([rootfs]), { repository: 'mine', changes: ['ENV a=b'] });
    const archive = await buffer(images.save(['mine']));
    await images.remove('mine', { force: false, noPrune: false });
    await load(archive);
    expect(images.get('mine')).toMatchObject({ id, config: { env: ['a=b'] } });
    expect(readFileSync(join(images.layerPath(digest(rootfs)), 'file'), 'utf8')).toBe('content');
  });

  it.each<[string, () => Promise<Buffer>, string]>([
    [
      'another layer than is promised',
      async () => dockerArchive([await tar({ name: 'a' })], [digest('')]),
      'is damaged',
    ],
    [
      'a layer that climbs out',
      async () => dockerArchive([await tar({ name: '../evil' })]),
      "climbs out with '..'",
    ],
    ['no images', () => tar({ name: 'a' }), 'the archive holds no images'],
    [
      'a missing part',
      () => tar({ name: 'manifest.json', body: '[{"Config":"c","Layers":[]}]' }),
      '"c" is not in it',
    ],
    [
      'a part that leads out',
      () =>
        tar(
          { name: 'c', type: 'symlink', linkname: '/etc/passwd' },
          { name: 'manifest.json', body: '[{"Config":"c","Layers":[]}]' },
        ),
      'no file within it',
    ],
    ['what is no JSON', () => tar({ name: 'manifest.json', body: '[' }), 'not JSON'],
    [
      'cut',
      async () => (await dockerArchive([await tar({ name: 'a', body: 'x'.repeat(9000) })])).subarray(0, 5000),
      'cut short',
    ],
  ])('refuses %s, with nothing left', async (_, make, message) => {
    await expect(load(await make())).rejects.toThrow(message);
    expect(kept()).toEqual([0, 0, 0]);
    expect(images.list()).toEqual([]);
  });

  it('leaves nothing of a save that nobody reads on', async () => {
    await load(await dockerArchive([await tar({ name: 'a', body: 'x'.repeat(3_000_000) })]));
    const archive = images.save(['web:1']);
    archive.once('data', () => archive.destroy());
    archive.on('error', () => undefined);
    await expect.poll(() => kept()[2]).toBe(0);
  });
});

describe('work side by side', () => {
  it('makes each layer once, and removes none that others are about to use', async () => {
    const archive = await dockerArchive([
      await tar({ name: 'a', body: 'a'.repeat(200_000) }),
      await tar({ name: 'b', body: 'b'.repeat(200_000) }),
    ]);
    for (let round = 0; round < 5; round += 1) {
      await Promise.all([load(archive), load(archive), load(archive)]);
      const { id, diffIds } = images.get('web:1');
      await Promise.all([
        images.remove(id, { force: true, noPrune: false }),
        load(archive),
        load(gzipSync(archive)),
      ]);
      expect(images.get('web:1').diffIds).toEqual(diffIds);
      for (const diffId of diffIds) {
        expect(existsSync(images.layerPath(diffId))).toBe(true);
        expect(existsSync(images.layers.blobPath(images.layer(diffId).blob.digest))).toBe(true);
      }
      expect(kept()).toEqual([2, 2, 0]);
    }
  });
});

describe('the start', () => {
  it('removes what interrupted work has left, and no more', async () => {
    await load(await dockerArchive([await tar({ name: 'a', body: 'a' })]));
    const stray = 'f'.repeat(64);
    mkdirSync(join(folder, 'images/layers', stray, 'deep'), { recursive: true });
    writeFileSync(join(folder, 'images/blobs', stray), '');
    mkdirSync(join(folder, 'images/staging/pull'));
    images = await openImages('images');
    expect(kept()).toEqual([1, 1, 0]);
    expect(existsSync(images.layerPath(images.get('web:1').diffIds[0] ?? ''))).toBe(true);
  });
});
