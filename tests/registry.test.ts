import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { BUSYBOX_ARCHIVE, dockerProgram, eventually } from './box/index.js';
import { useBox } from './box/fixture.js';
import { startRegistry, type BoxedRegistry } from './box/registry.js';

const fixture = useBox();
const docker = (...args: string[]) => fixture.box.docker(...args);
const tryDocker = (...args: string[]) => fixture.box.tryDocker(...args);

const OPEN = '127.0.0.1:5000';
const LOCKED = 'localhost:5001';
let registries: BoxedRegistry[] = [];

beforeAll(async () => {
  registries = [
    await startRegistry(fixture.box, { address: OPEN }),
    await startRegistry(fixture.box, {
      address: LOCKED,
      login: { name: 'anna', password: 'sea: and "sky"' },
    }),
  ];
});
afterAll(() => {
  for (const registry of registries) registry.stop();
});

/** What of images lies below the data root. */
const kept = (what: 'layers' | 'blobs' | 'staging') =>
  readdirSync(join(fixture.box.folder, 'data/images', what));

/** An image of two layers: busybox, and one that takes away, adds and replaces. */
async function twoLayers(name: string): Promise<void> {
  const folder = join(fixture.box.folder, name.replaceAll(/\W/g, '-'));
  mkdirSync(folder);
  await docker('tag', 'busybox', name);
  execFileSync(
    'sh',
    [
      '-ec',
      `mkdir -p top/etc top/data; touch top/etc/.wh.passwd; echo new > top/data/file; ln top/data/file top/data/hard
       tar -C top -cf top.tar . && tar -xOf ${BUSYBOX_ARCHIVE} > /dev/null && cp ${BUSYBOX_ARCHIVE} base.tar
       D1=$(sha256sum base.tar | cut -c1-64); D2=$(sha256sum top.tar | cut -c1-64)
       printf '{"architecture":"amd64","os":"linux","created":"2026-01-02T03:04:05Z","config":{"Cmd":["sh"],"Env":["SEA=deep"]},"rootfs":{"type":"layers","diff_ids":["sha256:%s","sha256:%s"]},"history":[{"created_by":"base"},{"created_by":"nothing","empty_layer":true},{"created_by":"top"}]}' $D1 $D2 > config.json
       printf '[{"Config":"config.json","RepoTags":["%s"],"Layers":["base.tar","top.tar"]}]' ${name} > manifest.json
       tar -czf image.tar.gz config.json manifest.json base.tar top.tar`,
    ],
    { cwd: folder },
  );
  expect(await docker('load', '-i', join(folder, 'image.tar.gz'))).toBe(`Loaded image: ${name}`);
}

