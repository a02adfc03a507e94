import type { SandboxId } from '@berth/network';
import { BenchManager } from './sandboxes.js';
import { timed } from './statistics.js';

// Runs in the namespace of a host in a box: attaches and detaches so many sandboxes, for each further argument once with
// so many others on the network, and prints the times as JSON.
const [, , folder = '', count = '', ...crowds] = process.argv;
const bench = await BenchManager.open(folder);
const { manager } = bench;
const network = manager.network('bridge').id;
const results: { attach: number[]; detach: number[] }[] = [];
const present: SandboxId[] = [];
for (const crowd of crowds) {
  while (present.length < Number(crowd)) {
    const id = await bench.createSandbox();
    await bench.attach(id, network);
    present.push(id);
  }
  await bench.deleteSandboxes(present.splice(Number(crowd)));
  const sandboxes: SandboxId[] = [];
  for (let index = 0; index < Number(count); index++) sandboxes.push(await bench.createSandbox());
  const times: (typeof results)[number] = { attach: [], detach: [] };
  for (const id of sandboxes) times.attach.push(await timed(() => bench.attach(id, network)));
  for (const id of sandboxes) times.detach.push(await timed(() => manager.detach(id, network)));
  for (const id of sandboxes) await manager.deleteSandbox(id);
  results.push(times);
}
await bench.deleteSandboxes(present);
await bench.close();
process.stdout.write(JSON.stringify(results));
