import { writeFileSync } from 'node:fs';
import type { HostInABox } from '@berth/tests/box';
import type { Report } from './report.js';

/** Queries per second for known names, by dnsperf in the network of a container. */
export async function measureNames(box: HostInABox, report: Report): Promise<void> {
  await box.berth('network', 'create', 'named');
  const names = Array.from({ length: 10 }, (_, index) => `name${index}`);
  for (const name of names)
    await box.berth('run', '-d', '--name', name, '--network', 'named', 'busybox', 'sleep', '600');
  const queries = `${box.folder}/queries`;
  writeFileSync(queries, names.map((name) => `${name} A\n`).join(''));
  const dnsperf = ['dnsperf', '-s', '127.0.0.11', '-d', queries, '-l', '5', '-c', '4', '-q', '200'];
  const printed = await box.berth('nsexec', 'name0', '--', ...dnsperf);
  const rate = /Queries per second:\s+([\d.]+)/.exec(printed)?.[1];
  const lost = /Queries lost:\s+(\d+)/.exec(printed)?.[1];
  report.figure('name queries per second', Number(rate), '/s', 80_000, 'at least');
  report.figure('name queries lost', Number(lost), '');
  await box.berth('rm', '-f', ...names);
  await box.berth('network', 'rm', 'named');
}
