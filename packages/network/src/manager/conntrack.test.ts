import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it, vi } from 'vitest';
import { Box, clear, place, run, type Placed } from '../box.fixture.js';
import type { PortSpec } from '../model.js';
import { NetworkManager } from './network-manager.js';

let box: Box;
let manager: NetworkManager;
let children: ChildProcess[];
beforeAll(() => {
  box = new Box();
  box.useIPv6();
  run('ip', 'addr', 'add', '198.51.100.7/24', 'dev', 'uplink');
});
afterAll(() => box.close());
beforeEach(async () => {
  children = [];
  manager = await NetworkManager.open(box.options());
  for (const name of ['one', 'two'])
    await manager.createNetwork({ name, driver: 'bridge', enableIPv6: true, options: {}, labels: {} });
});
afterEach(async () => {
  for (const child of children) child.kill('SIGKILL');
  await clear(manager);
});

const HOST = '198.51.100.1';
const port = (hostPort: number, rest: Partial<PortSpec> = {}): PortSpec => ({
  protocol: 'udp',
  containerPort: 80,
  hostPort,
  ...rest,
});

function start(inside: readonly string[], script: string): ChildProcess {
  const command = [...inside, '/usr/bin/python3', '-c', `import socket, time\n${script}`];
  const child = spawn(command[0] ?? '', command.slice(1), { stdio: ['ignore', 'pipe', 'inherit'] });
  children.push(child);
  return child;
}

/** Counts the datagrams that come to a port, from each source port. */
async function receive({ inside }: Placed, number = 80): Promise<(source: number) => number> {
  const child = start(
    inside,
    `s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
s.bind(('::', ${number}))
print('up', flush=True)
while True: print('from', s.recvfrom(100)[1][1], flush=True)`,
  );
  const counts = new Map<string, number>();
  const { stdout } = child;
  if (stdout === null) throw new Error('no output');
  await once(stdout, 'data');
  stdout.on('data', (data: Buffer) => {
    for (const [, source = ''] of data.toString().matchAll(/from (\d+)/g))
      counts.set(source, (counts.get(source) ?? 0) + 1);
  });
  return (source) => counts.get(String(source)) ?? 0;
}

/** Sends datagrams from one source port of the outside machine, a hundred a second, without a pause. */
function sendForever(source: number, address: string, number: number): void {
  const six = address.includes(':');
  start(
    box.outsideCommand,
    `s = socket.socket(socket.${six ? 'AF_INET6' : 'AF_INET'}, socket.SOCK_DGRAM)
s.bind(('${six ? '::' : '0.0.0.0'}', ${source}))
while True:
  try: s.sendto(b'x', ('${address}', ${number}))
  except OSError: pass
  time.sleep(0.01)`,
  );
}

const web = (ports: PortSpec[], networks = ['one']) => place(manager, 'web', networks, ports);
/** Waits until more datagrams of a source come. */
const comes = async (count: (source: number) => number, source: number) => {
  const before = count(source);
  await vi.waitFor(() => expect(count(source)).toBeGreaterThan(before + 2), 3000);
};
const staysAway = async (count: (source: number) => number, source: number) => {
  const before = count(source);
  await new Promise((resolve) => setTimeout(resolve, 200));
  expect(count(source)).toBe(before);
};

it.each([
  ['IPv4', HOST],
  ['IPv6', '2001:db8:1::1'],
])('a sender of %s that never pauses reaches the container that takes another’s place', async (_, host) => {
  const first = await web([port(8081)]);
  const atFirst = await receive(first);
  sendForever(5001, host, 8081);
  await comes(atFirst, 5001);
  const addressOf = ({ id }: Placed) => manager.sandbox(id)?.endpoints[0]?.ipv4?.address;
  const before = addressOf(first);
  await manager.deleteSandbox(first.id);
  const second = await web([port(8081)]);
  expect(addressOf(second)).not.toBe(before);
  await comes(await receive(second), 5001);
});

it('one that sent to the host itself before the port was published reaches the container', async () => {
  sendForever(5002, HOST, 8082);
  sendForever(5003, '2001:db8:1::1', 8082);
  await new Promise((resolve) => setTimeout(resolve, 200));
  const count = await receive(await web([port(8082)]));
  await comes(count, 5002);
  await comes(count, 5003);
});

it('those to the host’s other addresses and ports go on to where they belong', async () => {
  const first = await web([port(8083, { hostAddress: HOST })]);
  const other = await web([port(8083, { hostAddress: '198.51.100.7' }), port(8084)]);
  const [atFirst, atOther] = [await receive(first), await receive(other)];
  sendForever(5004, HOST, 8083);
  sendForever(5005, '198.51.100.7', 8083);
  sendForever(5006, HOST, 8084);
  await comes(atFirst, 5004);
  await comes(atOther, 5005);
  await manager.deleteSandbox(first.id);
  const second = await web([port(8083, { hostAddress: HOST })]);
  await comes(await receive(second), 5004);
  await comes(atOther, 5005);
  await comes(atOther, 5006);
  expect([atFirst(5005), atOther(5004)]).toEqual([0, 0]);
});

it('one of a range reaches the container’s port of that number', async () => {
  sendForever(5007, HOST, 9042);
  sendForever(5008, HOST, 9142);
  const placed = await web([port(9000, { containerPort: 9000, count: 100 }), port(9142)]);
  const [inRange, alone] = [await receive(placed, 9042), await receive(placed)];
  await comes(inRange, 5007);
  await comes(alone, 5008);
});

it('a port that is published and taken back while the container runs leads there just so long', async () => {
  const placed = await web([]);
  const count = await receive(placed);
  sendForever(5009, HOST, 8085);
  await manager.updatePorts(placed.id, [port(8085)]);
  await comes(count, 5009);
  await manager.updatePorts(placed.id, []);
  await staysAway(count, 5009);
  await manager.updatePorts(placed.id, [port(8085)]);
  await comes(count, 5009);
});

it('a port that is led to another of the container’s own leads there at once', async () => {
  const placed = await web([port(8086)]);
  const [at80, at81] = [await receive(placed), await receive(placed, 81)];
  sendForever(5010, HOST, 8086);
  await comes(at80, 5010);
  await manager.updatePorts(placed.id, [port(8086, { containerPort: 81 })]);
  await comes(at81, 5010);
  await staysAway(at80, 5010);
});

it('a sender follows the container to another network', async () => {
  const placed = await web([port(8087)], ['one', 'two']);
  const count = await receive(placed);
  sendForever(5011, HOST, 8087);
  await comes(count, 5011);
  await manager.detach(placed.id, manager.network('one').id);
  await comes(count, 5011);
  await manager.attach(placed.id, manager.network('one').id, {
    names: [],
    containerName: 'web',
    gatewayPriority: 1,
  });
  await comes(count, 5011);
});
