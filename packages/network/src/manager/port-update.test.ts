import { once } from 'node:events';
import { readdirSync, readlinkSync } from 'node:fs';
import { createServer } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { Box, ask, clear, place, run, sandboxSpec, type Placed } from '../box.fixture.js';
import { Firewall } from '../firewall/firewall.js';
import type { PortSpec } from '../model.js';
import { NetworkManager } from './network-manager.js';

let box: Box;
let manager: NetworkManager;
beforeAll(() => void (box = new Box()));
afterAll(() => box.close());
beforeEach(async () => void (manager = await NetworkManager.open(box.options())));
afterEach(async () => {
  vi.restoreAllMocks();
  await clear(manager);
});

const port = (hostPort: number, rest: Partial<PortSpec> = {}): PortSpec => ({
  protocol: 'tcp',
  containerPort: 80,
  hostPort,
  ...rest,
});
const range = (first: number, count: number, rest: Partial<PortSpec> = {}) =>
  port(first, { containerPort: first, count, ...rest });
const start = (ports: PortSpec[]) => place(manager, 'web', ['bridge'], ports);
const hostPorts = ({ id }: Placed) =>
  manager.sandbox(id)?.ports.map(({ hostAddress, hostPort, count }) => `${hostAddress} ${hostPort}+${count}`);

/** The elements of a map of ours, as nft lists them. */
function elements(map: string): string[] {
  const [, found = ''] =
    /elements = \{ ([^}]+) \}/.exec(run('nft', 'list', 'map', 'inet', 'berth', map)) ?? [];
  return found === '' ? [] : found.split(/,\s+/);
}

/** Whether another program can bind a port. */
function canBind(number: number, address = '0.0.0.0', protocol: 'tcp' | 'udp' = 'tcp'): boolean {
  const family = address.includes(':') ? 'AF_INET6' : 'AF_INET';
  const type = protocol === 'tcp' ? 'SOCK_STREAM' : 'SOCK_DGRAM';
  const script = `import socket; s = socket.socket(socket.${family}, socket.${type}); ${
    family === 'AF_INET6' ? 's.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1); ' : ''
  }s.bind((${JSON.stringify(address)}, ${number}))`;
  try {
    run('/usr/bin/python3', '-c', script);
    return true;
  } catch {
    return false;
  }
}

/** Which sockets this process has. */
function sockets(): Set<string> {
  const links = readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      return [`${fd} ${readlinkSync(`/proc/self/fd/${fd}`)}`];
    } catch {
      // The folder's own descriptor has gone by now.
      return [];
    }
  });
  return new Set(links.filter((link) => link.includes('socket:')));
}