describe('push and pull', () => {
  test('carry an image there and back, with the same id', async () => {
    const name = `${OPEN}/team/web:1`;
    await twoLayers(name);
    const id = await docker('image', 'inspect', '-f', '{{.Id}}', name);
    const pushed = await docker('push', name);
    expect(pushed).toContain(`The push refers to repository [${OPEN}/team/web]`);
    const [, digest = ''] = /1: digest: (sha256:[0-9a-f]{64}) size: \d+$/.exec(pushed) ?? [];
    expect(digest).not.toBe('');
    expect(await docker('image', 'inspect', '-f', '{{.RepoDigests}}', name)).toBe(
      `[${OPEN}/team/web@${digest}]`,
    );

    await docker('rmi', name);
    const layers = kept('layers').length;
    const pulled = await docker('pull', name);
    expect(pulled).toContain('1: Pulling from team/web\n');
    expect(pulled).toMatch(/^[0-9a-f]{12}: Already exists$/m);
    expect(pulled).toMatch(/^[0-9a-f]{12}: Pull complete$/m);
    expect(pulled).toContain(`Digest: ${digest}\nStatus: Downloaded newer image for ${name}\n${name}`);
    expect(await docker('image', 'inspect', '-f', '{{.Id}}', name)).toBe(id);
    expect(kept('layers')).toHaveLength(layers + 1);
    const script = 'echo $SEA; cat /data/hard; test -e /etc/passwd || echo gone';
    expect(await docker('run', '--rm', name, 'sh', '-c', script)).toBe('deep\nnew\ngone');
    expect(await docker('pull', name)).toContain(`Status: Image is up to date for ${name}`);

    const byDigest = `${OPEN}/team/web@${digest}`;
    await docker('rmi', name);
    await docker('pull', byDigest);
    expect(await docker('images', '--digests', '--format', '{{.Repository}} {{.Tag}} {{.Digest}}')).toContain(
      `${OPEN}/team/web <none> ${digest}`,
    );
    await docker('rmi', byDigest);
    expect(kept('staging')).toEqual([]);
  });

  test('know what the registry does not have', async () => {
    const missing = await tryDocker('pull', `${OPEN}/no/such:thing`);
    expect(missing).toMatchObject({ status: 1 });
    expect(missing.stderr).toContain(`manifest for ${OPEN}/no/such:thing not found: manifest unknown`);
    const nowhere = await tryDocker('pull', '127.0.0.1:5999/web');
    expect(nowhere.stderr).toContain('connection refused');
    expect((await tryDocker('push', `${OPEN}/none`)).stderr).toContain(
      `An image does not exist locally with the tag: ${OPEN}/none`,
    );
  });

  test('log in', async () => {
    await docker('tag', 'busybox', `${LOCKED}/private`);
    expect((await tryDocker('push', `${LOCKED}/private`)).stderr).toMatch(/unauthorized|no basic auth/);
    expect((await tryDocker('pull', `${LOCKED}/private`)).stderr).toContain('pull access denied');
    const config = join(fixture.box.folder, 'docker-config');
    const login = (password: string) =>
      fixture.box.tryHost(
        [dockerProgram(), '--config', config, 'login', '-u', 'anna', '--password-stdin', LOCKED],
        {
          input: password,
        },
      );
    expect(await login('wrong')).toMatchObject({ status: 1 });
    expect((await login('sea: and "sky"')).stdout).toContain('Login Succeeded');
    expect(await docker('--config', config, 'push', `${LOCKED}/private`)).toContain(
      'latest: digest: sha256:',
    );
    await docker('rmi', `${LOCKED}/private`);
    await docker('--config', config, 'pull', `${LOCKED}/private`);
    await docker('rmi', `${LOCKED}/private`);
  });

  test('that are interrupted leave nothing', async () => {
    const name = `${OPEN}/big:1`;
    const folder = join(fixture.box.folder, 'big');
    mkdirSync(folder);
    writeFileSync(
      join(folder, 'random'),
      execFileSync('head', ['-c', '60000000', '/dev/urandom'], { maxBuffer: 1e8 }),
    );
    execFileSync('tar', ['-C', folder, '-cf', `${folder}.tar`, '.']);
    await docker('import', `${folder}.tar`, name);
    await docker('push', name);
    await docker('rmi', name);
    const [layers, blobs] = [kept('layers'), kept('blobs')];
    const pull = fixture.box.startOnHost(dockerProgram(), 'pull', name);
    await eventually('the pull is under way', () => kept('staging').length > 0);
    pull.kill('SIGKILL');
    await eventually('nothing is left', () => kept('staging').length === 0);
    expect([kept('layers'), kept('blobs')]).toEqual([layers, blobs]);
    expect(await docker('images', '-q', name)).toBe('');
    expect(await docker('pull', name)).toContain('Downloaded newer image');
    await docker('rmi', name);
  });

  test('speak of an image without fetching it', async () => {
    await docker('tag', 'busybox', `${OPEN}/asked`);
    await docker('push', `${OPEN}/asked`);
    const answer = await fixture.box.host(
      ...['curl', '-sf', '--unix-socket', '/run/berth/berth.sock'],
      `http://d/v1.51/distribution/${OPEN}/asked/json`,
    );
    expect(JSON.parse(answer)).toMatchObject({
      Descriptor: { digest: expect.stringMatching(/^sha256:/) as string },
      Platforms: [{ os: 'linux' }],
    });
    await docker('rmi', `${OPEN}/asked`);
  });
});
