import { fileURLToPath } from 'node:url';
import { writeFileSync } from 'node:fs';
import type { HostInABox } from '@berth/tests/box';
import type { Report } from './report.js';
import { median, timed } from './statistics.js';

/** Endpoints per round, of Berth and of `ip -batch` alike. */
const ROUND = 50;
const ROUNDS = 4;

interface InsideSamples {
  readonly attach: number[];
  readonly detach: number[];
}

/** Attach and detach inside `packages/network`, beside the same netlink work by `ip -batch` in the same box. */
export async function measureAttach(box: HostInABox, report: Report): Promise<void> {
  const inside = fileURLToPath(new URL('attach-inside.js', import.meta.url));
  const attach: number[] = [];
  const detach: number[] = [];
  const batch: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const printed = await box.host(process.execPath, inside, `${box.folder}/attach${round}`, String(ROUND));
    const samples = JSON.parse(printed) as InsideSamples;
    attach.push(...samples.attach);
    detach.push(...samples.detach);
    batch.push(await byBatch(box));
  }
  report.times('attach in packages/network', attach, 2);
  report.times('detach in packages/network', detach);
  report.times('the same attach by ip -batch', batch);
  report.figure('attach / ip -batch', median(attach) / median(batch), '', 2);
}

/** Milliseconds per endpoint: a veth pair born in two namespaces, its master, up, address, default route. */
async function byBatch(box: HostInABox): Promise<number> {
  const indices = Array.from({ length: ROUND }, (_, index) => index);
  const onHost = indices.flatMap((index) => [
    `link add bv${index} type veth peer name e${index} netns bench`,
    `link set bv${index} master bbr up`,
  ]);
  const inSandbox = indices.flatMap((index) => [
    `link set e${index} up`,
    `addr add 10.99.0.${index + 2}/16 dev e${index}`,
    `route add default via 10.99.0.1 dev e${index} metric ${index + 1}`,
  ]);
  writeFileSync(`${box.folder}/on-host`, `${onHost.join('\n')}\n`);
  writeFileSync(`${box.folder}/in-sandbox`, `${inSandbox.join('\n')}\n`);
  await box.host('ip', 'netns', 'add', 'bench');
  await box.host('ip', 'link', 'add', 'bbr', 'up', 'type', 'bridge');
  const programs = await timed(async () => {
    await box.host('ip', '-batch', '/dev/null');
    await box.host('ip', '-n', 'bench', '-batch', '/dev/null');
  });
  const whole = await timed(async () => {
    await box.host('ip', '-batch', `${box.folder}/on-host`);
    await box.host('ip', '-n', 'bench', '-batch', `${box.folder}/in-sandbox`);
  });
  await box.host('ip', 'netns', 'delete', 'bench');
  await box.host('ip', 'link', 'delete', 'bbr');
  // The start of the two programs is not netlink work.
  return (whole - programs) / ROUND;
}
