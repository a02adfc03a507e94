import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Box, ask, run, sandboxSpec } from '../box.fixture.js';
import { NetworkManager } from '../manager/network-manager.js';
import type { PortSpec, Sandbox } from '../model.js';

let box: Box;
let manager: NetworkManager;
const inside = ({ path = '' }: Sandbox) => ['nsenter', `--net=${path}`];

async function start(network: string, name: string, ports: PortSpec[] = []): Promise<Sandbox> {
  const { id, path } = await manager.createSandbox(sandboxSpec(ports));
  await manager.attach(id, manager.network(network).id, { names: [name], containerName: name });
  await box.serve(path, 80, name);
  const sandbox = manager.sandbox(id);
  if (sandbox === undefined) throw new Error('no sandbox');
  return sandbox;
}

const addressOf = (sandbox: Sandbox) => sandbox.endpoints[0]?.ipv4?.address ?? '';
const ICC = 'com.docker.network.bridge.enable_icc';
const NAME = 'com.docker.network.bridge.name';
const MASQUERADE = 'com.docker.network.bridge.enable_ip_masquerade';

let web: Sandbox;
let sibling: Sandbox;
let other: Sandbox;
let hidden: Sandbox;
let hiddenSibling: Sandbox;
let apart: Sandbox;
let apartSibling: Sandbox;
let plain: Sandbox;

beforeAll(async () => {
  box = new Box();
  manager = await NetworkManager.open(box.options());
  const labels = {};
  const network = (name: string, options: Record<string, string> = {}, internal = false) =>
    manager.createNetwork({
      name,
      driver: 'bridge',
      options: { [NAME]: `br-${name}`, ...options },
      labels,
      internal,
    });
  await network('other');
  await network('hidden', {}, true);
  await network('apart', { [ICC]: 'false' });
  await network('plain', { [MASQUERADE]: 'false' });
  web = await start('bridge', 'web', [
    { protocol: 'tcp', containerPort: 80, hostPort: 8081 },
    { protocol: 'udp', containerPort: 80, hostPort: 8081 },
    { protocol: 'tcp', containerPort: 80, hostAddress: '127.0.0.1', hostPort: 8082 },
  ]);
  sibling = await start('bridge', 'sibling');
  other = await start('other', 'other');
  hidden = await start('hidden', 'hidden');
  hiddenSibling = await start('hidden', 'hiddensibling');
  apart = await start('apart', 'apart', [{ protocol: 'tcp', containerPort: 80, hostPort: 8083 }]);
  apartSibling = await start('apart', 'apartsibling');
  plain = await start('plain', 'plain');
  await box.serve(undefined, 80, 'outside');
  box.outside('ip', 'link', 'set', 'lo', 'up');
});

afterAll(async () => {
  await Promise.all(manager.sandboxes().map(({ id }) => manager.deleteSandbox(id)));
  await manager.close();
  expect(run('nft', 'list', 'ruleset')).toBe('');
  box.close();
});

describe('a published port', () => {
  it('is reached from an outside machine, which keeps its address', () => {
    expect(ask(box.outsideCommand, '198.51.100.1', 8081)).toBe('web 198.51.100.2');
    expect(ask(box.outsideCommand, '198.51.100.1', 8081, 'udp')).toMatch(/^web 198\.51/);
  });

  it('is reached from the host, by 127.0.0.1 and by its own address', () => {
    expect(ask([], '127.0.0.1', 8081)).toBe('web 172.17.0.1');
    expect(ask([], '198.51.100.1', 8081)).toBe('web 198.51.100.1');
    expect(ask([], '127.0.0.1', 8081, 'udp')).toMatch(/^web/);
  });

  it('is reached from a sibling, from its own container and from another network through the host’s address', () => {
    expect(ask(inside(sibling), '198.51.100.1', 8081)).toBe('web 172.17.0.1');
    expect(ask(inside(web), '198.51.100.1', 8081)).toBe('web 172.17.0.1');
    expect(ask(inside(other), '198.51.100.1', 8081)).toBe(`web ${addressOf(other)}`);
    expect(ask(inside(apartSibling), '198.51.100.1', 8083)).toMatch(/^apart/);
  });

  it('at 127.0.0.1 is the host’s alone', () => {
    expect(ask([], '127.0.0.1', 8082)).toMatch(/^web/);
    expect(ask(box.outsideCommand, '198.51.100.1', 8082)).toBe('nothing');
    expect(ask(inside(sibling), '198.51.100.1', 8082)).toBe('nothing');
    run(...inside(sibling), 'ip', 'route', 'add', '127.0.0.0/24', 'via', '172.17.0.1');
    run(...inside(sibling), 'ip', 'route', 'del', 'local', '127.0.0.0/8', 'dev', 'lo', 'table', 'local');
    run(...inside(sibling), 'ip', 'route', 'del', 'local', '127.0.0.1', 'dev', 'lo', 'table', 'local');
    expect(ask(inside(sibling), '127.0.0.1', 8082)).toBe('nothing');
  });
});

describe('what is not published', () => {
  it('is closed to an outside machine with a route, and to other networks', () => {
    expect(ask(box.outsideCommand, addressOf(web), 80)).toBe('nothing');
    expect(ask(inside(other), addressOf(web), 80)).toBe('nothing');
    expect(ask(inside(web), addressOf(other), 80)).toBe('nothing');
  });

  it('is open to the siblings and to the host', () => {
    expect(ask(inside(web), addressOf(sibling), 80)).toBe(`sibling ${addressOf(web)}`);
    expect(ask([], addressOf(web), 80)).toBe('web 172.17.0.1');
  });

  it('is closed to siblings where containers may not talk to each other, by way of the gateway too', () => {
    expect(ask(inside(apartSibling), addressOf(apart), 80)).toBe('nothing');
    const gateway = apart.endpoints[0]?.ipv4?.gateway ?? '';
    run(...inside(apartSibling), 'ip', 'route', 'add', `${addressOf(apart)}/32`, 'via', gateway);
    expect(ask(inside(apartSibling), addressOf(apart), 80)).toBe('nothing');
  });
});

describe('the way out', () => {
  it('leads by the host’s address', () => {
    expect(ask(inside(web), '198.51.100.2', 80)).toBe('outside 198.51.100.1');
  });

  it('leads by the container’s own address where masquerading is off', () => {
    expect(ask(inside(plain), '198.51.100.2', 80)).toBe(`outside ${addressOf(plain)}`);
  });

  it('is missing in an internal network, whose containers see each other', () => {
    expect(ask(inside(hidden), '198.51.100.2', 80)).toBe('nothing');
    run(
      ...inside(hidden),
      'ip',
      'route',
      'add',
      'default',
      'via',
      manager.network('hidden').ipam.config[0]?.gateway ?? '',
    );
    expect(ask(inside(hidden), '198.51.100.2', 80)).toBe('nothing');
    expect(ask(inside(hidden), '198.51.100.1', 8081)).toBe('nothing');
    expect(ask(inside(hidden), addressOf(hiddenSibling), 80)).toMatch(/^hiddensibling/);
  });
});

it('is written again, whole, at the next change after somebody has flushed it', async () => {
  run('nft', 'flush', 'ruleset');
  const { id } = await manager.createSandbox(
    sandboxSpec([{ protocol: 'tcp', containerPort: 80, hostPort: 8090 }]),
  );
  await manager.attach(id, manager.network('bridge').id, { names: ['late'], containerName: 'late' });
  expect(ask(box.outsideCommand, '198.51.100.1', 8081)).toBe('web 198.51.100.2');
  await manager.deleteSandbox(id);
});
