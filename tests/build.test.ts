import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { dockerProgram, eventually, type CommandResult } from './box/index.js';
import { useBox } from './box/fixture.js';
import { startRegistry } from './box/registry.js';

const fixture = useBox();
const docker = (...args: string[]) => fixture.box.docker(...args);
const kept = () => readdirSync(join(fixture.box.folder, 'data/images/staging'));

/** A folder with these files, to build from. */
function context(name: string, files: Readonly<Record<string, string>>): string {
  const folder = join(fixture.box.folder, name);
  mkdirSync(folder);
  for (const [path, text] of Object.entries(files)) writeFileSync(join(folder, path), text);
  return folder;
}

/** `docker build` with the classic builder. */
function build(...args: string[]): Promise<CommandResult> {
  return fixture.box.tryHost(['env', 'DOCKER_BUILDKIT=0', dockerProgram(), 'build', ...args], {
    timeout: 120_000,
  });
}

describe('docker build', () => {
  test('builds on an image that is here', async () => {
    const folder = context('web', {
      Dockerfile: `ARG BASE=busybox
        FROM $BASE AS tools
        RUN echo tool > /tool
        FROM busybox
        ARG WHO
        ENV SEA=deep
        COPY page /www/
        COPY --from=tools /tool /tool
        RUN echo "by $WHO" >> /www/page && rm /etc/group
        EXPOSE 8080
        CMD ["cat", "/www/page", "/tool"]`,
      page: 'page\n',
    });
    const built = await build(
      '-t',
      'web:1',
      '-t',
      'team/web',
      '--build-arg',
      'WHO=anna',
      '--label',
      'a=b',
      folder,
    );
    expect(built.stderr).not.toContain('rror');
    expect(built.stdout).toMatch(/^\[2\/2\] Step 1\/\d+ : FROM busybox$/m);
    expect(built.stdout).toMatch(
      /Successfully built [0-9a-f]{12}\nSuccessfully tagged web:1\nSuccessfully tagged team\/web:latest\n$/,
    );
    expect(await docker('run', '--rm', 'web:1')).toBe('page\nby anna\ntool');
    expect(await docker('run', '--rm', 'team/web', 'ls', '/etc')).not.toContain('group');
    const config = '{{.Config.Env}} {{.Config.Labels}} {{.Config.ExposedPorts}}';
    expect(await docker('image', 'inspect', '-f', config, 'web:1')).toMatch(
      /SEA=deep\] map\[a:b\] map\[8080\/tcp:\{\}\]$/,
    );
    // The base's layer is there once.
    const [base = '', ...more] = (
      await docker('image', 'inspect', '-f', '{{join .RootFS.Layers " "}}', 'web:1')
    ).split(' ');
    expect(await docker('image', 'inspect', '-f', '{{join .RootFS.Layers " "}}', 'busybox')).toBe(base);
    expect(more).toHaveLength(1);
    expect(kept()).toEqual([]);
    await docker('rmi', 'web:1', 'team/web');
  });

  test('tells what went wrong, and leaves nothing', async () => {
    const folder = context('wrong', { Dockerfile: 'FROM busybox\nRUN exit 3\n' });
    const failed = await build(folder);
    expect(failed.status).toBe(1);
    expect(failed.stderr).toContain("The command '/bin/sh -c exit 3' returned a non-zero code: 3");
    const missing = await build('-f', join(folder, 'Dockerfile'), '--target', 'nothing', folder);
    expect(missing.status).toBe(1);
    const limited = await build('--memory', '100m', folder);
    expect(limited.stderr).toContain('build parameter memory is not supported by Berth yet');
    expect(kept()).toEqual([]);
  });

  test('takes bases from registries, also with the builder that clients choose by themselves', async () => {
    const registry = await startRegistry(fixture.box, { address: '127.0.0.1:5000' });
    await docker('tag', 'busybox', '127.0.0.1:5000/base');
    await docker('push', '127.0.0.1:5000/base');
    await docker('rmi', '127.0.0.1:5000/base');
    const folder = context('remote', { Dockerfile: 'FROM 127.0.0.1:5000/base\nRUN echo built > /built\n' });
    const quiet = await fixture.box.tryHost([dockerProgram(), 'build', '-q', '-t', 'remote', folder]);
    expect(quiet.stdout.trim()).toMatch(/^sha256:[0-9a-f]{64}$/);
    expect(await docker('run', '--rm', 'remote', 'cat', '/built')).toBe('built');
    await docker('rmi', 'remote');
    registry.stop();
  });

  test('ends with its client', async () => {
    const folder = context('slow', { Dockerfile: 'FROM busybox\nRUN sleep 4321\n' });
    const client = fixture.box.startOnHost('env', 'DOCKER_BUILDKIT=0', dockerProgram(), 'build', folder);
    const asleep = async () => (await fixture.box.tryHost(['pgrep', '-f', '^sleep 4321'])).status === 0;
    await eventually('the build sleeps', asleep, 60_000);
    client.kill('SIGKILL');
    await eventually('the build has ended', async () => !(await asleep()));
    await eventually('nothing is left', () => kept().length === 0);
  });

  test('leaves nothing when the daemon is killed and starts again', async () => {
    const folder = context('crash', { Dockerfile: 'FROM busybox\nRUN sleep 4322\n' });
    const client = fixture.box.startOnHost('env', 'DOCKER_BUILDKIT=0', dockerProgram(), 'build', folder);
    const asleep = async () => (await fixture.box.tryHost(['pgrep', '-f', '^sleep 4322'])).status === 0;
    await eventually('the build sleeps', asleep, 60_000);
    await fixture.daemon.crash();
    client.kill();
    await fixture.box.startDaemon();
    expect(readdirSync(join(fixture.box.folder, 'data/images')).sort()).toEqual([
      'blobs',
      'layers',
      'staging',
    ]);
    expect(kept()).toEqual([]);
    await eventually('the build has ended', async () => !(await asleep()));
    expect(await docker('run', '--rm', 'busybox', 'echo', 'fine')).toBe('fine');
  });
});
