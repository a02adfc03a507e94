import { NetworkNamespace } from '@berth/kernel';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { Box, run, sandboxSpec } from '../box.fixture.js';
import { NameService } from '../dns/index.js';
import { Firewall } from '../firewall/firewall.js';
import type { PortSpec, SandboxId } from '../model.js';
import { NetworkManager } from './network-manager.js';
import { NetworkState } from './state.js';

let box: Box;
let manager: NetworkManager;
let id: SandboxId;
let inside: string[];
const ports: PortSpec[] = [{ protocol: 'tcp', containerPort: 80, hostPort: 8081 }];

beforeAll(async () => {
  box = new Box();
  manager = await NetworkManager.open(box.options());
  await manager.createNetwork({ name: 'custom', driver: 'bridge', options: {}, labels: {} });
});
beforeEach(async () => {
  const sandbox = await manager.createSandbox(sandboxSpec(ports));
  id = sandbox.id;
  inside = ['nsenter', `--net=${sandbox.path ?? ''}`];
});
afterEach(async () => {
  vi.restoreAllMocks();
  await manager.deleteSandbox(id);
});
afterAll(async () => {
  await manager.close();
  box.close();
});

const fail = () => {
  throw new Error('broken');
};

/** All that could be left: in the kernel, in the store, in what the manager shows. */
const world = () => ({
  // Without their state: that of a bridge follows its ports a little later.
  here: run('ip', '-br', 'link').replace(/ +(?:UP|DOWN|UNKNOWN) +|<.*>/g, ' '),
  sandbox: run(...inside, 'ip', '-br', 'addr') + run(...inside, 'ip', 'route'),
  rules: run('nft', 'list', 'ruleset'),
  files: run('ls', `${box.folder}/netns`),
  sockets: run('ss', '-Htuan'),
  stored: ['networks', 'endpoints', 'sandboxes'].map((name) =>
    box.store.collection(`network.${name}`).entries(),
  ),
  shown: [manager.networks(), manager.sandboxes()],
});

describe('an attachment that fails leaves nothing', () => {
  it.each<[string, () => void]>([
    ['record endpoint', () => vi.spyOn(NetworkState.prototype, 'setEndpoint').mockImplementation(fail)],
    ['create interface', () => run(...inside, 'ip', 'link', 'add', 'eth0', 'type', 'bridge')],
    ['publish ports', () => vi.spyOn(Firewall.prototype, 'change').mockImplementationOnce(fail)],
    ['serve names', () => vi.spyOn(NameService.prototype, 'open').mockImplementation(fail)],
  ])('at the step "%s"', async (step, inject) => {
    inject();
    const before = world();
    const attached = manager.attach(id, manager.network('custom').id, {
      names: ['web'],
      containerName: 'web',
    });
    await expect(attached).rejects.toMatchObject({ op: step });
    expect(world()).toEqual(before);
    vi.restoreAllMocks();
    if (step === 'create interface') run(...inside, 'ip', 'link', 'del', 'eth0');
    await manager.attach(id, manager.network('custom').id, { names: ['web'], containerName: 'web' });
    await manager.detach(id, manager.network('custom').id);
  });
});

it.each<[string, () => void]>([
  ['create network namespace', () => vi.spyOn(NetworkNamespace, 'create').mockImplementation(fail)],
])('a sandbox that fails at the step "%s" leaves nothing', async (step, inject) => {
  inject();
  const before = world();
  const spec = sandboxSpec([{ protocol: 'tcp', containerPort: 80, hostPort: 8099 }]);
  await expect(manager.createSandbox(spec)).rejects.toMatchObject({ op: step });
  expect(world()).toEqual(before);
});

it('a network that fails when its bridge is made leaves nothing', async () => {
  vi.spyOn(Firewall.prototype, 'addNetwork').mockImplementation(fail);
  const before = world();
  const made = manager.createNetwork({ name: 'broken', driver: 'bridge', options: {}, labels: {} });
  await expect(made).rejects.toMatchObject({ op: 'create network' });
  expect(world()).toEqual(before);
});

it('a detachment goes to its end whatever fails on the way', async () => {
  await manager.attach(id, manager.network('custom').id, { names: ['web'], containerName: 'web' });
  vi.spyOn(Firewall.prototype, 'change').mockImplementation(fail);
  await expect(manager.detach(id, manager.network('custom').id)).rejects.toThrow('broken');
  expect(run('ip', '-br', 'link')).not.toContain('veth');
  expect(manager.network('custom').endpoints).toEqual([]);
});
