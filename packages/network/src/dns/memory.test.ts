import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { silentLogger } from '@berth/core';
import { bindSocket } from '@berth/kernel';
import { afterEach, expect, it } from 'vitest';
import { BoundedWarning } from './bounded-warning.js';
import { Records } from './records.js';
import { Responder } from './responder.js';
import { SandboxState } from './sandbox-state.js';
import { TcpServer } from './server-tcp.js';
import { UdpServer } from './server-udp.js';
import type { SharedParts } from './shared-parts.js';
import { Opened, askTcp, askUdp, newForwarder } from './upstream.fixture.js';
import { queryBytes } from './mutate.fixture.js';

const SANDBOXES = 1000;
/** Bytes that a sandbox may cost the daemon. */
const LIMIT = 30 * 1024;
const opened = new Opened();

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

afterEach(() => opened.close());

/** Bytes in use, of objects and of buffers, and resident pages. */
function memory() {
  collect();
  const { heapUsed, external, rss } = process.memoryUsage();
  return { used: heapUsed + external, rss };
}

function sharedParts(records: Records): SharedParts {
  const warnings = new BoundedWarning(silentLogger);
  return { responder: new Responder(records), forwarder: newForwarder(), warnings };
}

function record(index: number) {
  const id = String(index);
  return {
    endpointId: `e${id.padStart(63, '0')}`,
    networkId: 'n1'.padEnd(64, '0'),
    networkName: 'front',
    sandboxId: `s${id.padStart(63, '0')}`,
    names: [`project-service-${id}`, 'service', id.padStart(12, '0')],
    ipv4: `10.1.${String(index >> 8)}.${String(index & 255)}`,
    ipv6: `fd00::${index.toString(16)}`,
  };
}

/** Opens a sandbox without a namespace, and gives the ports that it answers at: UDP, TCP. */
async function open(index: number, shared: SharedParts): Promise<[number, number]> {
  const state = new SandboxState(record(index).sandboxId, [], true);
  const at = { address: '127.0.0.1', port: 0 } as const;
  const udp = bindSocket({ protocol: 'udp', ...at });
  const tcp = bindSocket({ protocol: 'tcp', ...at, listen: 128 });
  const servers = [await UdpServer.open(udp.fd, state, shared), await TcpServer.open(tcp.fd, state, shared)];
  opened.add(() => Promise.all(servers.map((server) => server.close())));
  return [udp.port, tcp.port];
}

async function askEach(ports: readonly (readonly [number, number])[]): Promise<void> {
  const query = queryBytes('project-service-0');
  for (const [udp, tcp] of ports) {
    for (const { answer } of [await askUdp(udp, query), await askTcp(tcp, query)]) {
      expect(answer.readUInt16BE(6)).toBe(1);
    }
  }
}

it('1,000 sandboxes with their sockets and names cost less than 30 KiB each, asked or not', async () => {
  const records = new Records();
  const shared = sharedParts(records);
  // What clients cost, which are of this process too, is paid before.
  records.set(record(0));
  const first = await open(0, shared);
  await askEach(Array.from({ length: SANDBOXES }, () => first));
  const start = memory();
  for (let index = 1; index <= SANDBOXES; index++) records.set(record(index));
  const named = memory();
  const ports: [number, number][] = [];
  for (let index = 1; index <= SANDBOXES; index++) ports.push(await open(index, shared));
  const listening = memory();
  await askEach(ports);
  const asked = memory();
  const each = (from: typeof start, to: typeof start) => ({
    used: Math.round((to.used - from.used) / SANDBOXES),
    rss: Math.round((to.rss - from.rss) / SANDBOXES),
  });
  const report = {
    names: each(start, named),
    sockets: each(named, listening),
    questions: each(listening, asked),
    all: each(start, asked),
  };
  console.log(`name service, bytes a sandbox: ${JSON.stringify(report)}`);
  expect(report.all.used).toBeLessThan(LIMIT);
  // Pages after questions are those of clients and of garbage too.
  expect(report.names.rss + report.sockets.rss).toBeLessThan(LIMIT);
});

it('1,000 idle sandboxes cost no CPU', async () => {
  const shared = sharedParts(new Records());
  for (let index = 0; index < SANDBOXES; index++) {
    const { fd } = bindSocket({ protocol: 'udp', address: '127.0.0.1', port: 0 });
    const server = await UdpServer.open(fd, new SandboxState(String(index), [], true), shared);
    opened.add(() => server.close());
  }
  collect();
  const before = process.cpuUsage();
  await new Promise((resolve) => setTimeout(resolve, 500));
  const { user, system } = process.cpuUsage(before);
  expect((user + system) / 1000).toBeLessThan(50);
});
