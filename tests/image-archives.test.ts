import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { dockerProgram } from './box/index.js';
import { useBox } from './box/fixture.js';

const fixture = useBox();
const docker = (...args: string[]) => fixture.box.docker(...args);
const tryDocker = (...args: string[]) => fixture.box.tryDocker(...args);
const file = (name: string) => join(fixture.box.folder, name);
const kept = (what: 'layers' | 'blobs' | 'staging') => readdirSync(file(`data/images/${what}`)).length;

/** The id of an image made of what `script` does in a container. */
async function commit(name: string, script: string, ...flags: string[]): Promise<string> {
  try {
    await docker('run', '--name', 'maker', 'busybox', 'sh', '-ec', script);
    return await docker('commit', ...flags, 'maker', name);
  } finally {
    await docker('rm', 'maker');
  }
}

describe('commit', () => {
  test('keeps what was added, changed and removed, with owners, links and attributes', async () => {
    const script = `rm /etc/passwd; rm -r /bin/sh; mkdir -p /data/deep; echo x > /data/deep/file; ln /data/deep/file /data/hard
      ln -s deep/file /data/soft; chown 12:34 /data/deep/file; chmod 4750 /data/deep/file; mkfifo /data/pipe; mknod /data/null c 1 3
      rm -rf /var; mkdir /var; echo fresh > /var/motd`;
    const id = await commit(
      'made:1',
      script,
      ...['-m', 'made here', '-a', 'anna', '-c', 'ENV SEA=deep', '-c', 'CMD ["cat", "/data/soft"]'],
    );
    expect(id).toMatch(/^sha256:[0-9a-f]{64}$/);
    const look = `stat -c '%a %u %g %h' /data/hard; cat /data/soft /var/motd; ls /var /etc; echo $SEA; stat -c %F /data/pipe /data/null
      test -e /bin/sh || echo no shell`;
    expect(await docker('run', '--rm', '--entrypoint', '/bin/busybox', 'made:1', 'sh', '-c', look)).toBe(
      [
        '4750 12 34 2',
        'x',
        'fresh',
        '/etc:',
        'group',
        'hostname',
        'hosts',
        'resolv.conf',
        '',
        '/var:',
        'motd',
      ]
        .concat('deep', 'fifo', 'character special file', 'no shell')
        .join('\n'),
    );
    expect(await docker('run', '--rm', 'made:1')).toBe('x');
    expect(
      await docker('image', 'inspect', '-f', '{{.Author}} {{.Comment}} {{.Config.Env}}', 'made:1'),
    ).toContain('anna made here ');
    // It is an image like any other: its layer has what overlays do not.
    await docker('save', '-o', file('made.tar'), 'made:1');
    await docker('rmi', 'made:1');
    expect(await docker('load', '-q', '-i', file('made.tar'))).toBe('Loaded image: made:1');
    expect(await docker('image', 'inspect', '-f', '{{.Id}}', 'made:1')).toBe(id);
    expect(await docker('run', '--rm', 'made:1')).toBe('x');
    await docker('rmi', 'made:1');
  });

  test('pauses a running container meanwhile, unless told not to', async () => {
    await docker('run', '-d', '--name', 'busy', 'busybox', 'sleep', '600');
    const events = fixture.box.startOnHost(dockerProgram(), 'events', '--filter', 'container=busy');
    let seen = '';
    events.stdout?.on('data', (chunk: Buffer) => (seen += chunk.toString()));
    await new Promise((resolve) => setTimeout(resolve, 500));
    await docker('commit', 'busy', 'busy:1');
    await docker('commit', '--pause=false', 'busy', 'busy:2');
    expect(await docker('inspect', '-f', '{{.State.Status}}', 'busy')).toBe('running');
    await expect.poll(() => seen.match(/ commit /g)?.length).toBe(2);
    events.kill();
    expect(seen.match(/ pause /g)).toHaveLength(1);
    await docker('rm', '-f', 'busy');
    await docker('rmi', 'busy:1', 'busy:2');
    expect((await tryDocker('commit', 'nobody')).stderr).toContain('No such container: nobody');
  });
});

describe('history', () => {
  test('tells what made each layer', async () => {
    await commit('storied', 'echo 123456789 > /data', '-m', 'ten bytes');
    const lines = await docker(
      'history',
      '--format',
      '{{.CreatedBy}}|{{.Size}}|{{.Comment}}',
      '--no-trunc',
      'storied',
    );
    const [top = '', base = ''] = lines.split('\n');
    expect(top).toBe('sh -ec echo 123456789 > /data|10B|ten bytes');
    expect(base).toMatch(/^\|[\d.]+MB\|/);
    expect(await docker('history', '-q', 'storied')).toMatch(/^[0-9a-f]{12}\n<missing>$/);
    await docker('rmi', 'storied');
  });
});

