import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Store, newId, silentLogger } from '@berth/core';
import koffi from 'koffi';
import type { NetworkOptions } from './manager/options.js';
import type { NetworkManager } from './manager/network-manager.js';
import type { EndpointSpec, PortSpec, SandboxId, SandboxSpec } from './model.js';

/** include/uapi/linux/sched.h */
const CLONE_NEWNET = 0x40000000;

/**
 * Moves this test process, and so what it starts, into a network namespace of its own, which plays the host; an outside
 * machine is joined to it (host 198.51.100.1, outside 198.51.100.2).
 */
export class Box {
  readonly folder = mkdtempSync(join(tmpdir(), 'berth-network-'));
  readonly store: Store;
  readonly #children: ChildProcess[] = [];
  readonly #outside: number;

  constructor() {
    const unshare = koffi.load('libc.so.6').func('int unshare(int flags)') as (flags: number) => number;
    if (unshare(CLONE_NEWNET) !== 0) throw new Error('these tests need root: unshare failed');
    this.store = Store.open(join(this.folder, 'berth.db'));
    const outside = spawn('unshare', ['-n', 'sleep', '600']);
    this.#children.push(outside);
    this.#outside = outside.pid ?? 0;
    run('ip', 'link', 'set', 'lo', 'up');
    const home = run('readlink', '/proc/self/ns/net');
    for (
      let tries = 0;
      run('readlink', `/proc/${this.#outside}/ns/net`) === home && tries < 100;
      tries += 1
    ) {
      run('sleep', '0.02');
    }
    run(
      'ip',
      'link',
      'add',
      'uplink',
      'type',
      'veth',
      'peer',
      'name',
      'uplink',
      'netns',
      String(this.#outside),
    );
    run('ip', 'addr', 'add', '198.51.100.1/24', 'dev', 'uplink');
    run('ip', 'link', 'set', 'uplink', 'up');
    this.outside('ip', 'addr', 'add', '198.51.100.2/24', 'dev', 'uplink');
    this.outside('ip', 'link', 'set', 'uplink', 'up');
    this.outside('ip', 'route', 'add', '172.16.0.0/12', 'via', '198.51.100.1');
  }

  /** Gives host and outside machine IPv6 too: 2001:db8:1::1 and 2001:db8:1::2, and the latter a way to fd00::/8. */
  useIPv6(): void {
    run('ip', 'addr', 'add', '2001:db8:1::1/64', 'dev', 'uplink', 'nodad');
    this.outside('ip', 'addr', 'add', '2001:db8:1::2/64', 'dev', 'uplink', 'nodad');
    this.outside('ip', 'route', 'add', 'fd00::/8', 'via', '2001:db8:1::1');
  }

  options(changes: Partial<NetworkOptions> = {}): NetworkOptions {
    return {
      store: this.store,
      execRoot: this.folder,
      logger: silentLogger,
      bridgeName: 'berth0',
      defaultBridge: { icc: true, ipMasq: true, ipv6: false },
      ipForward: true,
      firewallCoexist: false,
      defaultBindAddress: '0.0.0.0',
      dns: { servers: [], defaultBridgeNames: false, forwardSingleLabels: false },
      ...changes,
    };
  }

  /** What is put in front of a command to run it on the outside machine. */
  get outsideCommand(): string[] {
    return ['nsenter', '-t', String(this.#outside), '-n'];
  }

  outside(...command: string[]): string {
    return run(...this.outsideCommand, ...command);
  }

  /** Starts a TCP and UDP server of both families in a namespace that answers with the client's address; resolves when it listens. */
  async serve(namespace: string | undefined, port: number, name: string): Promise<void> {
    const program = `
      const answer = (address) => ${JSON.stringify(name)} + ' ' + address.replace('::ffff:', '');
      const udp = require('dgram').createSocket('udp6');
      udp.on('message', (_, from) => udp.send(answer(from.address), from.port, from.address));
      udp.bind(${port}, () => require('net').createServer((s) => s.end(answer(s.remoteAddress)))
        .listen(${port}, '::', () => console.log('up')));`;
    const [nsenter = '', ...inside] =
      namespace === undefined ? this.outsideCommand : ['nsenter', `--net=${namespace}`];
    const child = spawn(nsenter, [...inside, process.execPath, '-e', program]);
    this.#children.push(child);
    await new Promise((resolve, reject) => {
      child.stdout.once('data', resolve);
      child.once('exit', () => reject(new Error('server did not start')));
    });
  }

  /** Ends the servers and the outside machine, and removes the folder. */
  close(): void {
    for (const child of this.#children) child.kill('SIGKILL');
    this.store.close();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Runs a command in the host's namespace, or, with `nsenter` in front, elsewhere. */
export function run(...[program = '', ...args]: string[]): string {
  return execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }).trim();
}

/**
 * Seconds: the second after which a lost first packet is sent again, and some. A bridge that gets its first port sends
 * nothing until the kernel's link watch has noticed, some milliseconds later where the machine is busy.
 */
const PATIENCE = '1.5';

/** What a server at an address answers, or `nothing`. */
export function ask(
  inside: readonly string[],
  address: string,
  port: number,
  protocol: 'tcp' | 'udp' = 'tcp',
): string {
  const script =
    protocol === 'tcp'
      ? `exec 3<>/dev/tcp/${address}/${port} && cat <&3`
      : `exec 3<>/dev/udp/${address}/${port} && echo hello >&3 && head -c 13 <&3`;
  try {
    return run(...inside, 'timeout', PATIENCE, 'bash', '-c', script) || 'nothing';
  } catch {
    return 'nothing';
  }
}

export function sandboxSpec(ports: PortSpec[] = []): SandboxSpec {
  const id = newId<SandboxId>();
  return { id, kind: 'private', hostname: 'box', ports, dns: { servers: [], search: [], options: [] } };
}

/** A sandbox on networks, and how to run commands in it. */
export interface Placed {
  readonly id: SandboxId;
  readonly path: string;
  /** What is put in front of a command to run it there. */
  readonly inside: readonly string[];
}

/** Makes a sandbox and joins it to networks, by name, in their order. */
export async function place(
  manager: NetworkManager,
  name: string,
  networks: readonly string[],
  ports: PortSpec[] = [],
  spec: Partial<EndpointSpec> = {},
): Promise<Placed> {
  const joins = networks.map((network) => ({ id: manager.network(network).id, gatewayPriority: 0 }));
  const { id, path = '' } = await manager.createSandbox({ ...sandboxSpec(ports), networks: joins });
  for (const network of joins)
    await manager.attach(id, network.id, { names: [name], containerName: name, ...spec });
  return { id, path, inside: ['nsenter', `--net=${path}`] };
}

/** Takes away all sandboxes and networks, and ends the manager. */
export async function clear(manager: NetworkManager): Promise<void> {
  await Promise.all(manager.sandboxes().map(({ id }) => manager.deleteSandbox(id)));
  for (const { id, predefined } of manager.networks()) if (!predefined) await manager.removeNetwork(id);
  await manager.close();
}

/** An interface as `ip -j addr` describes it. */
export interface IpLink {
  readonly ifname: string;
  readonly mtu: number;
  readonly address: string;
  readonly linkinfo?: { readonly info_slave_data?: { readonly isolated?: boolean } };
  readonly addr_info: readonly IpAddress[];
}

export interface IpAddress {
  readonly local: string;
  readonly prefixlen: number;
  readonly scope: string;
  readonly tentative?: boolean;
}

/** The interfaces here, or, with `nsenter` in front, elsewhere, by name. */
export function interfaces(inside: readonly string[] = []): ReadonlyMap<string, IpLink> {
  const list = JSON.parse(run(...inside, 'ip', '-d', '-j', 'addr')) as IpLink[];
  return new Map(list.map((link) => [link.ifname, link]));
}
