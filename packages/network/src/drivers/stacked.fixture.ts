import { createHash } from 'node:crypto';
import { silentLogger } from '@berth/core';
import { NetworkNamespace, RouteSocket } from '@berth/kernel';
import { Box, run } from '../box.fixture.js';
import { Firewall } from '../firewall/firewall.js';
import type { EndpointId, NetworkId, SandboxId } from '../model.js';
import type { EndpointInterface, EndpointRecord, NetworkRecord } from '../records.js';
import type { Attachment, HostKernel, PerFamily } from './driver.js';
import { LinkReaper } from './link-reaper.js';

const idOf = (name: string): string => createHash('sha256').update(name).digest('hex');

/** A host in a box for drivers whose endpoints stand on one of its links, and sandboxes. */
export class StackedBox {
  readonly box = new Box();
  readonly host: HostKernel;
  readonly #sandboxes = new Map<string, NetworkNamespace>();

  constructor() {
    const routes = RouteSocket.open();
    this.host = {
      routes,
      reaper: new LinkReaper(routes),
      firewall: Firewall.open(silentLogger, { coexist: false }),
      logger: silentLogger,
      uplinkMtu: () => undefined,
      forwardIPv6: () => undefined,
    };
    this.box.outside('ip', 'addr', 'add', '10.20.0.1/24', 'dev', 'uplink');
    this.box.outside('ip', '-6', 'addr', 'add', 'fd00:20::1/64', 'dev', 'uplink', 'nodad');
  }

  #pathOf(name: string): string {
    return `${this.box.folder}/${name}`;
  }

  sandbox(name: string): NetworkNamespace {
    const existing = this.#sandboxes.get(name);
    if (existing !== undefined) return existing;
    const made = NetworkNamespace.create(this.#pathOf(name));
    this.#sandboxes.set(name, made);
    return made;
  }

  /** Runs a command in a sandbox. */
  inside(sandbox: string, ...command: string[]): string {
    return run('nsenter', `--net=${this.#pathOf(sandbox)}`, ...command);
  }

  pings(sandbox: string, address: string): boolean {
    try {
      this.inside(sandbox, 'ping', '-c', '1', '-W', '1', address);
      return true;
    } catch {
      return false;
    }
  }

  /** Links of the host and of a sandbox, and its addresses and routes: what a driver can leave. */
  world(sandbox = 'a'): string {
    this.sandbox(sandbox);
    return [
      run('ip', '-br', 'link'),
      ...[['-br', 'addr'], ['-d', 'link'], ['route'], ['-6', 'route']].map((args) =>
        this.inside(sandbox, 'ip', ...args),
      ),
    ].join('\n');
  }

  record(changes: Partial<NetworkRecord> = {}): NetworkRecord {
    const config = [
      { subnet: '10.20.0.0/24', gateway: '10.20.0.1' },
      { subnet: 'fd00:20::/64', gateway: 'fd00:20::1' },
    ];
    return {
      id: idOf('network') as NetworkId,
      name: 'lan',
      created: '2026-01-01T00:00:00.000Z',
      driver: 'macvlan',
      internal: false,
      attachable: false,
      predefined: false,
      enableIPv4: true,
      enableIPv6: true,
      configOnly: false,
      dns: [],
      ipam: { driver: 'default', options: {}, config },
      options: { parent: 'uplink' },
      labels: {},
      ...changes,
    };
  }

  /** The endpoint of a sandbox: 10.20.0.NUMBER, fd00:20::NUMBER. */
  attachment(
    sandbox: string,
    number: number,
    changes: Partial<EndpointInterface> = {},
    defaultRoute: PerFamily<boolean> = { ipv4: true, ipv6: true },
  ): Attachment & { readonly endpoint: EndpointRecord } {
    const id = idOf(`endpoint of ${sandbox}`) as EndpointId;
    const endpoint: EndpointRecord = {
      id,
      networkId: idOf('network') as NetworkId,
      sandboxId: idOf(sandbox) as SandboxId,
      sequence: number,
      containerName: sandbox,
      names: [sandbox],
      links: {},
      gatewayPriority: 0,
      interface: {
        name: 'eth0',
        hostName: `veth${id.slice(0, 7)}`,
        macAddress: `02:42:0a:14:00:${number.toString(16).padStart(2, '0')}`,
        ipv4: { address: `10.20.0.${number}`, prefixLength: 24, gateway: '10.20.0.1' },
        ipv6: { address: `fd00:20::${number}`, prefixLength: 64, gateway: 'fd00:20::1' },
        linkLocalAddresses: [],
        sysctls: {},
        ...changes,
      },
    };
    return { endpoint, namespace: this.sandbox(sandbox), defaultRoute };
  }

  close(): void {
    for (const [name, namespace] of this.#sandboxes) {
      namespace.close();
      NetworkNamespace.remove(this.#pathOf(name));
    }
    this.host.firewall.close();
    this.host.routes.close();
    this.box.close();
  }
}
