import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { NetworkNamespace } from '../namespace/index.js';
import { RouteSocket, addressRequests, linkRequests } from '../rtnetlink/index.js';
import { ConntrackSocket } from './index.js';

const directory = mkdtempSync(join(tmpdir(), 'berth-conntrack-'));
const path = join(directory, 'box');
const box = NetworkNamespace.create(path);
const conntrack = ConntrackSocket.open(box);

afterAll(() => {
  conntrack.close();
  box.close();
  NetworkNamespace.remove(path);
  rmSync(directory, { recursive: true });
});

const run = (...command: string[]): string =>
  execFileSync('nsenter', [`--net=${path}`, ...command], { encoding: 'utf8', stdio: 'pipe' });

{
  using routes = RouteSocket.open(box);
  routes.run(linkRequests.set({ name: 'lo' }, { up: true }));
  const index = routes.link('lo')?.index ?? -1;
  for (const address of ['fd00::1', 'fd00::2'])
    routes.run(addressRequests.add({ index, address, prefixLength: 128, noDuplicateDetection: true }));
}
// A rule that looks at the state is what turns tracking on; 10.9.9.9:53 is led to 10.0.0.3:5353.
run('ip', 'addr', 'add', '10.0.0.1/8', 'dev', 'lo');
run('nft', 'add table inet t');
run('nft', 'add chain inet t out { type filter hook output priority 0; }');
run('nft', 'add rule inet t out ct state new accept');
run('nft', 'add chain inet t nat { type nat hook output priority -100; }');
run('nft', 'add rule inet t nat ip daddr 10.9.9.9 udp dport 53 dnat ip to 10.0.0.3:5353');

/** Sends datagrams to where nobody listens. */
function send(...datagrams: readonly (readonly [from: string, to: string, port: number])[]): void {
  const program = `
    const { createSocket } = require('dgram');
    for (const [from, to, port] of ${JSON.stringify(datagrams)}) {
      const socket = createSocket(from.includes(':') ? 'udp6' : 'udp4');
      socket.bind(0, from, () => socket.send('x', port, to, () => socket.close()));
    }`;
  run(process.execPath, '-e', program);
}

const sources = (family: 'inet' | 'inet6' = 'inet'): string[] =>
  conntrack
    .list({ family, protocol: 'udp' })
    .map(({ original }) => original.source)
    .sort();

const FOUR = [
  ['127.0.0.1', '127.0.0.9', 9],
  ['127.0.0.2', '127.0.0.9', 9],
  ['127.0.0.4', '127.0.0.1', 9],
  ['10.0.0.1', '10.9.9.9', 53],
] as const;
const SIX = [
  ['fd00::1', 'fd00::1', 9],
  ['fd00::2', 'fd00::2', 9],
] as const;

describe('tracked connections', () => {
  beforeEach(() => {
    for (const family of ['inet', 'inet6'] as const)
      for (const entry of conntrack.list({ family })) conntrack.delete(entry);
    send(...FOUR, ...SIX);
  });

  it('are listed with both directions, by family and protocol', () => {
    expect(sources()).toEqual(['10.0.0.1', '127.0.0.1', '127.0.0.2', '127.0.0.4']);
    expect(sources('inet6')).toEqual(['fd00::1', 'fd00::2']);
    expect(conntrack.list({ family: 'inet', protocol: 'tcp' })).toEqual([]);
    const led = conntrack.list({ family: 'inet' }).find(({ original }) => original.source === '10.0.0.1');
    expect(led).toMatchObject({
      original: { family: 'inet', protocol: 17, destination: '10.9.9.9', destinationPort: 53 },
      reply: { source: '10.0.0.3', destination: '10.0.0.1', sourcePort: 5353 },
    });
    // IPS_DST_NAT and IPS_CONFIRMED
    expect((led?.status ?? 0) & 0x28).toBe(0x28);
  });

  it('are deleted one by one, twice without harm', () => {
    const [entry] = conntrack.list({ family: 'inet6' });
    if (entry === undefined) throw new Error('nothing is tracked');
    conntrack.delete(entry);
    conntrack.delete(entry);
    expect(sources('inet6')).toHaveLength(1);
  });

  it('of ICMP are deleted too', () => {
    run('ping', '-c', '1', '127.0.0.1');
    const entries = conntrack.list({ family: 'inet' }).filter(({ original }) => original.protocol === 1);
    expect(entries).toMatchObject([{ original: { icmp: { type: 8, code: 0 } } }]);
    for (const entry of entries) conntrack.delete(entry);
    expect(conntrack.list({ family: 'inet' }).some(({ original }) => original.protocol === 1)).toBe(false);
  });

  it('of an address are deleted: what came from it, what went to it, and nothing else', async () => {
    conntrack.deleteOf('127.0.0.1');
    expect(sources()).toEqual(['10.0.0.1', '127.0.0.2']);
    expect(sources('inet6')).toHaveLength(2);
    // Led there by NAT.
    await conntrack.deleteOfAsync('10.0.0.3');
    expect(sources()).toEqual(['127.0.0.2']);
    conntrack.deleteOf('127.0.0.77');
    expect(sources()).toEqual(['127.0.0.2']);
  });

  it('of an address of IPv6 are deleted, and those of other addresses stay', async () => {
    conntrack.deleteOf('fd00:0::1');
    expect(sources('inet6')).toEqual(['fd00::2']);
    await conntrack.deleteOfAsync('fd00::3');
    expect(sources('inet6')).toEqual(['fd00::2']);
    await conntrack.deleteOfAsync('fd00::2');
    expect(sources('inet6')).toEqual([]);
    expect(sources()).toHaveLength(4);
  });

  it('of an address of IPv6 are found among more than one answer of the kernel holds', async () => {
    const many = Array.from({ length: 300 }, (_, at) => ['fd00::1', 'fd00::1', 1000 + at] as const);
    send(...many);
    expect(sources('inet6')).toHaveLength(302);
    // What overlaps waits, and what is asked for meanwhile is answered.
    const both = [conntrack.deleteOfAsync('fd00::1'), conntrack.deleteOfAsync('127.0.0.1')];
    expect(sources('inet6').length).toBeGreaterThan(0);
    await Promise.all(both);
    expect(sources('inet6')).toEqual(['fd00::2']);
    expect(sources()).toEqual(['10.0.0.1', '127.0.0.2']);
  });

  it('are not deleted by what is no address', async () => {
    expect(() => conntrack.deleteOf('nowhere')).toThrow('"nowhere" is no IP address');
    await expect(conntrack.deleteOfAsync('nowhere')).rejects.toThrow('"nowhere" is no IP address');
    expect(sources()).toHaveLength(4);
  });
});

describe('a socket that is closed', () => {
  it('ends what was asked for before, and refuses more', async () => {
    send(['127.0.0.5', '127.0.0.9', 9]);
    const socket = ConntrackSocket.open(box);
    const under = socket.deleteOfAsync('127.0.0.5');
    socket.close();
    socket.close();
    await under;
    expect(sources()).not.toContain('127.0.0.5');
    expect(() => socket.list({ family: 'inet' })).toThrow('the netlink socket is closed');
    await expect(socket.deleteOfAsync('127.0.0.5')).rejects.toThrow('is closed');
  });
});
