import { fileURLToPath } from 'node:url';
import { output, type HostInABox } from '@berth/tests/box';
import type { SandboxCost } from './name-memory-inside.js';
import type { Report } from './report.js';
import { median } from './statistics.js';

const SANDBOXES = 300;
/** Runs of each kind by turns, each a process of its own. */
const ROUNDS = 2;

/** What the name service of a sandbox takes: sandboxes that have one, beside those of the default bridge, which have none. */
export async function measureNameMemory(box: HostInABox, report: Report): Promise<void> {
  const named: SandboxCost[] = [];
  const nameless: SandboxCost[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    named.push(await inside(box, `named${round}`, 'custom'));
    nameless.push(await inside(box, `nameless${round}`, 'bridge'));
  }
  const of = (costs: readonly SandboxCost[], key: keyof SandboxCost): number =>
    median(costs.map((cost) => cost[key]));
  const kilobytes = (key: 'heapBytes' | 'residentBytes'): [number, number] => [
    of(named, key) / 1000,
    of(nameless, key) / 1000,
  ];
  for (const [what, key] of [
    ['heap and buffers', 'heapBytes'],
    ['resident', 'residentBytes'],
  ] as const) {
    const [withNames, without] = kilobytes(key);
    report.figure(`sandbox with a name service, ${what}`, withNames, 'kB');
    report.figure(`sandbox without, ${what}`, without, 'kB');
    report.figure(`name service per sandbox, ${what}`, withNames - without, 'kB', 30);
  }
  report.figure(`idle with ${SANDBOXES} name services, CPU`, of(named, 'idle'), 'ms/s', 1);
  report.figure(`idle with ${SANDBOXES} sandboxes without, CPU`, of(nameless, 'idle'), 'ms/s');
}

async function inside(box: HostInABox, folder: string, kind: 'custom' | 'bridge'): Promise<SandboxCost> {
  const program = fileURLToPath(new URL('name-memory-inside.js', import.meta.url));
  const command = [process.execPath, '--expose-gc', program, `${box.folder}/${folder}`, kind, `${SANDBOXES}`];
  return JSON.parse(await output([...box.hostPrefix, ...command], { timeout: 120_000 })) as SandboxCost;
}
