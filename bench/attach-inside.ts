import { mkdirSync } from 'node:fs';
import { Store, newId, silentLogger } from '@berth/core';
import { NetworkManager, type SandboxId } from '@berth/network';
import { timed } from './statistics.js';

// Runs in the namespace of a host in a box: attaches and detaches sandboxes, and prints the times as JSON.
const [, , folder = '', count = ''] = process.argv;
mkdirSync(`${folder}/netns`, { recursive: true });
const store = Store.open(`${folder}/bench.db`);
const manager = await NetworkManager.open({
  store,
  execRoot: folder,
  logger: silentLogger,
  bridgeName: 'berth0',
  defaultBridge: { icc: true, ipMasq: true },
  ipForward: true,
  defaultBindAddress: '0.0.0.0',
  dns: { servers: [] },
});
const network = manager.network('bridge');
const sandboxes: SandboxId[] = [];
for (let index = 0; index < Number(count); index++) {
  const id = newId<SandboxId>();
  const dns = { servers: [], search: [], options: [] };
  await manager.createSandbox({ id, kind: 'private', hostname: `bench${index}`, ports: [], dns });
  sandboxes.push(id);
}
const attach: number[] = [];
const detach: number[] = [];
for (const [index, id] of sandboxes.entries()) {
  const spec = { containerName: `bench${index}`, names: [`bench${index}`] };
  attach.push(await timed(() => manager.attach(id, network.id, spec)));
}
for (const id of sandboxes) detach.push(await timed(() => manager.detach(id, network.id)));
for (const id of sandboxes) await manager.deleteSandbox(id);
await manager.close();
store.close();
process.stdout.write(JSON.stringify({ attach, detach }));
