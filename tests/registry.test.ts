import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { BUSYBOX_ARCHIVE, dockerProgram, eventually, HOST_ADDRESS } from './box/index.js';
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

  test('at once are as good as one after the other', async () => {
    const name = `${OPEN}/team/busy:1`;
    await twoLayers(name);
    await docker('push', name);
    await docker('rmi', name);
    const pulls = await Promise.all(Array.from({ length: 4 }, () => docker('pull', '-q', name)));
    expect(new Set(pulls)).toEqual(new Set([name]));
    expect(await docker('run', '--rm', name, 'cat', '/data/file')).toBe('new');
    await docker('rmi', name);
    expect(kept('layers')).toHaveLength(1);
    expect(kept('blobs')).toHaveLength(1);
  });

  test('take the image of an index that fits the machine, and all tags', async () => {
    const manifests = [];
    for (const architecture of ['arm64', 'amd64']) {
      const name = `${OPEN}/many:${architecture}`;
      const folder = join(fixture.box.folder, architecture);
      mkdirSync(folder);
      const script = `tar -cf layer.tar --files-from=/dev/null; D=$(sha256sum layer.tar | cut -c1-64)
        printf '{"architecture":"${architecture}","os":"linux","config":{},"rootfs":{"type":"layers","diff_ids":["sha256:%s"]}}' $D > config.json
        printf '[{"Config":"config.json","RepoTags":["${name}"],"Layers":["layer.tar"]}]' > manifest.json
        tar -cf image.tar config.json manifest.json layer.tar`;
      execFileSync('sh', ['-ec', script], { cwd: folder });
      await docker('load', '-i', join(folder, 'image.tar'));
      const pushed = await docker('push', name);
      const [, digest, size] = /digest: (sha256:[0-9a-f]{64}) size: (\d+)/.exec(pushed) ?? [];
      const mediaType = 'application/vnd.docker.distribution.manifest.v2+json';
      manifests.push({ mediaType, digest, size: Number(size), platform: { os: 'linux', architecture } });
      await docker('rmi', name);
    }
    const type = 'application/vnd.oci.image.index.v1+json';
    const index = join(fixture.box.folder, 'index.json');
    writeFileSync(index, JSON.stringify({ schemaVersion: 2, mediaType: type, manifests }));
    await fixture.box.host(
      ...['curl', '-sf', '-X', 'PUT', '-H', `Content-Type: ${type}`, '--data-binary', `@${index}`],
      `http://${OPEN}/v2/many/manifests/all`,
    );
    const own = process.arch === 'x64' ? 'amd64' : process.arch;
    const architectureOf = (name: string) => docker('image', 'inspect', '-f', '{{.Architecture}}', name);
    expect(await docker('pull', `${OPEN}/many:all`)).toContain(
      `Status: Downloaded newer image for ${OPEN}/many:all`,
    );
    expect(await architectureOf(`${OPEN}/many:all`)).toBe(own);
    await docker('pull', '--platform', 'linux/arm64', `${OPEN}/many:all`);
    expect(await architectureOf(`${OPEN}/many:all`)).toBe('arm64');
    const none = await tryDocker('pull', '--platform', 'linux/riscv64', `${OPEN}/many:all`);
    expect(none.stderr).toContain('no matching manifest for linux/riscv64');
    await docker('pull', '-aq', `${OPEN}/many`);
    const names = await docker('images', '--format', '{{.Tag}}', `${OPEN}/many`);
    expect(
      names
        .split('\n')
        .filter((tag) => tag !== '<none>')
        .sort(),
    ).toEqual(['all', 'amd64', 'arm64']);
    await docker('rmi', ...['all', 'amd64', 'arm64'].map((tag) => `${OPEN}/many:${tag}`));
  });

  test('keep to TLS with registries of other machines', async () => {
    const address = `${HOST_ADDRESS}:5443`;
    const registry = await startRegistry(fixture.box, { address, tls: true });
    registries.push(registry);
    const name = `${address}/safe`;
    await docker('tag', 'busybox', name);
    expect((await tryDocker('push', name)).stderr).toContain('certificate signed by unknown authority');
    // Where containers-certs.d(5) says; the box has a folder of its own there.
    const folder = `/etc/containers/certs.d/${address}`;
    await fixture.box.host('mount', '-t', 'tmpfs', 'tmpfs', '/etc/containers');
    await fixture.box.host('sh', '-c', `mkdir -p ${folder} && cp ${registry.certificate} ${folder}/ca.crt`);
    await docker('push', name);
    await docker('rmi', name);
    expect(await docker('pull', name)).toContain('Downloaded newer image');
    await docker('rmi', name);
    const plain = `${HOST_ADDRESS}:5080`;
    registries.push(await startRegistry(fixture.box, { address: plain }));
    expect((await tryDocker('pull', `${plain}/x`)).stderr).toContain('HTTP response to HTTPS client');
    await fixture.box.host('umount', '/etc/containers');
  });

  test('need skopeo, and nothing else does', async () => {
    await fixture.box.host('mount', '--bind', '/dev/null', '/usr/bin/skopeo');
    const refused = await tryDocker('pull', `${OPEN}/team/web:1`);
    expect(refused.stderr).toContain('the program skopeo is not there: install the package skopeo');
    await docker('save', '-o', join(fixture.box.folder, 'saved.tar'), 'busybox');
    await docker('load', '-i', join(fixture.box.folder, 'saved.tar'));
    await fixture.box.host('umount', '/usr/bin/skopeo');
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