describe('save and load', () => {
  test('several images share what is equal', async () => {
    await commit('one', 'echo 1 > /one');
    await commit('two', 'echo 2 > /two');
    const layers = kept('layers');
    const archive = file('both.tar');
    await fixture.box.host(
      'sh',
      '-c',
      `${dockerProgram()} save one two:latest busybox | gzip > ${archive}.gz`,
    );
    const names = execFileSync('tar', ['-tzf', `${archive}.gz`], { encoding: 'utf8' }).split('\n');
    expect(names).toEqual(
      expect.arrayContaining(['manifest.json', 'index.json', 'oci-layout', 'repositories']),
    );
    await docker('rmi', 'one', 'two');
    expect(kept('layers')).toBe(layers - 2);
    expect(await docker('load', '-i', `${archive}.gz`)).toBe(
      ['one', 'two', 'busybox'].map((name) => `Loaded image: ${name}:latest`).join('\n'),
    );
    expect(kept('layers')).toBe(layers);
    expect(await docker('run', '--rm', 'two', 'cat', '/two')).toBe('2');
    await docker('rmi', 'one', 'two');
    expect(kept('layers')).toBe(layers - 2);
    expect(kept('blobs')).toBe(layers - 2);
    expect(kept('staging')).toBe(0);
  });

  test('refuse what is not there or is none', async () => {
    expect((await tryDocker('save', '-o', file('none.tar'), 'nothing')).stderr).toContain(
      'No such image: nothing',
    );
    await fixture.box.host('sh', '-c', `head -c 100000 /dev/urandom > ${file('noise')}`);
    expect((await tryDocker('load', '-i', file('noise'))).stderr).toContain('no tar');
    expect(kept('staging')).toBe(0);
  });
});

describe('images', () => {
  test('of others are not removed', async () => {
    const id = await commit('child', 'echo c > /c');
    await docker('tag', 'busybox', 'parent');
    await docker('rmi', 'parent');
    expect(await docker('image', 'inspect', '-f', '{{.Parent}}', 'child')).toMatch(/^sha256:/);
    const base = await docker('image', 'inspect', '-f', '{{.Id}}', 'busybox');
    expect((await tryDocker('rmi', '-f', base)).stderr).toContain(
      '(cannot be forced) - image has dependent child images',
    );
    await docker('tag', 'child', 'other/child:2');
    expect((await tryDocker('rmi', id)).stderr).toContain(
      '(must be forced) - image is referenced in multiple repositories',
    );
    expect(await docker('rmi', '-f', id)).toMatch(
      /Untagged: child:latest\nUntagged: other\/child:2\nDeleted: sha256:/,
    );
  });

  test('are listed by filters', async () => {
    await commit('labelled:1', 'true', '-c', 'LABEL sea=deep');
    const list = (...filters: string[]) =>
      docker(
        'images',
        '--format',
        '{{.Repository}}:{{.Tag}}',
        ...filters.flatMap((filter) => ['-f', filter]),
      );
    expect(await list('label=sea=deep')).toBe('labelled:1');
    expect(await list('since=busybox')).toBe('labelled:1');
    expect(await list('before=labelled:1')).toBe('busybox:latest');
    expect(await list('reference=label*')).toBe('labelled:1');
    expect(await list('until=10m')).toBe('');
    const answer = await fixture.box.host(
      ...['curl', '-sf', '--unix-socket', '/run/berth/berth.sock', 'http://d/images/json?shared-size=1'],
    );
    const sizes = (JSON.parse(answer) as { SharedSize: number }[]).map(({ SharedSize }) => SharedSize);
    expect(new Set(sizes).size).toBe(1);
    expect(sizes[0]).toBeGreaterThan(100_000);
    await docker('rmi', 'labelled:1');
  });

  test('without a name are pruned, and with -a those that nobody uses', async () => {
    await commit('again', 'echo 1 > /a');
    await commit('again', 'echo 2 > /a');
    await docker('run', '-d', '--name', 'user', 'busybox', 'sleep', '600');
    expect((await docker('images', '-q', '-f', 'dangling=true')).split('\n')).toHaveLength(1);
    const pruned = await docker('image', 'prune', '-f');
    expect(pruned).toMatch(/^Deleted Images:\ndeleted: sha256:[0-9a-f]{64}\ndeleted: sha256:/);
    expect(pruned).toContain('Total reclaimed space: 2B');
    expect(await docker('image', 'prune', '-af', '--filter', 'until=1h')).toContain(
      'Total reclaimed space: 0B',
    );
    expect(await docker('image', 'prune', '-af')).toContain('untagged: again:latest');
    expect(await docker('images', '--format', '{{.Repository}}')).toBe('busybox');
    await docker('rm', '-f', 'user');
  });
});
