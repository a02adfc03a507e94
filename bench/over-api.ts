import type { HostInABox } from '@berth/tests/box';
import { ApiClient } from './api-client.js';
import type { Report } from './report.js';
import { median, timed } from './statistics.js';

/** Rounds that are not counted: a daemon that has just started compiles what it runs for the first time. */
const WARM_UP = 10;

const sleeper = (networkMode: string) => ({
  Image: 'busybox',
  Cmd: ['sleep', '600'],
  HostConfig: { NetworkMode: networkMode },
});

/** Networks, connections and starts, as a client of the API sees them. */
export async function measureOverApi(box: HostInABox, report: Report): Promise<void> {
  const api = new ApiClient(`/proc/${box.hostPid}/root/run/berth/berth.sock`);
  try {
    await networks(api, report);
    await connections(api, report);
    await starts(api, report);
  } finally {
    api.close();
  }
}

async function networks(api: ApiClient, report: Report): Promise<void> {
  let creations: number[] = [];
  let removals: number[] = [];
  for (let round = -WARM_UP; round < 20; round++) {
    if (round === 0) [creations, removals] = [[], []];
    const name = `bench${round + WARM_UP}`;
    creations.push(await timed(() => api.call('POST', '/networks/create', { Name: name })));
    removals.push(await timed(() => api.call('DELETE', `/networks/${name}`)));
  }
  report.times('network create over the API', creations, 5);
  report.times('network remove over the API', removals);
}

async function connections(api: ApiClient, report: Report): Promise<void> {
  await api.call('POST', '/networks/create', { Name: 'bench' });
  const names = Array.from({ length: 50 }, (_, index) => `connected${index}`);
  for (const name of names) {
    await api.call('POST', `/containers/create?name=${name}`, sleeper('none'));
    await api.call('POST', `/containers/${name}/start`);
    await api.call('POST', '/networks/none/disconnect', { Container: name });
  }
  const connect = (name: string) => api.call('POST', '/networks/bench/connect', { Container: name });
  const disconnect = (name: string) => api.call('POST', '/networks/bench/disconnect', { Container: name });
  let connects: number[] = [];
  let disconnects: number[] = [];
  for (const [round, name] of [...names.slice(0, WARM_UP), ...names].entries()) {
    if (round === WARM_UP) [connects, disconnects] = [[], []];
    connects.push(await timed(() => connect(name)));
    disconnects.push(await timed(() => disconnect(name)));
  }
  report.times('connect over the API', connects, 3);
  report.times('disconnect over the API', disconnects, 30);
  const together: number[] = [];
  for (let round = 0; round < 3; round++) {
    for (const name of names) await connect(name);
    together.push(await timed(() => Promise.all(names.map(disconnect))));
  }
  report.times('50 disconnects at once', together, 120);
  for (const name of names) await api.call('DELETE', `/containers/${name}?force=1`);
  await api.call('DELETE', '/networks/bench');
}

async function starts(api: ApiClient, report: Report): Promise<void> {
  const samples: Record<string, number[]> = { bridge: [], none: [] };
  for (let round = 0; round < 20; round++) {
    for (const [network, times] of Object.entries(samples)) {
      const name = `started-${network}-${round}`;
      times.push(
        await timed(async () => {
          await api.call('POST', `/containers/create?name=${name}`, sleeper(network));
          await api.call('POST', `/containers/${name}/start`);
        }),
      );
      await api.call('DELETE', `/containers/${name}?force=1`);
    }
  }
  const { bridge = [], none = [] } = samples;
  report.times('create + start over the API, on bridge', bridge);
  report.times('create + start over the API, on none', none);
  report.figure('what bridge adds to a start', median(bridge) - median(none), 'ms', 6);
}
