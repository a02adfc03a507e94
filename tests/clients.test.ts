import Docker from 'dockerode';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { dockerProgram, eventually } from './box/index.js';
import { useBox } from './box/fixture.js';

const fixture = useBox();
const docker = (...args: string[]) => fixture.box.docker(...args);
const tryDocker = (...args: string[]) => fixture.box.tryDocker(...args);

describe('the docker command', () => {
  test('runs, lists, enters, reads and removes', async () => {
    expect(await docker('run', '--rm', 'busybox', 'echo', 'hello')).toBe('hello');
    expect(await tryDocker('run', '--rm', 'busybox', 'sh', '-c', 'exit 9')).toMatchObject({ status: 9 });
    expect((await tryDocker('run', '--rm', 'busybox', 'nosuchcommand')).status).toBe(127);
    const id = await docker(
      'run',
      '-d',
      '--name',
      'web',
      '-p',
      '8081:8080',
      'busybox',
      'sh',
      '-c',
      'echo up; sleep 600',
    );
    expect(await docker('ps', '--format', '{{.Names}} {{.Ports}}')).toBe('web 0.0.0.0:8081->8080/tcp');
    expect(await docker('exec', 'web', 'hostname')).toBe(id.slice(0, 12));
    await eventually('the log', async () => (await docker('logs', 'web')) === 'up');
    expect(await docker('port', 'web')).toBe('8080/tcp -> 0.0.0.0:8081');
    expect(await docker('inspect', '-f', '{{.State.Status}}', 'web')).toBe('running');
    expect(await docker('stop', '-t', '0', 'web')).toBe('web');
    expect(await docker('rm', 'web')).toBe('web');
  });

  test('sees the same tables as the berth command', async () => {
    await docker('run', '-d', '--name', 'same', '-p', '8082:80', 'busybox', 'sleep', '600');
    for (const command of [
      ['network', 'ls'],
      ['ps', '-a'],
      ['port', 'same'],
      ['image', 'ls'],
    ]) {
      // Ages may pass to the next second in between.
      await expect
        .poll(async () => (await docker(...command)) === (await fixture.box.berth(...command)))
        .toBe(true);
    }
    await docker('rm', '-f', 'same');
  });

  test('works with networks', async () => {
    await docker('network', 'create', '--subnet', '10.60.0.0/24', '--label', 'a=b', 'sea');
    await docker(
      'run',
      '-d',
      '--name',
      'aa',
      '--network',
      'sea',
      '--ip',
      '10.60.0.9',
      'busybox',
      'sleep',
      '600',
    );
    await docker('run', '-d', '--name', 'bb', 'busybox', 'sleep', '600');
    await docker('network', 'connect', '--alias', 'bee', 'sea', 'bb');
    expect(await docker('exec', 'aa', 'ping', '-c1', '-W2', 'bee')).toContain(' 0% packet loss');
    expect(await docker('network', 'inspect', '-f', '{{len .Containers}}', 'sea')).toBe('2');
    await docker('network', 'disconnect', 'sea', 'bb');
    await docker('rm', '-f', 'aa', 'bb');
    await docker('network', 'rm', 'sea');
  });

  test('tells versions and facts', async () => {
    expect(await docker('version', '--format', '{{.Server.Os}} {{.Server.APIVersion}}')).toMatch(
      /^linux 1\.\d+$/,
    );
    expect(await docker('info', '--format', '{{.OSType}} {{.Containers}}')).toBe('linux 0');
  });

  test('is refused by name what is not there', async () => {
    const devices = await tryDocker('run', '--rm', '--gpus', 'all', 'busybox', 'true');
    expect(devices.status).toBe(125);
    expect(devices.stderr).toMatch(/DeviceRequests|device driver/);
    const network = await tryDocker('run', '--rm', '--network', 'nowhere', 'busybox', 'true');
    expect(network).toMatchObject({ status: 125, stdout: '' });
    expect(network.stderr).toMatch(/network nowhere not found/);
    expect(network.stderr).not.toMatch(/Unable to find image/);
    expect((await tryDocker('pull', 'busybox')).status).toBe(1);
    expect((await tryDocker('swarm', 'init')).status).toBe(1);
  });

  test('attaches with a terminal', async () => {
    const command = "docker run --rm -it busybox sh -c 'tty; exit 4'".replace(/^docker/, dockerProgram());
    const result = await fixture.box.tryHost(['script', '-qec', command, '/dev/null']);
    expect(result.stdout).toContain('/dev/pts/0');
    expect(result.status).toBe(4);
  });
});

describe('dockerode', () => {
  // The socket lies in the box's own /run: it is reached through the root of a process there.
  let client: Docker;
  beforeAll(() => {
    client = new Docker({ socketPath: `/proc/${fixture.box.hostPid}/root/run/berth/berth.sock` });
  });
  afterAll(async () => {
    for (const { Id } of await client.listContainers({ all: true }))
      await client.getContainer(Id).remove({ force: true });
  });

  test('creates, starts, attaches, inspects, waits and removes', async () => {
    const container = await client.createContainer({
      Image: 'busybox',
      Cmd: ['sh', '-c', 'echo from inside; exit 5'],
      name: 'node',
    });
    const stream = await container.attach({ stream: true, stdout: true, stderr: true });
    const chunks: Buffer[] = [];
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    await container.start();
    expect(await container.wait()).toMatchObject({ StatusCode: 5 });
    await eventually('the output', () => Buffer.concat(chunks).includes('from inside'));
    expect((await container.inspect()).State).toMatchObject({ Status: 'exited', ExitCode: 5 });
    await container.remove();
    await expect(container.inspect()).rejects.toMatchObject({ statusCode: 404 });
  });

  test('works with networks and exec, and hears of it', async () => {
    const heard: string[] = [];
    const events = await client.getEvents({ filters: { type: ['network'] } });
    events.on('data', (chunk: Buffer) => {
      for (const line of chunk.toString().split('\n').filter(Boolean))
        heard.push((JSON.parse(line) as { Action: string }).Action);
    });
    const network = await client.createNetwork({ Name: 'fromnode' });
    const container = await client.createContainer({
      Image: 'busybox',
      Cmd: ['sleep', '600'],
      HostConfig: { NetworkMode: 'fromnode' },
    });
    await container.start();
    const exec = await container.exec({ Cmd: ['hostname'], AttachStdout: true, AttachStderr: true });
    const stream = await exec.start({});
    let printed = '';
    stream.on('data', (chunk: Buffer) => (printed += chunk.toString()));
    await eventually('the answer', () => printed.includes(container.id.slice(0, 12)));
    await container.remove({ force: true });
    await network.remove();
    await eventually('the events', () => heard.includes('destroy'));
    expect(heard).toEqual(['create', 'connect', 'disconnect', 'destroy']);
    (events as unknown as { destroy(): void }).destroy();
  });
});
