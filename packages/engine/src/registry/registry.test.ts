import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';
import { BerthError, Store } from '@berth/core';
import { pack } from 'tar-stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { EventBus } from '../events/event-bus.js';
import { digestOf } from '../images/digest.js';
import { Images } from '../images/images.js';
import { registryReference } from '../images/reference.js';
import type { Progress } from '../model.js';
import { registryFailure } from './failures.js';
import { Registry } from './registry.js';
import { isLoopback } from './skopeo.js';

let folder: string;
let store: Store;
let images: Images;
let registry: Registry;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'berth-registry-'));
  store = Store.open(join(folder, 'berth.db'));
  images = new Images(join(folder, 'images'), store, new EventBus(), () => []);
  await images.open();
  mkdirSync(join(folder, 'remote/blobs'), { recursive: true });
  registry = new Registry(images, () => join(folder, 'skopeo'));
});
afterEach(() => {
  store.close();
  rmSync(folder, { recursive: true, force: true });
});

/**
 * Stands for skopeo and a registry that lies: `inspect` shows the files `manifest` and `config`, `copy` puts what is in
 * `blobs` into the layout and then does `last`.
 */
function lyingRegistry(
  files: { manifest: string; config: string; blobs: Record<string, Buffer> },
  last = '',
): void {
  writeFileSync(join(folder, 'remote/manifest'), files.manifest);
  writeFileSync(join(folder, 'remote/config'), files.config);
  for (const [digest, data] of Object.entries(files.blobs))
    writeFileSync(join(folder, 'remote/blobs', digest.replace('sha256:', '')), data);
  const script = `#!/bin/sh
    case "$*" in
    *--config*) cat ${folder}/remote/config ;;
    *inspect*) cat ${folder}/remote/manifest ;;
    *copy*)
      for word; do case $word in oci:*) layout=\${word#oci:}; layout=\${layout%:*} ;; esac; done
      cp ${folder}/remote/blobs/* $layout/blobs/sha256/
      ${last}
      ;;
    esac`;
  writeFileSync(join(folder, 'skopeo'), script);
  chmodSync(join(folder, 'skopeo'), 0o755);
}

async function layerTar(content: string): Promise<Buffer> {
  const packer = pack();
  packer.entry({ name: 'file' }, content);
  packer.finalize();
  return buffer(packer);
}

async function honest() {
  const tars = await Promise.all(['one', 'two'].map(layerTar));
  const config = JSON.stringify({
    architecture: 'amd64',
    os: 'linux',
    config: {},
    rootfs: { type: 'layers', diff_ids: tars.map(digestOf) },
  });
  const packed = tars.map((tar) => gzipSync(tar));
  const layers = packed.map((data) => ({ mediaType: 'x', digest: digestOf(data), size: data.length }));
  const manifest = JSON.stringify({
    schemaVersion: 2,
    config: { mediaType: 'x', digest: digestOf(config), size: config.length },
    layers,
  });
  const blobs = Object.fromEntries(packed.map((data) => [digestOf(data), data]));
  return { manifest, config, blobs };
}

async function pull(name = 'harbour.example/web:1'): Promise<Progress[]> {
  const news: Progress[] = [];
  await registry.pull(name, undefined, {}, (progress) => news.push(progress));
  return news;
}

const kept = () =>
  ['layers', 'blobs', 'staging'].map((name) => readdirSync(join(folder, 'images', name)).length);

