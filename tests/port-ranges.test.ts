import { readFileSync, readdirSync } from 'node:fs';
import { afterEach, describe, expect, test } from 'vitest';
import { HOST_ADDRESS, HostInABox, eventually } from './box/index.js';
import { useBox } from './box/fixture.js';
import { onHost } from './box/places.js';
import { Talkers, type Protocol } from './box/talkers.js';

const fixture = useBox();
const berth = (...args: string[]) => fixture.box.berth(...args);
const tryBerth = (...args: string[]) => fixture.box.tryBerth(...args);
const docker = (...args: string[]) => fixture.box.docker(...args);
const talkers = new Talkers(() => fixture.box);

const sleeper = (name: string, ...flags: string[]) => fixture.box.sleeper(name, ...flags);

afterEach(async () => {
  await talkers.endAll();
  await fixture.box.removeContainers();
});

/** Who answers at a port: to the outside, to the host by its address, to the host by 127.0.0.1. */
function answers(protocol: Protocol, port: number): Promise<(string | undefined)[]> {
  const host = onHost(fixture.box);
  return Promise.all([
    talkers.ask(protocol, HOST_ADDRESS, port),
    talkers.ask(protocol, HOST_ADDRESS, port, host),
    talkers.ask(protocol, '127.0.0.1', port, host),
  ]);
}
const thrice = (text?: string) => [text, text, text];

/** The elements of a map of the firewall, as nft lists them. */
async function elements(map: string): Promise<string[]> {
  const listed = await fixture.box.host('nft', 'list', 'map', 'inet', 'berth', map);
  const [, found = ''] = /elements = \{ ([^}]+) \}/.exec(listed) ?? [];
  return found === '' ? [] : found.split(/,\s+/).map((element) => element.trim());
}

/** What a program of the host hears that listens at a port: nothing when it can. */
async function listen(port: number, address = '0.0.0.0', protocol: Protocol = 'tcp'): Promise<string> {
  const type = protocol === 'tcp' ? 'SOCK_STREAM' : 'SOCK_DGRAM';
  const script = `import socket; socket.socket(socket.AF_INET, socket.${type}).bind(("${address}", ${port}))`;
  const { stderr } = await fixture.box.tryHost(['python3', '-c', script]);
  return /Address already in use|Operation not permitted/.exec(stderr)?.[0] ?? stderr;
}
const IN_USE = 'Address already in use';

const addressOf = (name: string) =>
  berth('inspect', '-f', '{{.NetworkSettings.Networks.bridge.IPAddress}}', name);

