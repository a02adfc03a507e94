import { fileURLToPath } from 'node:url';
import { writeFileSync } from 'node:fs';
import { output, type HostInABox } from '@berth/tests/box';
import type { Report } from './report.js';
import { median, ratio, timed } from './statistics.js';

/** Endpoints per round, of Berth and of `ip -batch` alike. */
const ROUND = 50;
const ROUNDS = 4;
/**
 * Endpoints that are there already, and how many come to them: a bridge takes 1023 (BR_MAX_PORTS in the kernel's
 * net/bridge/br_private.h, without port 0). None comes first, to warm up, and last, since speed wanders.
 */
const CROWDS = [0, 0, 10, 1000, 10, 0];
const NEWCOMERS = 20;

interface InsideSamples {
  readonly attach: number[];
  readonly detach: number[];
}

/** Attach and detach inside `packages/network`, beside the same netlink work by `ip -batch` in the same box. */
export async function measureAttach(box: HostInABox, report: Report): Promise<void> {
  const attach: number[] = [];
  const detach: number[] = [];
  const batches: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    for (const samples of await attachInside(box, `attach${round}`, ROUND, [0])) {
      attach.push(...samples.attach);
      detach.push(...samples.detach);
    }
    batches.push(await byBatch(box, ROUND, 0));
  }
  report.times('attach in packages/network', attach, 2);
  report.times('detach in packages/network', detach);
  report.times('the same attach by ip -batch', batches);
  report.figure('attach / ip -batch', median(attach) / median(batches), '', 2);
  await measureCrowds(box, report);
}

/** Attach to networks that are full to some degree. */
async function measureCrowds(box: HostInABox, report: Report): Promise<void> {
  const results = await attachInside(box, 'crowds', NEWCOMERS, CROWDS);
  const attach = (crowd: number): number[] =>
    results.flatMap((samples, index) => (index > 0 && CROWDS[index] === crowd ? samples.attach : []));
  const alone = median(attach(0));
  for (const crowd of [10, 1000]) {
    report.figure(`attach beside ${crowd} endpoints / beside none`, median(attach(crowd)) / alone, '', 1.3);
  }
  const batches: Record<'alone' | 'crowded', number[]> = { alone: [], crowded: [] };
  for (let round = 0; round < 3; round++) {
    batches.alone.push(await byBatch(box, NEWCOMERS, 0));
    batches.crowded.push(await byBatch(box, NEWCOMERS, 1000));
  }
  report.figure('ip -batch beside 1000 / beside none', ratio(batches.crowded, batches.alone), '');
}

async function attachInside(
  box: HostInABox,
  folder: string,
  count: number,
  crowds: readonly number[],
): Promise<InsideSamples[]> {
  const inside = fileURLToPath(new URL('attach-inside.js', import.meta.url));
  const command = [process.execPath, inside, `${box.folder}/${folder}`, String(count), ...crowds.map(String)];
  return JSON.parse(await output([...box.hostPrefix, ...command], { timeout: 120_000 })) as InsideSamples[];
}

/**
 * Milliseconds per endpoint: a veth pair born in two namespaces, its master, up, address, default route; on a bridge
 * that has so many others.
 */
async function byBatch(box: HostInABox, count: number, present: number): Promise<number> {
  for (const namespace of ['bench', 'crowd']) await box.host('ip', 'netns', 'add', namespace);
  await box.host('ip', 'link', 'add', 'bbr', 'up', 'type', 'bridge');
  // The multicasts of a thousand links that get IPv6 addresses, each flooded to a thousand ports, last for seconds.
  for (const inCrowd of [[], ['ip', 'netns', 'exec', 'crowd']])
    await box.host(...inCrowd, 'sysctl', '-qw', 'net.ipv6.conf.default.disable_ipv6=1');
  const others = Array.from({ length: present }, (_, index) => index);
  await batch(
    box,
    [],
    others.flatMap((index) => joined(`bc${index}`, 'crowd')),
  );
  await batch(
    box,
    ['-n', 'crowd'],
    others.map((index) => `link set ebc${index} up`),
  );
  await box.host('sysctl', '-qw', 'net.ipv6.conf.default.disable_ipv6=0');
  const indices = Array.from({ length: count }, (_, index) => index);
  const onHost = indices.flatMap((index) => joined(`bv${index}`, 'bench'));
  const inSandbox = indices.flatMap((index) => [
    `link set ebv${index} up`,
    `addr add 10.99.0.${index + 2}/16 dev ebv${index}`,
    `route add default via 10.99.0.1 dev ebv${index} metric ${index + 1}`,
  ]);
  const programs = (await batch(box, [], [])) + (await batch(box, ['-n', 'bench'], []));
  const whole = (await batch(box, [], onHost)) + (await batch(box, ['-n', 'bench'], inSandbox));
  for (const namespace of ['bench', 'crowd']) await box.host('ip', 'netns', 'delete', namespace);
  await box.host('ip', 'link', 'delete', 'bbr');
  // The start of the two programs is not netlink work.
  return (whole - programs) / count;
}

/** Commands for a pair `NAME` and `eNAME`, the one on the bridge, the other in a namespace. */
function joined(name: string, namespace: string): string[] {
  return [
    `link add ${name} type veth peer name e${name} netns ${namespace}`,
    `link set ${name} master bbr up`,
  ];
}

/** Milliseconds of one `ip -batch`. */
function batch(box: HostInABox, options: readonly string[], commands: readonly string[]): Promise<number> {
  const file = `${box.folder}/batch`;
  writeFileSync(file, commands.map((command) => `${command}\n`).join(''));
  return timed(() => box.host('ip', ...options, '-batch', file));
}
