import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { HostInABox, type BoxedDaemon } from './box/index.js';

/** Volumes, when the daemon is killed at a bad moment. */
let box: HostInABox;
let daemon: BoxedDaemon;
const docker = (...args: string[]) => box.docker(...args);
const mounted = async (name: string) =>
  (await box.host('cat', '/proc/self/mountinfo')).includes(`/volumes/${name}/_data `);

async function crash(meanwhile: () => Promise<void> = () => Promise.resolve()): Promise<void> {
  await daemon.crash();
  await meanwhile();
  daemon = await box.startDaemon();
}

beforeAll(async () => {
  box = await HostInABox.create();
  daemon = await box.startDaemon();
});
afterAll(() => box[Symbol.asyncDispose]());

test('a volume in memory is the same for those who had it and those who come after a crash', async () => {
  await docker('volume', 'create', '-o', 'type=tmpfs', '-o', 'device=tmpfs', 'memory');
  await docker('run', '-d', '--name', 'first', '-v', 'memory:/data', 'busybox', 'sleep', '600');
  await crash();
  await docker('exec', 'first', 'sh', '-c', 'echo x > /data/file');
  expect(await docker('run', '--rm', '-v', 'memory:/data', 'busybox', 'cat', '/data/file')).toBe('x');
  expect(await mounted('memory')).toBe(true);
  // Unmounted behind everybody's back, it is mounted again for the one that runs.
  await crash(() =>
    box.host('sh', '-c', `umount ${box.folder}/data/volumes/memory/_data`).then(() => undefined),
  );
  expect(await mounted('memory')).toBe(true);
  // Who ended while nobody looked has it no longer.
  const pid = await docker('inspect', '-f', '{{.State.Pid}}', 'first');
  await crash(async () => {
    await box.host('kill', '-9', pid);
  });
  expect(await docker('inspect', '-f', '{{.State.Status}}', 'first')).toBe('exited');
  expect(await mounted('memory')).toBe(false);
  await docker('rm', 'first');
  await docker('volume', 'rm', 'memory');
});

test('a container removed by itself takes its anonymous volume along, also when that happens later', async () => {
  await docker('run', '-d', '--rm', '--name', 'brief', '-v', '/scratch', 'busybox', 'sleep', '600');
  const pid = await docker('inspect', '-f', '{{.State.Pid}}', 'brief');
  expect(await docker('volume', 'ls', '-q')).not.toBe('');
  await crash(async () => {
    await box.host('kill', '-9', pid);
  });
  await expect.poll(() => docker('ps', '-aq')).toBe('');
  expect(await docker('volume', 'ls', '-q')).toBe('');
});

test('volumes that a dead daemon was making or removing are whole or gone', async () => {
  const root = `${box.folder}/data/volumes`;
  await docker('volume', 'create', 'data');
  await crash(() => {
    mkdirSync(`${root}/.removed/x/_data`, { recursive: true });
    mkdirSync(`${root}/.staging/y`, { recursive: true });
    writeFileSync(`${root}/.staging/y/half`, '');
    return Promise.resolve();
  });
  expect(readdirSync(root)).toEqual(['data']);
  await docker('volume', 'rm', 'data');
  expect(existsSync(`${root}/data`)).toBe(false);
});

test('a creation that fails leaves neither container nor anonymous volume', async () => {
  // The volume cannot be mounted, so that the image's content cannot be put into it.
  await docker('volume', 'create', '-o', 'type=none', '-o', 'device=/nowhere', '-o', 'o=bind', 'nowhere');
  const result = await box.tryDocker('create', '-v', '/scratch', '-v', 'nowhere:/etc', 'busybox');
  expect(result.stderr).toContain("error while mounting volume '");
  expect(await docker('ps', '-aq')).toBe('');
  expect(await docker('volume', 'ls', '-q')).toBe('nowhere');
  await docker('volume', 'rm', 'nowhere');
});

test('many containers that share a new volume fill it once', async () => {
  const names = Array.from({ length: 8 }, (_, index) => `user${index}`);
  await Promise.all(
    names.map((name) => docker('create', '--name', name, '-v', 'shared:/etc', 'busybox', 'true')),
  );
  const files = readdirSync(`${box.folder}/data/volumes/shared/_data`);
  expect(files).toContain('passwd');
  await docker('rm', '-v', ...names);
  await docker('volume', 'rm', 'shared');
});