const descriptors = () => readdirSync(`/proc/${fixture.daemon.pid}/fd`).length;
/** Resident memory of the daemon, in KiB (proc_pid_status(5)). */
const residentSize = () =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${fixture.daemon.pid}/status`, 'utf8'))?.[1]);

describe('a range of ports', () => {
  test.each<[string, Protocol[], number, number]>([
    ['20000-29999:20000-29999', ['tcp'], 20_000, 29_999],
    ['20000-29999:20000-29999/udp', ['udp'], 20_000, 29_999],
    ['9000-9009:9000-9009', ['tcp'], 9000, 9009],
    ['1025-65535:1025-65535', ['tcp', 'udp'], 1025, 65_535],
  ])(
    '%s leads to the container, first, middle and last, and no neighbour does',
    async (range, protocols, first, last) => {
      const both = protocols.length > 1 ? ['-p', `${range}/udp`] : [];
      await sleeper('ranged', '-p', range, ...both);
      const middle = Math.floor((first + last) / 2);
      const inside = [first, middle, last];
      const neighbours = [first - 1, last + 1].filter((port) => port < 65_536);
      await talkers.serve('ranged', ...inside, ...neighbours);
      for (const protocol of protocols) {
        for (const port of inside)
          expect(await answers(protocol, port)).toEqual(thrice(`ranged ${protocol} ${port}`));
        for (const port of neighbours) expect(await answers(protocol, port)).toEqual(thrice());
        const other = protocol === 'tcp' ? 'udp' : 'tcp';
        if (!protocols.includes(other)) expect(await answers(other, middle)).toEqual(thrice());
      }
      const target = await addressOf('ranged');
      expect((await elements('ranges')).sort()).toEqual(
        protocols.map((protocol) => `${protocol} . ${first}-${last} : ${target}`),
      );
      expect(await elements('published')).toEqual([]);
    },
  );

  test('leads to other numbers of the container', async () => {
    await sleeper('shifted', '-p', '30000-30099:20000-20099', '-p', '30000-30099:20000-20099/udp');
    await talkers.serve('shifted', 20_000, 20_050, 20_099, 20_100, 30_000);
    for (const protocol of ['tcp', 'udp'] as const) {
      for (const offset of [0, 50, 99])
        expect(await answers(protocol, 30_000 + offset)).toEqual(
          thrice(`shifted ${protocol} ${20_000 + offset}`),
        );
      for (const port of [29_999, 30_100, 20_000]) expect(await answers(protocol, port)).toEqual(thrice());
    }
    expect(await berth('port', 'shifted')).toBe(
      '20000-20099/tcp -> 0.0.0.0:30000-30099\n20000-20099/udp -> 0.0.0.0:30000-30099',
    );
  });

  test('of ten thousand costs the daemon next to nothing', async () => {
    await sleeper('before', '-p', '10000-10099:10000-10099');
    const [files, size] = [descriptors(), residentSize()];
    await sleeper('ranged', '-p', '20000-29999:20000-29999', '-p', '20000-29999:20000-29999/udp');
    expect(descriptors() - files).toBeLessThan(10);
    // Loose: the heap comes and goes by megabytes, but an object of a kilobyte for each port would show.
    expect(residentSize() - size).toBeLessThan(8 * 1024);
  });

  test('is nobody else’s on the host while it is published', async () => {
    await sleeper('ranged', '-p', '20000-29999:20000-29999', '-p', '127.0.0.1:40000-40099:40000-40099/udp');
    for (const port of [20_000, 25_000, 29_999])
      for (const address of ['0.0.0.0', HOST_ADDRESS, '127.0.0.1'])
        expect(await listen(port, address)).not.toBe('');
    expect(await listen(40_050, '127.0.0.1', 'udp')).not.toBe('');
    expect(await listen(40_050, '0.0.0.0', 'udp')).not.toBe('');
    for (const port of [19_999, 30_000]) expect(await listen(port)).toBe('');
    expect(await listen(25_000, '0.0.0.0', 'udp')).toBe('');
    expect(await listen(40_050, HOST_ADDRESS, 'udp')).toBe('');
    const program = await fixture.box.tryHost(['timeout', '2', 'nc', '-l', '-p', '25000']);
    expect(program.stderr).toContain(IN_USE);
    await berth('rm', '-f', 'ranged');
    for (const port of [20_000, 25_000, 29_999]) expect(await listen(port)).toBe('');
    expect(await listen(40_050, '127.0.0.1', 'udp')).toBe('');
  });

  test('is taken on the host alone: containers listen as they like', async () => {
    await sleeper('ranged', '-p', '20000-29999:20000-29999');
    await sleeper('other');
    await talkers.serve('other', 25_000);
    await talkers.serve('ranged', 25_000);
    expect(await answers('tcp', 25_000)).toEqual(thrice('ranged tcp 25000'));
  });
});

// Below 32768, where no connection that ended a moment ago may still have a port (ip_local_port_range).
describe('a range is refused', () => {
  test.each([
    ['0.0.0.0', '30000-30099:30000-30099'],
    [HOST_ADDRESS, '30000-30099:30000-30099'],
    [HOST_ADDRESS, '30048-30052:30048-30052'],
  ])('where a program listens at a port of it, at %s, by name: %s', async (address, range) => {
    const program = fixture.box.startOnHost('nc', '-l', '-s', address, '-p', '30050');
    const ended = new Promise((resolve) => program.once('close', resolve));
    await eventually('it listens', async () => (await fixture.box.host('ss', '-ltn')).includes(':30050'));
    const refused = await tryBerth('run', '-d', '--name', 'late', '-p', range, 'busybox', 'sleep', '600');
    expect(refused.status).toBe(125);
    expect(refused.stderr).toContain('0.0.0.0:30050 failed: port is already allocated');
    expect(refused.stderr).toContain(`nc, process ${program.pid}`);
    expect(await elements('ranges')).toEqual([]);
    const first = Number(range.slice(0, 5));
    expect(await listen(first)).toBe('');
    program.kill();
    await ended;
    await berth('start', 'late');
    expect(await listen(30_050)).not.toBe('');
  });

  test.each(['29999:80', '29990-30090:29990-30090', '29990-29999:1990-1999', '127.0.0.1:25000:80'])(
    'or is what refuses another container: %s',
    async (published) => {
      const id = await sleeper('holder', '-p', '20000-29999:20000-29999');
      for (const program of ['berth', 'docker'] as const) {
        const command = ['run', '-d', '--name', program, '-p', published, 'busybox', 'sleep', '600'];
        const late = await (program === 'berth' ? tryBerth(...command) : fixture.box.tryDocker(...command));
        expect(late.status).toBe(125);
        expect(late.stderr).toMatch(/:2\d{4} failed: port is already allocated/);
        expect(late.stderr).toContain(`container ${id.slice(0, 12)}`);
      }
      expect(await elements('published')).toEqual([]);
      expect(await elements('ranges')).toHaveLength(1);
      await berth('rm', '-f', 'holder');
      await berth('start', 'berth');
    },
  );

  test('for a single port that another container has', async () => {
    const id = await sleeper('holder', '-p', '25000:80');
    const late = await tryBerth('run', '-d', '-p', '20000-29999:20000-29999', 'busybox', 'sleep', '600');
    expect(late.status).toBe(125);
    expect(late.stderr).toContain('0.0.0.0:25000 failed: port is already allocated');
    expect(late.stderr).toContain(`container ${id.slice(0, 12)}`);
    expect(await elements('ranges')).toEqual([]);
    expect(await listen(20_000)).toBe('');
    // Another protocol, or another address, is no clash.
    await sleeper('udp', '-p', '20000-29999:20000-29999/udp');
  });

  test.each(['192.0.2.1:80:80', '192.0.2.1:8000-8100:8000-8100'])(
    'and a port too, at an address that is none of the host’s: %s',
    async (published) => {
      const refused = await tryBerth('run', '-d', '-p', published, 'busybox', 'sleep', '600');
      expect(refused.status).toBe(125);
      expect(refused.stderr).toContain('this host has no address 192.0.2.1');
    },
  );
});

describe('what is shown', () => {
  test.each(['berth', 'docker'] as const)('is one line for a range that %s published', async (program) => {
    const command = [
      'run',
      '-d',
      '--name',
      'ranged',
      '-p',
      '10000-10099:10000-10099',
      'busybox',
      'sleep',
      '600',
    ];
    await (program === 'berth' ? berth(...command) : docker(...command));
    expect(await elements('ranges')).toEqual([`tcp . 10000-10099 : ${await addressOf('ranged')}`]);
    expect(await berth('port', 'ranged')).toBe('10000-10099/tcp -> 0.0.0.0:10000-10099');
    expect(await berth('port', 'ranged', '10050')).toBe('0.0.0.0:10050');
    expect(await berth('port', 'ranged', '10100').catch(String)).toContain("No public port '10100");
    expect(await berth('ps')).toContain('0.0.0.0:10000-10099->10000-10099/tcp');
    expect(JSON.parse(await berth('inspect', '-f', '{{json .NetworkSettings.Ports}}', 'ranged'))).toEqual({
      '10000-10099/tcp': [{ HostIp: '0.0.0.0', HostPort: '10000-10099' }],
    });
    // Docker's clients are told each port, and fold them themselves.
    expect(await docker('ps')).toContain('0.0.0.0:10000-10099->10000-10099/tcp');
    const lines = (await docker('port', 'ranged')).split('\n');
    expect(lines).toHaveLength(100);
    expect(lines[99]).toBe('10099/tcp -> 0.0.0.0:10099');
    expect(await docker('port', 'ranged', '10050')).toBe('0.0.0.0:10050');
    const shown = JSON.parse(
      await docker('inspect', '-f', '{{json .NetworkSettings.Ports}}', 'ranged'),
    ) as object;
    expect(Object.keys(shown)).toHaveLength(100);
    expect(shown).toMatchObject({ '10050/tcp': [{ HostIp: '0.0.0.0', HostPort: '10050' }] });
  });

  test('is sctp as well, and its firewall entry', async () => {
    await sleeper('sctp', '-p', '132:3868/sctp', '-p', '50000-50099:50000-50099/sctp');
    const address = await addressOf('sctp');
    expect(await berth('port', 'sctp')).toBe(
      '3868/sctp -> 0.0.0.0:132\n50000-50099/sctp -> 0.0.0.0:50000-50099',
    );
    expect(await berth('ps')).toContain('0.0.0.0:132->3868/sctp');
    expect(await docker('ps')).toContain('0.0.0.0:50000-50099->50000-50099/sctp');
    expect(await elements('published')).toEqual([`sctp . 132 : ${address} . 3868`]);
    expect(await elements('ranges')).toEqual([`sctp . 50000-50099 : ${address}`]);
    const clash = await tryBerth('run', '-d', '-p', '132:80/sctp', 'busybox', 'sleep', '600');
    expect(clash.stderr).toMatch(/:132 failed: port is already allocated \(sctp, by container/);
  });
});

describe('a port of the host’s choice', () => {
  test('is the first free one of a range', async () => {
    await sleeper('holder', '-p', '8000:80');
    const program = fixture.box.startOnHost('nc', '-l', '-p', '8001');
    const ended = new Promise((resolve) => program.once('close', resolve));
    await eventually('it listens', async () => (await fixture.box.host('ss', '-ltn')).includes(':8001'));
    await sleeper('first', '-p', '8000-8003:80');
    await docker('run', '-d', '--name', 'second', '-p', '8000-8003:80', 'busybox', 'sleep', '600');
    expect(await berth('port', 'first')).toBe('80/tcp -> 0.0.0.0:8002');
    expect(await berth('port', 'second')).toBe('80/tcp -> 0.0.0.0:8003');
    const late = await tryBerth('run', '-d', '-p', '8000-8003:80', 'busybox', 'sleep', '600');
    expect(late.status).toBe(125);
    expect(late.stderr).toMatch(/:8003 failed: port is already allocated/);
    program.kill();
    await ended;
    await talkers.serve('first', 80);
    expect(await answers('tcp', 8002)).toEqual(thrice('first tcp 80'));
  });

  test('is one that the host gives out, the same in both families, and each container port has its own', async () => {
    await berth('network', 'create', '--ipv6', 'dual');
    await sleeper('any', '--network', 'dual', '-p', '80', '--expose', '90-92', '--expose', '90/udp', '-P');
    const lines = (await berth('port', 'any')).split('\n');
    const numbers = (port: string) =>
      lines
        .flatMap((line) => new RegExp(String.raw`^${port} -> .*:(\d+)$`).exec(line)?.[1] ?? [])
        .map(Number);
    const range = await fixture.box.host('cat', '/proc/sys/net/ipv4/ip_local_port_range');
    const [least = 0, most = 0] = range.trim().split(/\s+/).map(Number);
    const chosen = ['80/tcp', '90/tcp', '91/tcp', '92/tcp', '90/udp'].map((port) => {
      const [four = 0, six] = numbers(port);
      expect(six).toBe(four);
      expect(four).toBeGreaterThanOrEqual(least);
      expect(four).toBeLessThanOrEqual(most);
      return four;
    });
    expect(lines).toHaveLength(10);
    expect(new Set(chosen.slice(0, 4)).size).toBe(4);
    await berth('rm', '-f', 'any');
    await berth('network', 'rm', 'dual');
  });

  test('is not what -P gives a port that has one already', async () => {
    await sleeper('both', '-P', '--expose', '80-81', '-p', '8080:80');
    expect(await berth('port', 'both', '80')).toBe('0.0.0.0:8080');
    expect(await berth('port', 'both', '81')).toMatch(/^0\.0\.0\.0:\d{5}$/);
  });
});

test('one container port is published at several host addresses and ports', async () => {
  await fixture.box.host('ip', 'address', 'add', '198.51.100.9/32', 'dev', 'eth0');
  const flags = ['198.51.100.9:8080:80', `${HOST_ADDRESS}:8080:81`, '127.0.0.1:8081:80', '8082:80'];
  await sleeper('several', ...flags.flatMap((flag) => ['-p', flag]));
  await talkers.serve('several', 80, 81);
  expect(await talkers.ask('tcp', '198.51.100.9', 8080)).toBe('several tcp 80');
  expect(await talkers.ask('tcp', HOST_ADDRESS, 8080)).toBe('several tcp 81');
  expect(await talkers.ask('tcp', HOST_ADDRESS, 8081)).toBeUndefined();
  expect(await talkers.ask('tcp', '198.51.100.9', 8082)).toBe('several tcp 80');
  expect(await answers('tcp', 8082)).toEqual(thrice('several tcp 80'));
  expect(await talkers.ask('tcp', '127.0.0.1', 8081, onHost(fixture.box))).toBe('several tcp 80');
  expect((await berth('port', 'several', '80')).split('\n').sort()).toEqual([
    '0.0.0.0:8082',
    '127.0.0.1:8081',
    '198.51.100.9:8080',
  ]);
  await fixture.box.host('ip', 'address', 'delete', '198.51.100.9/32', 'dev', 'eth0');
});

test('ranges outlive a crash of the daemon, and the next one holds them', async () => {
  await using box = await HostInABox.create();
  const daemon = await box.startDaemon();
  const flags = ['-p', '20000-29999:20000-29999', '-p', '8000-8002:8000-8002'];
  await box.berth('run', '-d', '--name', 'ranged', ...flags, 'busybox', 'httpd', '-f', '-p', '25000');
  const url = `http://${HOST_ADDRESS}:25000/`;
  // There is no page, but an answer.
  const reached = async () => (await box.tryOutside('curl', '-s', '--max-time', '3', url)).status === 0;
  expect(await reached()).toBe(true);
  const rules = () => box.host('nft', 'list', 'map', 'inet', 'berth', 'ranges');
  const before = await rules();
  await daemon.crash();
  expect(await reached()).toBe(true);
  await box.startDaemon();
  expect(await reached()).toBe(true);
  expect(await rules()).toBe(before);
  for (const port of ['20000', '25000', '29999', '8002']) {
    const program = await box.tryHost(['timeout', '2', 'nc', '-l', '-p', port]);
    expect(program.stderr).toContain(IN_USE);
  }
  const clash = await box.tryBerth('run', '-d', '-p', '29999:80', 'busybox', 'sleep', '600');
  expect(clash.stderr).toMatch(/29999 failed: port is already allocated \(tcp, by container/);
  await box.berth('rm', '-f', 'ranged');
  expect((await box.tryHost(['timeout', '1', 'nc', '-l', '-p', '25000'])).stderr).not.toContain(IN_USE);
});