describe('a pull', () => {
  it('tells what it does, and keeps what it needs', async () => {
    const files = await honest();
    lyingRegistry(files);
    const statuses = (await pull()).map(({ status }) => status);
    expect(statuses).toEqual([
      'Pulling from web',
      ...['Pulling fs layer', 'Pulling fs layer'],
      ...[
        'Download complete',
        'Extracting',
        'Pull complete',
        'Download complete',
        'Extracting',
        'Pull complete',
      ],
      `Digest: ${digestOf(files.manifest)}`,
      'Status: Downloaded newer image for harbour.example/web:1',
    ]);
    expect(images.get('harbour.example/web:1')).toMatchObject({
      id: digestOf(files.config),
      repoDigests: [`harbour.example/web@${digestOf(files.manifest)}`],
    });
    expect(kept()).toEqual([2, 2, 0]);
  });

  it('uses nothing whose digest is another than promised', async () => {
    const files = await honest();
    lyingRegistry({ ...files, config: `${files.config} ` });
    await expect(pull()).rejects.toThrow('is damaged: what the registry sent for sha256:');
    await expect(pull(`harbour.example/web@sha256:${'0'.repeat(64)}`)).rejects.toThrow('is damaged');
    const [first = '', second = ''] = Object.keys(files.blobs);
    lyingRegistry({ ...files, blobs: { ...files.blobs, [second]: files.blobs[first] ?? Buffer.alloc(0) } });
    await expect(pull()).rejects.toThrow(/layer sha256:[0-9a-f]{64} is damaged/);
    expect(kept()).toEqual([0, 0, 0]);
    expect(images.list()).toEqual([]);
  });

  it('that breaks off leaves nothing', async () => {
    const files = await honest();
    const [first = ''] = Object.keys(files.blobs);
    const cut = { ...files, blobs: { [first]: files.blobs[first] ?? Buffer.alloc(0) } };
    lyingRegistry(cut, 'echo \'time="x" level=fatal msg="reading blob: unexpected EOF"\' >&2; exit 1');
    await expect(pull()).rejects.toThrow('cannot pull harbour.example/web:1: reading blob: unexpected EOF');
    expect(kept()).toEqual([0, 0, 0]);
    rmSync(join(folder, 'remote/blobs'), { recursive: true });
    mkdirSync(join(folder, 'remote/blobs'));
    lyingRegistry(cut, 'exec sleep 600');
    const gone = new AbortController();
    const ended = registry.pull('harbour.example/web:1', undefined, { signal: gone.signal }, (progress) => {
      if (progress.status === 'Pull complete') gone.abort();
    });
    await expect(ended).rejects.toThrow('abort');
    expect(kept()).toEqual([0, 0, 0]);
  });

  it.each([
    ['no JSON', '{'],
    ['neither layers nor manifests', '{}'],
    ['of schema 1', '{"schemaVersion":1}'],
    ['bad digests', '{"config":{"digest":"sha256:../../x","size":1},"layers":[]}'],
    ['an empty index', '{"manifests":[]}'],
  ])('refuses a manifest with %s', async (_, manifest) => {
    lyingRegistry({ ...(await honest()), manifest });
    await expect(pull()).rejects.toThrow(BerthError);
    expect(kept()).toEqual([0, 0, 0]);
  });
});

describe('references', () => {
  it.each([
    ['busybox', undefined, { registry: 'docker.io', path: 'library/busybox', tag: 'latest' }],
    ['docker.io/library/busybox', '1', { repository: 'busybox', path: 'library/busybox', tag: '1' }],
    ['team/web:2', undefined, { registry: 'docker.io', path: 'team/web', tag: '2' }],
    ['localhost/web', undefined, { registry: 'localhost', path: 'web' }],
    ['[::1]:5000/a/b', 'x', { registry: '[::1]:5000', path: 'a/b', tag: 'x' }],
    ['web', `sha256:${'a'.repeat(64)}`, { digest: `sha256:${'a'.repeat(64)}` }],
    [`web:1@sha256:${'a'.repeat(64)}`, undefined, { digest: `sha256:${'a'.repeat(64)}`, tag: '1' }],
  ])('%s with %s', (name, tag, parts) => {
    expect(registryReference(name, tag)).toMatchObject(parts);
  });

  it.each(['web@sha256:12', 'web@', 'Web', '../x', 'a b', 'web:'])('refuses %s', (name) => {
    expect(() => registryReference(name)).toThrow(BerthError);
  });

  it('knows the loopback', () => {
    const here = ['localhost', 'localhost:1', '127.0.0.1:5000', '127.9.9.9', '[::1]:5000'];
    const elsewhere = ['docker.io', '128.0.0.1', 'localhost.example', '127.0.0.1.example:5000', '[::2]'];
    expect([...here, ...elsewhere].filter(isLoopback)).toEqual(here);
  });
});

describe('refusals', () => {
  const failed = (message: string, verb: 'pull' | 'push') =>
    registryFailure(new BerthError('internal', message), verb, registryReference('web'), 'web:latest');

  it('read as Docker’s', () => {
    expect(failed('reading manifest 9 in x: manifest unknown: manifest unknown', 'pull')).toMatchObject({
      code: 'not-found',
      message: 'manifest for web:latest not found: manifest unknown: manifest unknown',
    });
    expect(failed('x: unauthorized: authentication required', 'pull')).toMatchObject({
      code: 'not-found',
      message:
        "pull access denied for web, repository does not exist or may require 'docker login': unauthorized: authentication required",
    });
    expect(failed('x: denied: requested access to the resource is denied', 'push')).toMatchObject({
      code: 'forbidden',
      message: 'denied: requested access to the resource is denied',
    });
    expect(failed('Error parsing image name "docker://x/y:1": pinging: refused', 'pull')).toMatchObject({
      code: 'unavailable',
      message: 'cannot pull web:latest: pinging: refused',
    });
  });
});
