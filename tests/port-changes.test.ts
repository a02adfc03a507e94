import { afterEach, describe, expect, test } from 'vitest';
import { HOST_ADDRESS, HostInABox, eventually } from './box/index.js';
import { useBox } from './box/fixture.js';
import { onHost } from './box/places.js';
import { Talkers } from './box/talkers.js';

const fixture = useBox();
const berth = (...args: string[]) => fixture.box.berth(...args);
const tryBerth = (...args: string[]) => fixture.box.tryBerth(...args);
const talkers = new Talkers(() => fixture.box);

const sleeper = (name: string, ...flags: string[]) => fixture.box.sleeper(name, ...flags);
/** `berth update` with these published ports. */
const update = (name: string, ...ports: string[]) =>
  berth('update', ...ports.flatMap((port) => ['-p', port]), name);

afterEach(async () => {
  await talkers.endAll();
  await fixture.box.removeContainers();
});

/** Who answers at a port of the host; undefined: nobody. */
const reached = (port: number, protocol: 'tcp' | 'udp' = 'tcp') => talkers.ask(protocol, HOST_ADDRESS, port);

/** Whether a program of the host can have a port. */
async function free(port: number): Promise<boolean> {
  const script = `import socket; socket.socket().bind(("0.0.0.0", ${port}))`;
  return (await fixture.box.tryHost(['python3', '-c', script])).status === 0;
}

/** The ports that lead anywhere: `tcp 8081`. */
async function open(): Promise<string[]> {
  const maps = await Promise.all(
    ['published', 'ranges'].map((map) => fixture.box.host('nft', 'list', 'map', 'inet', 'berth', map)),
  );
  return maps
    .flatMap((map) => [...map.matchAll(/(tcp|udp) \. (\d+(?:-\d+)?) :/g)])
    .map(([, protocol, port]) => `${protocol} ${port}`)
    .sort();
}

describe('update -p on a container that runs', () => {
  test('adds, removes and moves ports', async () => {
    await sleeper('web', '-p', '8081:80');
    await talkers.serve('web', 80, 81, 9000, 9049);
    expect(await reached(8081)).toBe('web tcp 80');
    expect(await update('web', '8081:80', '8082:81', '9000-9049:9000-9049/udp')).toBe('web');
    expect(await reached(8081)).toBe('web tcp 80');
    expect(await reached(8082)).toBe('web tcp 81');
    expect(await reached(9049, 'udp')).toBe('web udp 9049');
    await update('web', '8082:80');
    expect(await reached(8082)).toBe('web tcp 80');
    expect(await reached(8081)).toBeUndefined();
    expect(await reached(9000, 'udp')).toBeUndefined();
    expect([await free(8081), await free(8082)]).toEqual([true, false]);
    expect(await berth('port', 'web')).toBe('80/tcp -> 0.0.0.0:8082');
    expect(await berth('ps')).toContain('0.0.0.0:8082->80/tcp');
    expect(await berth('inspect', '-f', '{{json .HostConfig.PortBindings}}', 'web')).toBe(
      '{"80/tcp":[{"HostIp":"","HostPort":"8082"}]}',
    );
  });

  test('does not disturb what goes through the ports that stay', async () => {
    await sleeper('web', '-p', '8081:80', '-p', '9000-9099:9000-9099', '-p', '8082:82');
    await talkers.serve('web', 80, 81, 82, 9050);
    const single = talkers.call('tcp', HOST_ADDRESS, 8081);
    const ranged = talkers.call('tcp', HOST_ADDRESS, 9050);
    const local = talkers.call('tcp', '127.0.0.1', 8081, onHost(fixture.box));
    const datagrams = talkers.call('udp', HOST_ADDRESS, 8083);
    expect(await single.answer()).toBe('web tcp 80');
    expect(await ranged.answer()).toBe('web tcp 9050');
    expect(await local.answer()).toBe('web tcp 80');
    await update('web', '8083:81/udp', '9000-9099:9000-9099', '8081:80');
    expect(await datagrams.answer()).toBe('web udp 81');
    await update('web', '8081:80', '9000-9099:9000-9099', '8083:81/udp', '8084:82');
    expect(await single.answer()).toBe('web tcp 80');
    expect(await ranged.answer()).toBe('web tcp 9050');
    expect(await local.answer()).toBe('web tcp 80');
    expect(await datagrams.answer()).toBe('web udp 81');
  });

  test('ends the flows of a port that goes, and leads them where the port leads now', async () => {
    await sleeper('web', '-p', '9000:80/udp', '-p', '9001:80/udp');
    await talkers.serve('web', 80, 81);
    const [ends, moves] = [talkers.call('udp', HOST_ADDRESS, 9000), talkers.call('udp', HOST_ADDRESS, 9001)];
    expect(await ends.answer()).toBe('web udp 80');
    expect(await moves.answer()).toBe('web udp 80');
    await update('web', '9001:81/udp');
    expect(await ends.unanswered()).toBe(true);
    expect(await moves.answer()).toBe('web udp 81');
    await update('web', '9000:81/udp', '9001:81/udp');
    expect(await ends.answer()).toBe('web udp 81');
  });

  test.each(['8090:90', '9050-9149:9050-9149', '8091:91'])(
    'leaves everything as it was when a port is taken: %s',
    async (taken) => {
      const endProgram = await talkers.serveHost(8090, 9120);
      const id = await sleeper('holder', '-p', '8091:80');
      await sleeper('web', '-p', '8081:80', '-p', '9000-9099:9000-9099');
      await talkers.serve('web', 80, 9099);
      const flow = talkers.call('tcp', HOST_ADDRESS, 9099);
      expect(await flow.answer()).toBe('web tcp 9099');
      const before = await open();
      const bindings = () => berth('inspect', '-f', '{{json .HostConfig.PortBindings}}', 'web');
      const asked = await bindings();
      const refused = await tryBerth(
        'update',
        '-p',
        '8082:80',
        '-p',
        '9200-9209:9200-9209',
        '-p',
        taken,
        'web',
      );
      expect(refused.status).toBe(1);
      expect(refused.stderr).toMatch(/:(8090|8091|9120) failed: port is already allocated/);
      expect(refused.stderr).toContain(
        taken === '8091:91' ? `container ${id.slice(0, 12)}` : 'node, process',
      );
      expect(await open()).toEqual(before);
      expect(await bindings()).toBe(asked);
      expect(await berth('port', 'web')).toBe('80/tcp -> 0.0.0.0:8081\n9000-9099/tcp -> 0.0.0.0:9000-9099');
      expect(await flow.answer()).toBe('web tcp 9099');
      expect(await reached(8081)).toBe('web tcp 80');
      expect([await free(8082), await free(9000), await free(9099), await free(9100)]).toEqual([
        true,
        false,
        false,
        true,
      ]);
      await endProgram();
    },
  );

  test('-p none leaves none', async () => {
    await sleeper('web', '-p', '8081:80', '-p', '9000-9099:9000-9099');
    await update('web', 'none');
    expect(await open()).toEqual([]);
    expect(await berth('port', 'web')).toBe('');
    expect([await free(8081), await free(9050)]).toEqual([true, true]);
    await update('web', '8082:80');
    expect(await open()).toEqual(['tcp 8082']);
  });

  test('is of several containers at once, and of paused ones', async () => {
    await sleeper('one');
    await sleeper('two', '-p', '8081:81');
    await berth('pause', 'two');
    expect(await berth('update', '-p', '80', 'one', 'two')).toBe('one\ntwo');
    expect(await berth('port', 'one')).toMatch(/^80\/tcp -> 0\.0\.0\.0:\d{5}$/);
    expect(await free(8081)).toBe(true);
    await berth('unpause', 'two');
    await talkers.serve('two', 80);
    const port = Number((await berth('port', 'two', '80')).replace('0.0.0.0:', ''));
    expect(await reached(port)).toBe('two tcp 80');
  });

  test('is told as an event', async () => {
    await sleeper('web');
    const events = fixture.box.startOnHost(fixture.box.berthCommand, 'events', '--filter', 'event=update');
    const ended = new Promise((resolve) => events.once('close', resolve));
    let printed = '';
    events.stdout?.on('data', (chunk: Buffer) => (printed += chunk.toString()));
    await eventually('the event', async () => {
      await update('web', '8081:80');
      return printed.includes('container update');
    });
    events.kill();
    await ended;
  });
});

