import { readFileSync, readdirSync } from 'node:fs';
import { dockerProgram, type BoxedDaemon, type HostInABox } from '@berth/tests/box';
import { ApiClient } from './api-client.js';
import { residentMegabytes } from './daemon-size.js';
import type { Report } from './report.js';
import { timed } from './statistics.js';

const TOGETHER = 40;
const LOG_LINES = 1_000_000;

/** Many containers at once, commands in them, and what they say, as the `docker` command and its users see them. */
export async function measureMany(box: HostInABox, daemon: BoxedDaemon, report: Report): Promise<void> {
  const api = new ApiClient(`/proc/${box.hostPid}/root/run/berth/berth.sock`);
  try {
    await together(api, daemon, report);
    await commands(box, report);
    await logs(box, report);
  } finally {
    api.close();
  }
}

async function together(api: ApiClient, daemon: BoxedDaemon, report: Report): Promise<void> {
  const names = Array.from({ length: TOGETHER }, (_, index) => `many${index}`);
  const starts: number[] = [];
  const removals: number[] = [];
  const sizes: number[] = [];
  for (let round = 0; round < 4; round++) {
    const before = residentMegabytes(daemon.pid);
    const start = async (name: string) => {
      await api.call('POST', `/containers/create?name=${name}`, { Image: 'busybox', Cmd: ['sleep', '600'] });
      await api.call('POST', `/containers/${name}/start`);
    };
    starts.push(await timed(() => Promise.all(names.map(start))));
    const monitors = await proportionalMegabytes(api, names);
    sizes.push((residentMegabytes(daemon.pid) - before + monitors) / TOGETHER);
    const remove = (name: string) => api.call('DELETE', `/containers/${name}?force=1`);
    removals.push(await timed(() => Promise.all(names.map(remove))));
  }
  report.times(`${TOGETHER} × create + start at once, over the API`, starts, 1600);
  report.times(`${TOGETHER} × remove at once, over the API`, removals);
  report.figure('memory of a running container in daemon and conmon', Math.max(...sizes.slice(1)), 'MB', 2.5);
}

/** What the parents of these containers, their monitors, have of the memory: each shared page counts in parts. */
async function proportionalMegabytes(api: ApiClient, names: readonly string[]): Promise<number> {
  let sum = 0;
  for (const name of names) {
    const { State } = await api.call<{ State: { Pid: number } }>('GET', `/containers/${name}/json`);
    const parent = /^PPid:\s+(\d+)$/m.exec(readFileSync(`/proc/${State.Pid}/status`, 'utf8'))?.[1] ?? '';
    if (!readdirSync('/proc').includes(parent)) continue;
    const rollup = readFileSync(`/proc/${parent}/smaps_rollup`, 'utf8');
    sum += (Number(/^Pss:\s+(\d+) kB$/m.exec(rollup)?.[1]) * 1024) / 1e6;
  }
  return sum;
}

async function commands(box: HostInABox, report: Report): Promise<void> {
  const docker = (...words: string[]) => box.host(dockerProgram(), ...words);
  const times: Record<'run' | 'exec' | 'version', number[]> = { run: [], exec: [], version: [] };
  await docker('run', '-d', '--name', 'commanded', 'busybox', 'sleep', '600');
  for (let round = 0; round < 20; round++) {
    times.version.push(await timed(() => docker('version')));
    times.run.push(await timed(() => docker('run', '--rm', 'busybox', 'true')));
    times.exec.push(await timed(() => docker('exec', 'commanded', 'true')));
  }
  await docker('rm', '-f', 'commanded');
  report.times('docker run --rm busybox true, whole process', times.run, 110);
  report.times('docker exec true, whole process', times.exec, 45);
  report.times('docker version, whole process', times.version);
}

async function logs(box: HostInABox, report: Report): Promise<void> {
  const docker = (...words: string[]) => box.host(dockerProgram(), ...words);
  await docker('run', '--name', 'talking', 'busybox', 'seq', String(LOG_LINES));
  const times: number[] = [];
  for (let round = 0; round < 3; round++)
    times.push(await timed(() => box.host('sh', '-c', `${dockerProgram()} logs talking >/dev/null`)));
  await docker('rm', 'talking');
  report.times(`docker logs of ${LOG_LINES / 1e6} million lines, whole process`, times);
}
