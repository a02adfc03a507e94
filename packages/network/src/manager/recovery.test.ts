import { afterAll, beforeAll, expect, it } from 'vitest';
import { Box, ask, run, sandboxSpec } from '../box.fixture.js';
import type { SandboxId } from '../model.js';
import { NetworkManager } from './network-manager.js';

let box: Box;
let manager: NetworkManager;
let web: SandboxId;
let lost: SandboxId;

beforeAll(async () => {
  box = new Box();
  manager = await NetworkManager.open(box.options());
  const network = await manager.createNetwork({ name: 'custom', driver: 'bridge', options: {}, labels: {} });
  const ports = [{ protocol: 'tcp', containerPort: 80, hostPort: 8081 } as const];
  web = (await manager.createSandbox(sandboxSpec(ports))).id;
  lost = (await manager.createSandbox(sandboxSpec())).id;
  for (const id of [web, lost])
    await manager.attach(id, network.id, { names: ['web'], containerName: 'web' });
  await box.serve(manager.sandbox(web)?.path, 80, 'web');
});
afterAll(async () => {
  for (const { id } of manager.sandboxes()) await manager.deleteSandbox(id);
  await manager.close();
  expect(run('ip', '-br', 'link').split('\n').length).toBe(2);
  box.close();
});

const reopen = async () => {
  await manager.close();
  manager = await NetworkManager.open(box.options());
};
const reached = () => ask(box.outsideCommand, '198.51.100.1', 8081);
const indexes = () =>
  run('ip', '-br', '-o', 'link')
    .split('\n')
    .map((line) => line.split(' ')[0])
    .sort();

it('finds everything again and touches no link', async () => {
  const before = { view: manager.sandbox(web), links: indexes(), rules: run('nft', 'list', 'ruleset') };
  await reopen();
  expect({ view: manager.sandbox(web), links: indexes(), rules: run('nft', 'list', 'ruleset') }).toEqual(
    before,
  );
  expect(reached()).toBe('web 198.51.100.2');
});

it.each<[string, () => void]>([
  ['the table', () => void run('nft', 'flush', 'ruleset')],
  ['the bridges', () => bridges().forEach((name) => void run('ip', 'link', 'del', name))],
  ['a veth pair', () => void run('ip', 'link', 'del', hostEnd())],
  ['a port’s bridge', () => void run('ip', 'link', 'set', hostEnd(), 'nomaster', 'down')],
  [
    'the default route',
    () => void run('nsenter', `--net=${manager.sandbox(web)?.path ?? ''}`, 'ip', 'route', 'del', 'default'),
  ],
])('makes what is missing: %s', async (_, remove) => {
  remove();
  expect(reached()).toBe('nothing');
  await reopen();
  expect(reached()).toBe('web 198.51.100.2');
});

it('removes what is ours and unwanted, and nothing else', async () => {
  run('ip', 'link', 'add', 'stray', 'type', 'bridge');
  run('ip', 'link', 'set', 'stray', 'alias', 'berth:0123');
  run('ip', 'link', 'add', 'foreign', 'type', 'bridge');
  await reopen();
  expect(indexes()).not.toContain('stray');
  expect(indexes()).toContain('foreign');
  run('ip', 'link', 'del', 'foreign');
});

it('drops a sandbox whose namespace has gone', async () => {
  const path = manager.sandbox(lost)?.path ?? '';
  const address = manager.sandbox(lost)?.endpoints[0]?.hostInterfaceName;
  run('umount', '-l', path);
  await reopen();
  expect(manager.sandboxes().map(({ id }) => id)).toEqual([web]);
  expect(manager.network('custom').endpoints).toHaveLength(1);
  expect(indexes()).not.toContain(address);
});

function bridges(): string[] {
  return indexes().filter((name): name is string => name === 'berth0' || name?.startsWith('br-') === true);
}

function hostEnd(): string {
  return manager.sandbox(web)?.endpoints[0]?.hostInterfaceName ?? '';
}
