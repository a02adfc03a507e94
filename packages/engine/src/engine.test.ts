import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { ATTACH, EngineBox, spec, text } from './engine.fixture.js';

let box: EngineBox;
beforeAll(async () => {
  box = await EngineBox.create();
});
afterAll(async () => {
  await box.remove();
});
afterEach(async () => {
  for (const { id } of box.engine.containers.list()) await box.engine.containers.remove(id, { force: true });
  expect(box.leftovers()).toEqual([]);
});

describe('a container', () => {
  it('runs from its first byte to its exit code', async () => {
    const { output, exitCode } = await box.toEnd(spec('echo hello; echo bad >&2; exit 3'));
    expect([output, exitCode]).toEqual(['hello\n', 3]);
    const [container] = box.engine.containers.list();
    expect(container?.state).toMatchObject({ status: 'exited', exitCode: 3, pid: 0 });
    expect(Date.now() - Date.parse(container?.state.finishedAt ?? '')).toBeLessThan(10_000);
  });

  it('reads its input to the end', async () => {
    const input = `${'x'.repeat(100_000)}\n`;
    const { output } = await box.toEnd(
      spec('cat', { openStdin: true, stdinOnce: true, attachStdin: true }),
      input,
    );
    expect(output).toBe(input);
  });

  it('knows its name, its address and its resolvers', async () => {
    const { output } = await box.toEnd(
      spec('hostname; cat /etc/hosts /etc/hostname; ip -4 addr show eth0', { hostname: 'harbour' }),
    );
    expect(output).toMatch(/^harbour\n/);
    expect(output).toMatch(/^172\.17\.0\.\d+\tharbour$/m);
    expect(output).toMatch(/inet 172\.17\.0\.\d+\/16/);
  });

  it('has Docker’s rights and no more', async () => {
    const { output } = await box.toEnd(
      spec(
        'grep -h -e CapEff -e Seccomp: /proc/self/status 2>/dev/null || cat /proc/self/status; mount -t tmpfs x /etc; unshare -n true; echo $?',
      ),
    );
    expect(output).toMatch(/CapEff:\s*00000000a80425fb/);
    expect(output).toMatch(/Seccomp:\s*2/);
    expect(output).toMatch(/1\n$/);
  });

  it('in host mode has the host’s links, in none mode loopback alone', async () => {
    expect((await box.toEnd(spec('ip -o link', {}, { networkMode: 'host' }))).output).toContain('berth0');
    const { output } = await box.toEnd(spec('ip -o link', {}, { networkMode: 'none' }));
    expect(output.trim().split('\n')).toHaveLength(1);
  });

  it('shares another one’s network', async () => {
    const web = await box.running();
    const address = Object.values(web.networks)[0]?.endpoint?.ipv4?.address ?? 'none';
    const { output } = await box.toEnd(spec('ip addr; cat /etc/hosts', {}, { networkMode: 'container:web' }));
    expect(output.split(address)).toHaveLength(3);
    await expect(
      box.engine.containers.create(spec('true', { hostname: 'x' }, { networkMode: 'container:web' })),
    ).rejects.toThrow('conflicting options: hostname and the network mode');
  });

  it('takes folders and volumes of the host', async () => {
    const binds = [`${box.folder}/shared/new:/data`, 'named:/named', `${box.folder}/shared:/look:ro`];
    const { output } = await box.toEnd(
      spec('echo 1 > /data/file; echo 2 > /named/file; echo 3 > /look/file || echo refused', {}, { binds }),
    );
    expect(output).toBe('refused\n');
    expect(readFileSync(join(box.folder, 'shared/new/file'), 'utf8')).toBe('1\n');
    expect(readFileSync(join(box.folder, 'data/volumes/named/_data/file'), 'utf8')).toBe('2\n');
  });

  it('has a terminal of the wanted size', async () => {
    const tty = { tty: true, openStdin: true, stdinOnce: true, attachStdin: true };
    const { container } = await box.engine.containers.create(
      spec('cat > /dev/null & sleep 0.3; stty size', tty),
    );
    const stream = box.engine.containers.attach(container.id, ATTACH);
    await box.engine.containers.start(container.id);
    await box.engine.containers.resize(container.id, { rows: 20, columns: 90 });
    expect(await text(stream)).toContain('20 90');
  });

  it.each([
    ['nope', 127, 'exec: "nope": executable file not found in $PATH'],
    ['/etc/passwd', 126, 'exec: "/etc/passwd": permission denied'],
  ])('that cannot run %s says so, and leaves nothing', async (command, exitCode, message) => {
    const { container } = await box.engine.containers.create(spec('', { command: [command] }));
    await expect(box.engine.containers.start(container.id)).rejects.toThrow(
      `failed to create task for container: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: ${message}: unknown`,
    );
    expect(box.engine.containers.get(container.id).state).toMatchObject({ status: 'created', exitCode });
    expect(existsSync(join(box.folder, 'exec', 'containers', container.id))).toBe(false);
    expect(box.network.sandboxes()).toEqual([]);
  });

  it('is removed when it ends, if so asked', async () => {
    const { container } = await box.engine.containers.create(spec('exit 5', {}, { autoRemove: true }));
    const removed = box.engine.containers.wait(container.id, 'removed');
    await box.engine.containers.start(container.id);
    expect(await removed).toEqual({ exitCode: 5 });
    expect(box.engine.containers.list()).toEqual([]);
  });

  it('stops on its signal, starts again, and is killed', async () => {
    const { id, name } = await box.running();
    await expect(box.engine.containers.remove(name)).rejects.toThrow(
      'container is running: stop the container before removing or force remove',
    );
    await box.engine.containers.stop(name, { timeoutSeconds: 5 });
    expect(box.engine.containers.get(id).state.exitCode).toBe(9);
    await box.engine.containers.start(id.slice(0, 12));
    await box.engine.containers.kill(`/${name}`);
    expect(box.engine.containers.get(id).state.exitCode).toBe(137);
    await expect(box.engine.containers.kill(name)).rejects.toThrow('is not running');
  });

  it('keeps its name to itself', async () => {
    const { id } = await box.running();
    await expect(box.engine.containers.create(spec('true', { name: 'web' }))).rejects.toThrow(
      `Conflict. The container name "/web" is already in use by container "${id}".`,
    );
    await expect(box.engine.containers.create(spec('true', { name: '-x' }))).rejects.toThrow(
      'Invalid container name (-x)',
    );
    await expect(box.engine.containers.create({ ...spec('true'), image: 'none' })).rejects.toThrow(
      'No such image: none:latest',
    );
  });
});