describe('an update of ports', () => {
  it('opens and closes them, and keeps the reservations of those that stay', async () => {
    const others = sockets();
    const web = await place(manager, 'web', [], [port(8081)]);
    const held = [...sockets()].filter((socket) => !others.has(socket));
    expect(held).toHaveLength(1);
    await manager.attach(web.id, manager.network('bridge').id, { names: [], containerName: 'web' });
    await box.serve(web.path, 80, 'web');
    await manager.updatePorts(web.id, [port(8082), port(8081)]);
    expect([...sockets()]).toEqual(expect.arrayContaining(held));
    expect(ask(box.outsideCommand, '198.51.100.1', 8081)).toBe('web 198.51.100.2');
    expect(ask(box.outsideCommand, '198.51.100.1', 8082)).toBe('web 198.51.100.2');
    expect([canBind(8081), canBind(8082)]).toEqual([false, false]);
    await manager.updatePorts(web.id, [port(8081)]);
    expect([...sockets()]).toEqual(expect.arrayContaining(held));
    expect(ask(box.outsideCommand, '198.51.100.1', 8082)).toBe('nothing');
    expect([canBind(8081), canBind(8082)]).toEqual([false, true]);
    await manager.updatePorts(web.id, []);
    expect(elements('published')).toEqual([]);
    expect([...sockets()]).not.toEqual(expect.arrayContaining(held));
    expect(canBind(8081)).toBe(true);
  });

  it('swaps runs that overlap, and leads a port elsewhere in the container', async () => {
    const web = await start([range(9000, 10), range(9100, 100, { protocol: 'udp' })]);
    await manager.updatePorts(web.id, [range(9005, 10), range(9150, 100, { protocol: 'udp' })]);
    expect(elements('ranges')).toEqual(['tcp . 9005-9014 : 172.17.0.2', 'udp . 9150-9249 : 172.17.0.2']);
    expect([canBind(9004), canBind(9005)]).toEqual([true, false]);
    expect([canBind(9149, '0.0.0.0', 'udp'), canBind(9200, '0.0.0.0', 'udp')]).toEqual([true, false]);
    await manager.updatePorts(web.id, [port(9007, { containerPort: 81 })]);
    expect([elements('ranges'), elements('published')]).toEqual([[], ['tcp . 9007 : 172.17.0.2 . 81']]);
    expect([canBind(9007), canBind(9200, '0.0.0.0', 'udp')]).toEqual([false, true]);
  });

  it.each<[string, () => Promise<() => void>]>([
    [
      'a port that another program has',
      async () => {
        const server = createServer().listen(8090, '127.0.0.1');
        await once(server, 'listening');
        return () => void server.close();
      },
    ],
    [
      'a firewall that refuses',
      () => {
        vi.spyOn(Firewall.prototype, 'change').mockImplementationOnce(() => {
          throw new Error('broken');
        });
        return Promise.resolve(() => undefined);
      },
    ],
  ])('that fails leaves all as it was: %s', async (_, provoke) => {
    const web = await start([port(8081), range(9000, 10), range(10_000, 100)]);
    const before = { ports: hostPorts(web), rules: run('nft', 'list', 'ruleset') };
    const end = await provoke();
    const wanted = [range(9005, 10), range(10_050, 100), port(8082), port(8090)];
    await expect(manager.updatePorts(web.id, wanted)).rejects.toThrow();
    end();
    expect({ ports: hostPorts(web), rules: run('nft', 'list', 'ruleset') }).toEqual(before);
    expect([8081, 9000, 9009, 10_000, 10_099].map((number) => canBind(number))).not.toContain(true);
    expect([8082, 8090, 9010, 10_100].map((number) => canBind(number))).not.toContain(false);
    await manager.deleteSandbox(web.id);
    expect([8081, 9000, 10_000].map((number) => canBind(number))).not.toContain(false);
  });

  it('that names one port twice is refused, and one of a container with the host’s network too', async () => {
    const web = await start([]);
    const twice = manager.updatePorts(web.id, [port(8081), port(8081, { containerPort: 81 })]);
    await expect(twice).rejects.toThrow('by this container itself');
    const { id } = await manager.createSandbox({ ...sandboxSpec(), kind: 'host' });
    await expect(manager.updatePorts(id, [port(8081)])).rejects.toThrow('publishes no ports');
  });

  it('holds for the next manager', async () => {
    const web = await start([port(8081)]);
    await manager.updatePorts(web.id, [range(9000, 50)]);
    await manager.close();
    manager = await NetworkManager.open(box.options());
    expect(hostPorts(web)).toEqual(['0.0.0.0 9000+50']);
    expect([canBind(9049), canBind(8081)]).toEqual([false, true]);
    expect(elements('ranges')).toEqual(['tcp . 9000-9049 : 172.17.0.2']);
  });
});

