import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { OUTSIDE_ADDRESS, OUTSIDE_NAMES, output, type BoxedDaemon, type HostInABox } from '@berth/tests/box';
import { ApiClient } from './api-client.js';
import { placeOf } from './containers.js';
import type { SteadyResult } from './dns-client.js';
import type { Report } from './report.js';
import { Server } from './servers.js';
import { median, ratio } from './statistics.js';

const NAME_SERVICE = '127.0.0.11';
const BARE = '127.0.0.1';
const BARE_PORT = 5353;
/** Runs by turns, ours and bare: the speed of a machine wanders from second to second. */
const ROUNDS = 5;
/** Questions per second at which latency is measured, and how long each run lasts. */
const RATE = 20_000;
const SECONDS = 1;
/** Questions to each server, one after the other. */
const SEQUENTIAL = 2000;
/** Clock ticks per second in /proc/PID/stat: USER_HZ, which is 100 on all architectures of today (proc(5)). */
const USER_HZ = 100;

/** How many names are answered, and how fast, beside a server in Node that only sends back what comes. */
export async function measureNames(box: HostInABox, daemon: BoxedDaemon, report: Report): Promise<void> {
  const api = new ApiClient(`/proc/${box.hostPid}/root/run/berth/berth.sock`);
  try {
    await box.berth('network', 'create', 'named');
    const names = Array.from({ length: 10 }, (_, index) => `name${index}`);
    for (const name of names) await sleeper(box, name);
    await sleeper(box, 'own', '--dns', OUTSIDE_ADDRESS);
    const inside = await prefixOf(box, api, 'name0');
    const bare = await Server.start([...inside, ...script('dns-echo'), BARE, String(BARE_PORT)], 'listening');
    await throughput(box, daemon, report, inside, names);
    await latency(report, inside);
    await bare.stop();
    await forwarding(report, 'the host’s resolver', inside);
    await forwarding(report, 'a container’s own server', await prefixOf(box, api, 'own'));
    await box.berth('rm', '-f', ...names, 'own');
    await box.berth('network', 'rm', 'named');
  } finally {
    api.close();
  }
}

async function sleeper(box: HostInABox, name: string, ...flags: string[]): Promise<void> {
  await box.berth('run', '-d', '--name', name, '--network', 'named', ...flags, 'busybox', 'sleep', '600');
}

/** What has a program of the host run in a container's network. */
async function prefixOf(box: HostInABox, api: ApiClient, name: string): Promise<string[]> {
  const { sandboxPath } = await placeOf(api, name);
  return [...box.hostPrefix, 'nsenter', `--net=${sandboxPath}`, '--'];
}

interface Perf {
  readonly rate: number;
  readonly completed: number;
  readonly lost: number;
}

/**
 * Queries per second for known names. There are 100 under way, as dnsperf has it by default: one socket's queue in the
 * kernel takes 193 (at net.core.rmem_default of 212,992 bytes). Of 200 under way 7 are lost as soon as the server pauses:
 * dnsperf waits for them to its end, so that no more than 193 are under way from then on.
 */
async function throughput(
  box: HostInABox,
  daemon: BoxedDaemon,
  report: Report,
  inside: readonly string[],
  names: readonly string[],
): Promise<void> {
  const queries = `${box.folder}/queries`;
  writeFileSync(queries, names.map((name) => `${name} A\n`).join(''));
  const perf = async (address: string, port: number): Promise<Perf> => {
    const command = ['dnsperf', '-s', address, '-p', String(port), '-d', queries, '-l', '1', '-c', '4'];
    const printed = await output([...inside, ...command, '-q', '100']);
    const value = (label: string): number =>
      Number(new RegExp(`${label}:\\s+([\\d.]+)`).exec(printed)?.[1] ?? Number.NaN);
    return {
      rate: value('Queries per second'),
      completed: value('Queries completed'),
      lost: value('Queries lost'),
    };
  };
  const ours: Perf[] = [];
  const bare: Perf[] = [];
  const perCore: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const before = cpuSeconds(daemon.pid);
    const result = await perf(NAME_SERVICE, 53);
    ours.push(result);
    perCore.push(result.completed / (cpuSeconds(daemon.pid) - before));
    bare.push(await perf(BARE, BARE_PORT));
  }
  const rates = ours.map(({ rate }) => rate);
  const bareRates = bare.map(({ rate }) => rate);
  report.figure('names per second', median(rates), '/s');
  report.figure('names per second of the daemon’s CPU time', median(perCore), '/s', 100_000, 'at least');
  report.figure('names per second, bare server in Node', median(bareRates), '/s');
  report.figure('names per second / bare server', ratio(rates, bareRates), '', 0.8, 'at least');
  const lost = ours.reduce((sum, result) => sum + result.lost, 0);
  if (lost > 0) report.figure('names lost', lost, '', 0);
}

/** User and system time of a process in seconds, its fields 14 and 15 of /proc/PID/stat (proc(5)). */
function cpuSeconds(pid: number): number {
  const [, fields = ''] = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ');
  const [user, system] = fields.split(' ').slice(11, 13).map(Number);
  return ((user ?? Number.NaN) + (system ?? Number.NaN)) / USER_HZ;
}

/** Round trips at a steady rate; most of what the bare server's take is the client's sleep and the machine's doing. */
async function latency(report: Report, inside: readonly string[]): Promise<void> {
  const steady = async (address: string, port: number): Promise<SteadyResult> => {
    const args = ['steady', 'name1', address, String(port), String(RATE), String(SECONDS)];
    return JSON.parse(await output([...inside, ...script('dns-client'), ...args])) as SteadyResult;
  };
  const ours: SteadyResult[] = [];
  const bare: SteadyResult[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    ours.push(await steady(NAME_SERVICE, 53));
    bare.push(await steady(BARE, BARE_PORT));
  }
  const of = (results: readonly SteadyResult[], key: keyof SteadyResult): number =>
    median(results.map((result) => result[key]));
  const at = `name at ${RATE}/s`;
  report.figure(`${at}: sent`, of(ours, 'perSecond'), '/s');
  report.figure(`${at}: round trip`, of(ours, 'median'), 'ms');
  report.figure(`${at}: round trip, bare server`, of(bare, 'median'), 'ms');
  report.figure(`${at}: p99`, of(ours, 'p99'), 'ms', 1);
  report.figure(`${at}: p99, bare server`, of(bare, 'p99'), 'ms');
  report.figure(`${at}: p99, more than bare`, of(ours, 'p99') - of(bare, 'p99'), 'ms');
  const lost = ours.reduce((sum, result) => sum + result.lost, 0);
  if (lost > 0) report.figure(`${at}: lost`, lost, '', 0);
}

/** What it costs that a question takes the way through the name service, and not the straight one. */
async function forwarding(report: Report, whose: string, inside: readonly string[]): Promise<void> {
  const name = OUTSIDE_NAMES[1] ?? '';
  const args = ['by-turns', name, String(SEQUENTIAL), NAME_SERVICE, OUTSIDE_ADDRESS];
  const printed = await output([...inside, ...script('dns-client'), ...args]);
  const [forwarded = Number.NaN, direct = Number.NaN] = JSON.parse(printed) as number[];
  report.figure(`forwarded to ${whose}`, forwarded, 'ms');
  report.figure(`forwarded to ${whose}, asked directly`, direct, 'ms');
  report.figure(`forwarded to ${whose}, more than directly`, forwarded - direct, 'ms', 0.2);
}

function script(name: string): string[] {
  return [process.execPath, fileURLToPath(new URL(`${name}.js`, import.meta.url))];
}
