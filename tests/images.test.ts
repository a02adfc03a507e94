import { mkdirSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { BUSYBOX_ARCHIVE, output } from './box/index.js';
import { useBox } from './box/fixture.js';

const fixture = useBox();
const berth = (...args: string[]) => fixture.box.berth(...args);
const tryBerth = (...args: string[]) => fixture.box.tryBerth(...args);

describe('image import', () => {
  test.each([
    ['gzip', 'gzip -c'],
    ['zstd', 'zstd -qc'],
  ])('takes %s', async (name, compress) => {
    const archive = `${fixture.box.folder}/busybox.${name}`;
    await output(['sh', '-c', `${compress} ${BUSYBOX_ARCHIVE} > ${archive}`]);
    const id = await berth('image', 'import', archive, `packed:${name}`);
    expect(id).toMatch(/^sha256:[0-9a-f]{64}$/);
    expect(await berth('run', '--rm', `packed:${name}`, 'echo', 'hello')).toBe('hello');
    await berth('image', 'rm', `packed:${name}`);
  });

  test('reads standard input', async () => {
    await fixture.box.host(
      'sh',
      '-c',
      `${fixture.box.berthCommand} image import - piped < ${BUSYBOX_ARCHIVE}`,
    );
    expect(await berth('image', 'ls')).toMatch(/^piped +latest +[0-9a-f]{12} /m);
    await berth('image', 'rm', 'piped');
  });

  const hostile = (name: string, script: string) => [name, script] as const;
  test.each([
    hostile('no tar at all', 'head -c 20000 /dev/urandom > $T'),
    hostile('a name with ..', 'echo x > f; tar -cPf $T --transform "s,f,../../escaped," f'),
    hostile('an absolute name', 'echo x > f; tar -cPf $T --transform "s,f,/tmp/berth-escaped," f'),
    hostile(
      'a hard link to the outside',
      'echo x > f; ln f g; tar -cPf $T --transform "s,^f$,../../etc/passwd,RSh" f g',
    ),
    hostile(
      'a file behind a link to the outside',
      'ln -s /tmp l; tar -cf $T l; rm l; mkdir l; echo x > l/berth-escaped; tar -rf $T l/berth-escaped',
    ),
    hostile('a cut archive', `head -c 100000 ${BUSYBOX_ARCHIVE} > $T`),
  ])('refuses %s, and leaves nothing', async (name, script) => {
    const folder = `${fixture.box.folder}/${name.replaceAll(/\W/g, '-')}`;
    mkdirSync(folder);
    writeFileSync(`${folder}/make`, script);
    await output(['sh', '-c', `cd ${folder} && T=${folder}/a.tar sh -e ./make`]);
    const before = await berth('image', 'ls', '-q');
    const layers = () => output(['sh', '-c', `find ${fixture.box.folder}/data/images -mindepth 1 | wc -l`]);
    const layersBefore = await layers();
    const refused = await tryBerth('image', 'import', `${folder}/a.tar`, 'hostile');
    expect(refused.status).toBe(1);
    expect(refused.stderr).not.toBe('');
    expect(await berth('image', 'ls', '-q')).toBe(before);
    expect(await layers()).toBe(layersBefore);
    expect(existsSync('/tmp/berth-escaped')).toBe(false);
    expect(existsSync(`${fixture.box.folder}/escaped`)).toBe(false);
  });
});

describe('images', () => {
  test('are listed, tagged, inspected and removed', async () => {
    expect(await berth('image', 'ls')).toMatch(
      /^REPOSITORY +TAG +IMAGE ID +CREATED +SIZE\nbusybox +latest +[0-9a-f]{12} +/,
    );
    await berth('image', 'tag', 'busybox', 'harbour/box:v1');
    const [shown] = JSON.parse(await berth('image', 'inspect', 'harbour/box:v1')) as [
      { RepoTags: string[]; Config: { Cmd: string[] }; Os: string },
    ];
    expect(shown.RepoTags.sort()).toEqual(['busybox:latest', 'harbour/box:v1']);
    expect(shown.Config.Cmd).toEqual(['sh']);
    expect(await berth('image', 'rm', 'harbour/box:v1')).toBe('Untagged: harbour/box:v1');
    expect((await tryBerth('run', '--rm', 'harbour/box:v1', 'true')).status).toBe(125);
  });

  test('in use are not removed', async () => {
    await berth('create', '--name', 'user', 'busybox', 'true');
    const refused = await tryBerth('image', 'rm', 'busybox');
    expect(refused.status).toBe(1);
    expect(refused.stderr).toMatch(/conflict: unable to remove repository reference "busybox".*container/);
    await berth('rm', 'user');
  });

  test('keep owners, modes and links', async () => {
    const folder = `${fixture.box.folder}/owned`;
    const script = `mkdir -p ${folder}/etc && cd ${folder} && tar -xf ${BUSYBOX_ARCHIVE} && echo secret > etc/key &&
      chown 33:33 etc/key && chmod 4750 etc/key && ln etc/key etc/hard && tar -cf ../owned.tar .`;
    await output(['sh', '-c', script]);
    await berth('image', 'import', `${folder}.tar`, 'owned');
    expect(await berth('run', '--rm', 'owned', 'stat', '-c', '%a %u %g %h', '/etc/key')).toBe('4750 33 33 2');
    expect(readFileSync(`${folder}/etc/key`, 'utf8')).toBe('secret\n');
    await berth('image', 'rm', 'owned');
  });
});
