import { HOST_ADDRESS, boxProcesses, output, type BoxedDaemon, type HostInABox } from '@berth/tests/box';
import { ApiClient } from './api-client.js';
import { placeOf } from './containers.js';
import { openDescriptors, residentMegabytes } from './daemon-size.js';
import type { Report } from './report.js';
import { clientCommand, startEcho } from './servers.js';
import { median, ratio, timed } from './statistics.js';

/** Containers of each kind, by turns with one of a single port. */
const ROUNDS = 5;
/** No further round of a kind once it has taken so many milliseconds. */
const ENOUGH = 20_000;
const CONNECTION_SECONDS = 1;

/** Ports from `first` on, each `step` from the one before; the same ones of the host and of the container. */
interface Published {
  readonly what: string;
  readonly first: number;
  readonly count: number;
  readonly step: number;
}

const ONE: Published = { what: '1 port', first: 20_000, count: 1, step: 1 };
const MANY: readonly Published[] = [
  { what: '1,000 ports', first: 20_000, count: 1000, step: 1 },
  { what: '1,000 separate ports', first: 20_000, count: 1000, step: 2 },
  { what: '10,000 ports', first: 20_000, count: 10_000, step: 1 },
  { what: '60,000 ports', first: 1025, count: 60_000, step: 1 },
];

/** What is seen of one container, from its creation to its removal. */
interface Life {
  /** Milliseconds of creation and start. */
  readonly start: number;
  readonly removal: number;
  /** New connections per second, from the outside machine to the last one of its ports. */
  readonly connections: number;
  /** Resident megabytes of the daemon before its start, after it, and after an inspect, which lists all ports. */
  readonly before: number;
  readonly started: number;
  readonly inspected: number;
  /** Of the daemon, while the container runs. */
  readonly descriptors: number;
  /** All processes of the host. */
  readonly processes: number;
}

type Bindings = Readonly<Record<string, readonly { HostPort: string }[]>>;

/** What many published ports cost, beside a container with one. */
export async function measurePorts(box: HostInABox, daemon: BoxedDaemon, report: Report): Promise<void> {
  const api = new ApiClient(`/proc/${box.hostPid}/root/run/berth/berth.sock`);
  try {
    const ranges = await takesRanges(api);
    const live = (published: Published) => liveOnce(box, daemon, api, published, ranges);
    for (let round = 0; round < ROUNDS; round++) await live(ONE);
    const ones: Life[] = [];
    for (const published of MANY) {
      const neighbours: Life[] = [];
      const lives: Life[] = [];
      const began = performance.now();
      try {
        while (lives.length < ROUNDS && performance.now() - began < ENOUGH) {
          neighbours.push(await live(ONE));
          lives.push(await live(published));
        }
      } catch (error) {
        report.note(published.what, `failed: ${String(error).slice(0, 300)}`);
        continue;
      } finally {
        ones.push(...neighbours);
      }
      reportMany(report, published.what, lives, neighbours, ones);
    }
    report.times('1 port: create + start', of(ones, 'start'));
    report.times('1 port: removal', of(ones, 'removal'));
    report.figure('1 port: new connections', median(of(ones, 'connections')), '/s');
  } finally {
    api.close();
  }
}

function reportMany(
  report: Report,
  what: string,
  lives: readonly Life[],
  neighbours: readonly Life[],
  ones: readonly Life[],
): void {
  const more = (key: keyof Life): number => median(of(lives, key)) - median(of(neighbours, key));
  report.figure(`${what}: start, more than with 1`, more('start'), 'ms');
  report.figure(`${what}: removal, more than with 1`, more('removal'), 'ms');
  // The heap keeps what it has grown to: what counts is the first start, then the most above the very beginning.
  const [first] = lives;
  const growth = (first?.started ?? Number.NaN) - (first?.before ?? Number.NaN);
  report.figure(`${what}: daemon's memory, growth by the first start`, growth, 'MB');
  const most = Math.max(...of(lives, 'inspected')) - (ones[0]?.before ?? Number.NaN);
  report.figure(`${what}: daemon's memory, growth after inspects`, most, 'MB');
  report.figure(`${what}: daemon's descriptors, more than with 1`, more('descriptors'), '');
  report.figure(`${what}: processes, more than with 1`, more('processes'), '');
  const rates = ratio(of(lives, 'connections'), of(neighbours, 'connections'));
  report.figure(`${what}: new connections / those with 1`, rates, '', 0.95, 'at least');
}

function of(lives: readonly Life[], key: keyof Life): number[] {
  return lives.map((life) => life[key]);
}

async function liveOnce(
  box: HostInABox,
  daemon: BoxedDaemon,
  api: ApiClient,
  published: Published,
  ranges: boolean,
): Promise<Life> {
  const name = 'publisher';
  const body = container(ranges ? bindings(published) : separateBindings(published));
  try {
    const before = residentMegabytes(daemon.pid);
    const start = await timed(async () => {
      await api.call('POST', `/containers/create?name=${name}`, body);
      await api.call('POST', `/containers/${name}/start`);
    });
    const started = residentMegabytes(daemon.pid);
    const { sandboxPath } = await placeOf(api, name);
    const port = published.first + (published.count - 1) * published.step;
    const prefix = [...box.hostPrefix, 'nsenter', `--net=${sandboxPath}`, '--'];
    const server = await startEcho(prefix, port);
    const outside = ['nsenter', '-t', String(box.outsidePid), '--net', '--'];
    const client = clientCommand(outside, 'connections', HOST_ADDRESS, port, CONNECTION_SECONDS);
    const connections = Number(await output(client));
    await server.stop();
    const inspected = residentMegabytes(daemon.pid);
    const descriptors = openDescriptors(daemon.pid);
    const processes = boxProcesses(box).length;
    const removal = await timed(() => api.call('DELETE', `/containers/${name}?force=1`));
    return { start, removal, connections, before, started, inspected, descriptors, processes };
  } catch (error) {
    await api.call('DELETE', `/containers/${name}?force=1`).catch(() => undefined);
    throw error;
  }
}

/** Whether the daemon takes a range of ports as one key. */
async function takesRanges(api: ApiClient): Promise<boolean> {
  const body = container(bindings({ what: 'a range', first: 20_000, count: 2, step: 1 }));
  try {
    await api.call('POST', '/containers/create?name=range', body);
  } catch {
    return false;
  }
  await api.call('DELETE', '/containers/range');
  return true;
}

function container(portBindings: Bindings): object {
  return {
    Image: 'busybox',
    Cmd: ['sleep', '600'],
    ExposedPorts: Object.fromEntries(Object.keys(portBindings).map((key) => [key, {}])),
    HostConfig: { PortBindings: portBindings },
  };
}

function bindings(published: Published): Bindings {
  const { first, count, step } = published;
  if (step > 1 || count === 1) return separateBindings(published);
  const range = `${first}-${first + count - 1}`;
  return { [`${range}/tcp`]: [{ HostPort: range }] };
}

function separateBindings({ first, count, step }: Published): Bindings {
  const ports = Array.from({ length: count }, (_, index) => String(first + index * step));
  return Object.fromEntries(ports.map((port) => [`${port}/tcp`, [{ HostPort: port }]]));
}