describe('a range', () => {
  it('of ten thousand ports is one element, and nobody else’s while it is held', async () => {
    const others = sockets().size;
    const web = await start([range(20_000, 10_000), range(20_000, 10_000, { protocol: 'udp' })]);
    expect(elements('ranges')).toEqual(['tcp . 20000-29999 : 172.17.0.2', 'udp . 20000-29999 : 172.17.0.2']);
    expect(sockets().size).toBeLessThan(others + 10);
    expect([20_000, 25_000, 29_999].map((number) => canBind(number))).not.toContain(true);
    expect(canBind(25_000, '127.0.0.1', 'udp')).toBe(false);
    expect([19_999, 30_000].map((number) => canBind(number))).not.toContain(false);
    await box.serve(web.path, 25_000, 'web');
    expect(ask(box.outsideCommand, '198.51.100.1', 25_000)).toBe('web 198.51.100.2');
    expect(ask(box.outsideCommand, '198.51.100.1', 25_000, 'udp')).toMatch(/^web /);
    const clash = manager.createSandbox(sandboxSpec([port(25_000)]));
    await expect(clash).rejects.toThrow(
      `port is already allocated (tcp, by container ${web.id.slice(0, 12)})`,
    );
    await manager.deleteSandbox(web.id);
    expect([20_000, 25_000, 29_999].map((number) => canBind(number))).not.toContain(false);
  });

  it('is refused for one port of it that a program has, by name, and is not held then', async () => {
    const server = createServer().listen(20_500, '127.0.0.1');
    await once(server, 'listening');
    await expect(manager.createSandbox(sandboxSpec([range(20_000, 1000)]))).rejects.toThrow(
      `Bind for 0.0.0.0:20500 failed: port is already allocated (tcp, by node, process ${process.pid})`,
    );
    server.close();
    expect(canBind(20_000)).toBe(true);
  });
});

describe('a port of the host’s choice', () => {
  it('is the same number at 0.0.0.0 and [::], and stays whatever else changes', async () => {
    await manager.createNetwork({
      name: 'dual',
      driver: 'bridge',
      enableIPv6: true,
      options: {},
      labels: {},
    });
    const any: PortSpec = { protocol: 'tcp', containerPort: 80 };
    const web = await place(manager, 'web', ['dual'], [any]);
    const [four, six] = manager.sandbox(web.id)?.ports ?? [];
    expect([four?.hostAddress, six?.hostAddress]).toEqual(['0.0.0.0', '::']);
    expect(six?.hostPort).toBe(four?.hostPort);
    const number = four?.hostPort ?? 0;
    expect([canBind(number), canBind(number, '::')]).toEqual([false, false]);
    await manager.updatePorts(web.id, [port(8081), any, { ...any, containerPort: 81 }]);
    const kept = manager
      .sandbox(web.id)
      ?.ports.filter(({ containerPort, hostPort }) => containerPort === 80 && hostPort === number);
    expect(kept).toEqual([four, six]);
    await manager.updatePorts(web.id, [{ ...any, containerPort: 81 }]);
    expect([canBind(number), canBind(number, '::')]).toEqual([true, true]);
  });

  it('is one for each of several container ports', async () => {
    const web = await start([{ protocol: 'tcp', containerPort: 80, count: 3 }]);
    const ports = manager.sandbox(web.id)?.ports ?? [];
    expect(ports.map(({ containerPort, count }) => [containerPort, count])).toEqual([
      [80, 1],
      [81, 1],
      [82, 1],
    ]);
    expect(new Set(ports.map(({ hostPort }) => hostPort)).size).toBe(3);
  });

  it('of some is the first that is free, and stays', async () => {
    const server = createServer().listen(8081, '127.0.0.1');
    await once(server, 'listening');
    const some = port(8081, { hostPortLast: 8083 });
    const [one, two] = [await start([some]), await start([some])];
    expect([hostPorts(one), hostPorts(two)]).toEqual([['0.0.0.0 8082+1'], ['0.0.0.0 8083+1']]);
    await expect(start([some])).rejects.toThrow('Bind for 0.0.0.0:8083 failed');
    server.close();
    await once(server, 'close');
    await manager.updatePorts(two.id, [some, port(8090)]);
    expect(hostPorts(two)).toEqual(['0.0.0.0 8083+1', '0.0.0.0 8090+1']);
  });
});
