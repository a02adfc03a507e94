import { HOST_ADDRESS, output, run, type HostInABox } from '@berth/tests/box';
import { ApiClient } from './api-client.js';
import { bareRouter, bareSwitch, removeBarePaths, type Path } from './bare-path.js';
import { placeOf } from './containers.js';
import type { Report } from './report.js';
import { Server, clientCommand, startEcho } from './servers.js';
import { median, ratio } from './statistics.js';

/** Many short runs by turns rather than few long ones: the speed of a machine wanders from second to second. */
const ROUNDS = 9;
const SECONDS = 1;
const IPERF_PORT = 5201;
const ECHO_PORT = 5202;
const PORTS = [IPERF_PORT, ECHO_PORT];

/** Throughput and latency of containers, beside the same path without Berth in the same run. */
export async function measureTraffic(box: HostInABox, report: Report): Promise<void> {
  const hasIperf = (await run(['sh', '-c', 'command -v iperf3'])).status === 0;
  if (!hasIperf) report.note('throughput', 'skipped: there is no iperf3 in PATH');
  const api = new ApiClient(`/proc/${box.hostPid}/root/run/berth/berth.sock`);
  try {
    await box.berth('network', 'create', 'traffic');
    const left = await container(box, api, 'left', '--network', 'traffic');
    const right = await container(box, api, 'right', '--network', 'traffic');
    const published = await container(box, api, 'published', ...PORTS.flatMap((p) => ['-p', `${p}:${p}`]));
    const outside = ['nsenter', '-t', String(box.outsidePid), '--net', '--'];
    await compare(report, 'container to container', hasIperf, {
      berth: { ...right, client: left.server },
      bare: await bareSwitch(box),
    });
    await compare(report, 'outside to published port', hasIperf, {
      berth: { client: outside, server: published.server, address: HOST_ADDRESS },
      bare: await bareRouter(box, PORTS),
    });
    await box.berth('rm', '-f', 'left', 'right', 'published');
    await box.berth('network', 'rm', 'traffic');
  } finally {
    api.close();
    await removeBarePaths(box);
  }
}

async function container(
  box: HostInABox,
  api: ApiClient,
  name: string,
  ...options: string[]
): Promise<Omit<Path, 'client'>> {
  await box.berth('run', '-d', '--name', name, ...options, 'busybox', 'sleep', '600');
  const { sandboxPath, address } = await placeOf(api, name);
  return { server: [...box.hostPrefix, 'nsenter', `--net=${sandboxPath}`, '--'], address };
}

type Pair<T> = Readonly<Record<'berth' | 'bare', T>>;

async function compare(report: Report, what: string, hasIperf: boolean, paths: Pair<Path>): Promise<void> {
  if (hasIperf) {
    const rates = await byTurns(paths, startIperf, throughput);
    report.figure(`${what}: throughput`, median(rates.berth), 'Gbit/s');
    report.figure(`${what}: throughput, bare`, median(rates.bare), 'Gbit/s');
    report.figure(`${what}: throughput / bare`, ratio(rates.berth, rates.bare), '', 0.97, 'at least');
  }
  const times = await byTurns(paths, (path) => startEcho(path.server, ECHO_PORT), roundTrip);
  report.figure(`${what}: round trip`, median(times.berth), 'µs');
  report.figure(`${what}: round trip, bare`, median(times.bare), 'µs');
  report.figure(`${what}: bare / round trip`, ratio(times.bare, times.berth), '', 0.97, 'at least');
}

/** Measures both by turns, with their servers running: what else the machine does meets both alike. */
async function byTurns(
  paths: Pair<Path>,
  serve: (path: Path) => Promise<Server>,
  measure: (path: Path) => Promise<number>,
): Promise<Pair<number[]>> {
  const samples: Pair<number[]> = { berth: [], bare: [] };
  const servers = await Promise.all([serve(paths.berth), serve(paths.bare)]);
  for (let round = 0; round < ROUNDS; round++) {
    samples.berth.push(await measure(paths.berth));
    samples.bare.push(await measure(paths.bare));
  }
  for (const server of servers) await server.stop();
  return samples;
}

function startIperf({ server }: Path): Promise<Server> {
  return Server.start([...server, 'iperf3', '-s', '--forceflush', '-p', String(IPERF_PORT)], 'listening');
}

/** What the receiver gets of one stream of TCP, in Gbit/s (10⁹ bits). */
async function throughput({ client, address }: Path): Promise<number> {
  const command = ['iperf3', '-J', '-c', address, '-p', String(IPERF_PORT), '-t', String(SECONDS)];
  const printed = await output([...client, ...command]);
  const result = JSON.parse(printed) as { end: { sum_received: { bits_per_second: number } } };
  return result.end.sum_received.bits_per_second / 1e9;
}

/** Median round trip of a byte in microseconds. */
async function roundTrip({ client, address }: Path): Promise<number> {
  return Number(await output(clientCommand(client, 'ping-pong', address, ECHO_PORT, SECONDS)));
}