describe('update -p', () => {
  test('on a container that is stopped, or new, holds from its next start on', async () => {
    await berth('create', '--name', 'web', '-p', '8081:80', 'busybox', 'sleep', '600');
    await update('web', '8082:80');
    expect([await open(), await free(8082)]).toEqual([[], true]);
    await berth('start', 'web');
    expect(await open()).toEqual(['tcp 8082']);
    await berth('stop', '-t', '0', 'web');
    await update('web', '9000-9049:9000-9049', '8083:81');
    expect(await open()).toEqual([]);
    await berth('start', 'web');
    await talkers.serve('web', 81, 9000);
    expect(await open()).toEqual(['tcp 8083', 'tcp 9000-9049']);
    expect(await reached(8083)).toBe('web tcp 81');
    expect(await reached(9000)).toBe('web tcp 9000');
    await berth('restart', '-t', '0', 'web');
    expect(await open()).toEqual(['tcp 8083', 'tcp 9000-9049']);
  });

  test.each(['host', 'none', 'container:owner'])('is refused with --network %s', async (network) => {
    await sleeper('owner');
    await sleeper('web', '--network', network);
    const refused = await tryBerth('update', '-p', '8081:80', 'web');
    expect(refused.status).toBe(1);
    expect(refused.stderr).toContain('container web has no network of its own');
    expect(await open()).toEqual([]);
  });

  test('wants something to change, and a container that is there', async () => {
    await sleeper('web');
    expect((await tryBerth('update', 'web')).stderr).toContain('you must provide one or more flags');
    expect((await tryBerth('update', '-p', '80', 'nobody')).stderr).toContain('No such container: nobody');
    expect((await tryBerth('update', '-p', 'none', '-p', '80', 'web')).stderr).toContain('-p none');
    expect((await tryBerth('update', '-p', '99999', 'web')).status).toBe(125);
    expect(await berth('port', 'web')).toBe('');
  });
});

test('ports that were changed are those that the next daemon holds', async () => {
  await using box = await HostInABox.create();
  const daemon = await box.startDaemon();
  const server = ['busybox', 'httpd', '-f', '-p', '80'];
  await box.berth('run', '-d', '--name', 'web', '-p', '8081:80', ...server);
  await box.berth('update', '-p', '8082:80', '-p', '9000-9049:9000-9049', 'web');
  await daemon.crash();
  await box.startDaemon();
  expect(await box.berth('port', 'web')).toBe('80/tcp -> 0.0.0.0:8082\n9000-9049/tcp -> 0.0.0.0:9000-9049');
  const fetch = (port: number) =>
    box.tryOutside('curl', '-s', '--max-time', '2', `http://${HOST_ADDRESS}:${port}/`);
  expect([(await fetch(8082)).status, (await fetch(8081)).status]).toEqual([0, 7]);
  for (const port of ['8082', '9020'])
    expect((await box.tryHost(['timeout', '2', 'nc', '-l', '-p', port])).stderr).toContain('in use');
});
