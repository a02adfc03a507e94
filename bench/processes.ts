import { dockerProgram, type HostInABox } from '@berth/tests/box';
import type { Report } from './report.js';
import { median, timed } from './statistics.js';

/** Commands as whole processes, interleaved, beside an empty run of Node. */
export async function measureProcesses(box: HostInABox, report: Report): Promise<void> {
  const times: Record<'berthRun' | 'dockerRun' | 'version' | 'empty', number[]> = {
    berthRun: [],
    dockerRun: [],
    version: [],
    empty: [],
  };
  const run = ['run', '-d', 'busybox', 'sleep', '600'];
  for (let round = 0; round < 20; round++) {
    times.empty.push(await timed(() => box.host(process.execPath, '-e', '0')));
    times.version.push(await timed(() => box.berth('version')));
    times.berthRun.push(await timed(() => box.berth(...run)));
    times.dockerRun.push(await timed(() => box.host(dockerProgram(), ...run)));
    const ids = (await box.berth('ps', '-q')).split('\n');
    await box.berth('rm', '-f', ...ids);
  }
  report.times('berth run -d, whole process', times.berthRun, 120);
  report.times('docker run -d, whole process', times.dockerRun, 70);
  report.times('berth version, whole process', times.version);
  report.times('node -e 0, whole process', times.empty);
  report.figure('berth version / node -e 0', median(times.version) / median(times.empty), '', 1.5);
}