describe('a running container', () => {
  it('runs further commands', async () => {
    await box.running();
    const both = await box.exec(['sh', '-c', 'cat; echo err >&2; exit 5'], { attachStdin: true }, 'in\n');
    expect(both.exitCode).toBe(5);
    expect(both.output.split('\n').sort()).toEqual(['', 'err', 'in']);
    const missing = await box.exec(['nope']);
    expect(missing.exitCode).toBe(127);
    expect(missing.output).toMatch(
      /^OCI runtime exec failed: exec failed: unable to start container process: exec: "nope": executable file not found in \$PATH: unknown/,
    );
    const terminal = await box.exec(
      ['sh', '-c', 'read x; echo got $x; stty -a | cat'],
      { tty: true, attachStdin: true },
      'word\n',
    );
    expect(terminal.output).toContain('got word');
  });

  it('joins and leaves networks', async () => {
    const { id } = await box.running();
    await box.engine.networks.create({ name: 'side', driver: 'bridge', options: {}, labels: {} });
    await box.engine.networks.connect('side', 'web', { aliases: ['alias'] });
    expect((await box.exec(['ip', '-o', 'link'])).output).toContain('eth1');
    await expect(box.engine.networks.connect('side', 'web', { aliases: [] })).rejects.toThrow(
      'already exists in network side',
    );
    await expect(box.engine.networks.remove('side')).rejects.toThrow('has active endpoints');
    await box.engine.networks.disconnect('side', id, false);
    expect((await box.exec(['ip', '-o', 'link'])).output).not.toContain('eth1');
    expect(await box.engine.networks.prune()).toEqual(['side']);
  });

  it('goes on without the daemon, and is found again; one that died meanwhile is known to be dead', async () => {
    const { state } = await box.running();
    const other = await box.running('mortal');
    await box.close();
    process.kill(other.state.pid, 'SIGKILL');
    await box.open();
    expect(box.engine.containers.get('web').state).toMatchObject({ status: 'running', pid: state.pid });
    expect(box.engine.containers.get('mortal').state).toMatchObject({ status: 'exited', exitCode: 137 });
    expect((await box.exec(['echo', 'still'])).output).toBe('still\n');
    await box.engine.containers.stop('web');
    expect(box.engine.containers.get('web').state.exitCode).toBe(9);
  });
});

it('events tell what happened', async () => {
  const events = box.engine.events.subscribe({ filters: { type: ['container'] } });
  await box.toEnd(spec('exit 2', { name: 'told', labels: { role: 'x' } }));
  await box.engine.containers.remove('told');
  const seen = [];
  for await (const event of events) {
    seen.push(event);
    if (event.action === 'destroy') break;
  }
  expect(seen.map(({ action }) => action)).toEqual(['create', 'attach', 'start', 'die', 'destroy']);
  expect(seen[3]?.actor.attributes).toMatchObject({
    name: 'told',
    image: 'busybox',
    role: 'x',
    exitCode: '2',
  });
});
