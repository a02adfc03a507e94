import type { SandboxId } from '@berth/network';
import { BenchManager } from './sandboxes.js';

// Runs in the namespace of a host in a box, with --expose-gc: attaches so many sandboxes, to a custom network, where they
// have a name service, or to the default bridge, where they have none. Prints what that takes as JSON.

/** What each of the sandboxes takes, and the whole process while nothing happens. */
export interface SandboxCost {
  readonly heapBytes: number;
  readonly residentBytes: number;
  /** CPU time in milliseconds per second. */
  readonly idle: number;
}

/** Sandboxes that come before: with them code is compiled, and tables get their first size. */
const WARM_UP = 200;
const IDLE_MS = 2000;
/** Closing sockets that have changed nftables takes the kernel longer than all else, in the background: it may catch up. */
const AT_ONCE = 100;
const CATCH_UP_MS = 300;

const [, , folder = '', kind = '', count = ''] = process.argv;
const bench = await BenchManager.open(folder);
const { manager } = bench;
const { id: network } =
  kind === 'custom'
    ? await manager.createNetwork({ name: 'named', driver: 'bridge', options: {}, labels: {} })
    : manager.network('bridge');
const present: SandboxId[] = [];
await attach(WARM_UP);
const before = memory();
await attach(Number(count));
const after = memory();
// What the collection of garbage has left to do ends before.
await pause(CATCH_UP_MS);
const began = performance.now();
const usage = process.cpuUsage();
await pause(IDLE_MS);
const { user, system } = process.cpuUsage(usage);
const result: SandboxCost = {
  heapBytes: (after.heap - before.heap) / Number(count),
  residentBytes: (after.resident - before.resident) / Number(count),
  idle: (user + system) / (performance.now() - began),
};
await bench.deleteSandboxes(present);
if (kind === 'custom') await manager.removeNetwork(network);
await bench.close();
process.stdout.write(JSON.stringify(result));

async function attach(newcomers: number): Promise<void> {
  for (let index = 0; index < newcomers; index++) {
    const id = await bench.createSandbox();
    await bench.attach(id, network);
    present.push(id);
    if (present.length % AT_ONCE === 0) await pause(CATCH_UP_MS);
  }
}

/** Bytes in use after all garbage has gone, objects and buffers together, and what the kernel counts as resident. */
function memory(): { heap: number; resident: number } {
  for (let turn = 0; turn < 3; turn++) globalThis.gc?.();
  const { heapUsed, external, rss } = process.memoryUsage();
  return { heap: heapUsed + external, resident: rss };
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
