import { mkdirSync } from 'node:fs';
import { Store, newId, silentLogger } from '@berth/core';
import { NetworkManager, type SandboxId } from '@berth/network';
import { timed } from './statistics.js';

// Runs in the namespace of a host in a box: attaches and detaches so many sandboxes, for each further argument once with
// so many others on the network, and prints the times as JSON.
const [, , folder = '', count = '', ...crowds] = process.argv;
mkdirSync(`${folder}/netns`, { recursive: true });
const store = Store.open(`${folder}/bench.db`);
const manager = await NetworkManager.open({
  store,
  execRoot: folder,
  logger: silentLogger,
  bridgeName: 'berth0',
  defaultBridge: { icc: true, ipMasq: true, ipv6: false },
  ipForward: true,
  firewallCoexist: false,
  defaultBindAddress: '0.0.0.0',
  dns: { servers: [], defaultBridgeNames: false, forwardSingleLabels: false },
});
const network = manager.network('bridge');
let made = 0;
const create = async (): Promise<SandboxId> => {
  const id = newId<SandboxId>();
  const dns = { servers: [], search: [], options: [] };
  await manager.createSandbox({ id, kind: 'private', hostname: `bench${made++}`, ports: [], dns });
  return id;
};
const attach = async (id: SandboxId): Promise<void> => {
  const name = `on${id.slice(0, 12)}`;
  await manager.attach(id, network.id, { containerName: name, names: [name] });
};
const results: { attach: number[]; detach: number[] }[] = [];
const present: SandboxId[] = [];
for (const crowd of crowds) {
  while (present.length < Number(crowd)) {
    const id = await create();
    await attach(id);
    present.push(id);
  }
  await Promise.all(present.splice(Number(crowd)).map((id) => manager.deleteSandbox(id)));
  const sandboxes: SandboxId[] = [];
  for (let index = 0; index < Number(count); index++) sandboxes.push(await create());
  const times: (typeof results)[number] = { attach: [], detach: [] };
  for (const id of sandboxes) times.attach.push(await timed(() => attach(id)));
  for (const id of sandboxes) times.detach.push(await timed(() => manager.detach(id, network.id)));
  for (const id of sandboxes) await manager.deleteSandbox(id);
  results.push(times);
}
await Promise.all(present.map((id) => manager.deleteSandbox(id)));
await manager.close();
store.close();
process.stdout.write(JSON.stringify(results));
