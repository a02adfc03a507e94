import { BerthError, shortId } from '@berth/core';
import {
  RouteSocket,
  isErrno,
  linkRequests,
  routeRequests,
  type KernelError,
  type Link,
  type NetworkNamespace,
  type NewLink,
  type RouteRequest,
} from '@berth/kernel';
import type { EndpointRecord, NetworkRecord } from '../records.js';
import {
  OWNER_PREFIX,
  interfaceOf,
  ownerAlias,
  type Attachment,
  type DriverNetwork,
  type HostKernel,
  type PerFamily,
} from './driver.js';
import { configureInterface, namespaceOf } from './sandbox-interface.js';

/** Name of the option with the link of the host that a network stands on. */
export const PARENT = 'parent';

/** IFF_UP and IFF_LOOPBACK of include/uapi/linux/if.h. */
const IFF_UP = 1;
const IFF_LOOPBACK = 8;
/** Tags of IEEE 802.1Q, without the reserved 0 and 4095. */
const VLAN_IDS = { least: 1, most: 4094 } as const;
/** No link has this index. */
const NO_INDEX = 0x7fff_ffff;
/** A master of this kind takes no packets from its ports: they can still have links on them. */
const VRF = 'vrf';

/** The kinds of links that not every kernel has, and the option that it is built with. */
const KERNEL_OPTIONS = {
  macvlan: 'CONFIG_MACVLAN',
  ipvlan: 'CONFIG_IPVLAN',
  vlan: 'CONFIG_VLAN_8021Q',
  dummy: 'CONFIG_DUMMY',
} as const;
type OptionalKind = keyof typeof KERNEL_OPTIONS;

/** What tells macvlan and ipvlan apart. */
export interface StackedKind {
  readonly kind: 'macvlan' | 'ipvlan';
  /** Makes an endpoint's link. */
  add(link: Omit<NewLink, 'address'> & { readonly parent: number }, macAddress: string): RouteRequest;
  /** The default route names no gateway: the parent's host routes. */
  readonly deviceRoute: boolean;
}

/** What the options of a macvlan or ipvlan network say, checked. */
export interface StackedOptions {
  /** Undefined: a link of Berth's own that leads nowhere. */
  readonly parent?: string;
  /** Bytes; undefined: that of the parent. */
  readonly mtu?: number;
  /** Interfaces in containers are called this and a number. */
  readonly interfacePrefix: string;
}

/** A network whose endpoints are links that stand on one of the host's, their parent. */
export class StackedNetwork implements DriverNetwork {
  readonly warnings: readonly string[];
  readonly isGateway: PerFamily<boolean>;
  readonly publishing = { ipv4: 'none', ipv6: 'none' } as const;
  readonly opensServices = false;
  readonly interfacePrefix: string;
  readonly claim: string;
  readonly #host: HostKernel;
  readonly #kind: StackedKind;
  readonly #options: StackedOptions;
  readonly #parent: string;
  /** Marks a parent as made by Berth for this network. */
  readonly #alias: string;

  constructor(
    host: HostKernel,
    record: NetworkRecord,
    kind: StackedKind,
    { options, warnings }: { options: StackedOptions; warnings: readonly string[] },
  ) {
    this.#host = host;
    this.#kind = kind;
    this.#options = options;
    this.#alias = ownerAlias(record.id);
    this.#parent = options.parent ?? `dm-${shortId(record.id)}`;
    this.warnings = warnings;
    // Without a parent there is no way out either, as with Docker.
    const leadsOut = options.parent !== undefined && !record.internal;
    this.isGateway = { ipv4: leadsOut && record.enableIPv4, ipv6: leadsOut && record.enableIPv6 };
    this.interfacePrefix = options.interfacePrefix;
    this.claim = `parent ${this.#parent}`;
  }

  create(): void {
    this.#requireKind();
    const { routes, logger } = this.#host;
    const parent = this.#ensureParent();
    checkParent(routes, parent, this.#kind.kind);
    const { mtu } = this.#options;
    if (mtu !== undefined && mtu > parent.mtu) {
      throw new BerthError(
        'invalid',
        `MTU ${mtu} is more than that of the parent ${parent.name}: it should be ${parent.mtu} at most`,
        { op: 'create network', subject: parent.name },
      );
    }
    if ((parent.flags & IFF_UP) === 0)
      logger.warn('the parent of a network is down: nothing passes until it is up', { parent: parent.name });
  }

  async delete(): Promise<void> {
    const { routes, reaper } = this.#host;
    if (routes.link(this.#parent)?.alias === this.#alias) await reaper.reap(this.#parent);
  }

  attach(attachment: Attachment): void {
    const { endpoint } = attachment;
    const namespace = namespaceOf(attachment);
    const { name, hostName, macAddress } = interfaceOf(endpoint);
    const { index: parent } = this.#findParent();
    const { mtu } = this.#options;
    // Born under a name that the host doesn't have: kernels before 6.15 look for it there, and refuse a second eth0.
    const link = { name: hostName, parent, namespace, ...(mtu !== undefined && { mtu }) };
    try {
      this.#host.routes.run(this.#kind.add(link, macAddress));
    } catch (error) {
      throw this.#translated(error);
    }
    using inside = RouteSocket.open(namespace);
    const index = inside.link(hostName)?.index;
    if (index === undefined)
      throw new BerthError('internal', `interface ${hostName} vanished while it was made`);
    inside.run(linkRequests.set({ index }, { name }), linkRequests.set({ index }, { alias: ownerAlias(endpoint.id) }));
    this.#configure(inside, attachment, false);
  }

  restore(attachment: Attachment): void {
    const { endpoint } = attachment;
    using inside = RouteSocket.open(namespaceOf(attachment));
    const links = linksOf(inside, endpoint);
    const [link] = links;
    if (links.length === 1 && link?.name === interfaceOf(endpoint).name) {
      const { index } = link;
      const mtu = this.#options.mtu ?? this.#findParent().mtu;
      if (link.mtu !== mtu) inside.run(linkRequests.set({ index }, { mtu }));
      this.#configure(inside, attachment, true);
      return;
    }
    for (const { index } of links) inside.run(linkRequests.delete({ index }));
    this.attach(attachment);
  }

  async detach(endpoint: EndpointRecord, namespace: NetworkNamespace | undefined): Promise<void> {
    // The kernel destroys the links of a namespace with it.
    if (namespace === undefined || endpoint.interface === undefined) return;
    using inside = RouteSocket.open(namespace);
    for (const { index } of linksOf(inside, endpoint)) {
      try {
        await inside.runAsync(linkRequests.delete({ index }));
      } catch (error) {
        if (!isErrno(error, 'ENODEV')) throw error;
      }
    }
  }

  #configure(inside: RouteSocket, attachment: Attachment, anew: boolean): void {
    const { endpoint, defaultRoute } = attachment;
    const { deviceRoute } = this.#kind;
    try {
      configureInterface(
        deviceRoute ? { ...attachment, defaultRoute: { ipv4: false, ipv6: false } } : attachment,
        anew,
      );
    } catch (error) {
      throw this.#translated(error, interfaceOf(endpoint).macAddress);
    }
    if (deviceRoute) addDeviceRoutes(inside, endpoint, defaultRoute);
  }

  /** Asks the kernel for a link that it can't make, for it has no such parent: it first looks for the kind. */
  #requireKind(): void {
    try {
      this.#host.routes.run(this.#kind.add({ name: 'berth-probe', parent: NO_INDEX }, '02:00:00:00:00:01'));
    } catch (error) {
      if (isMissingKind(error))
        throw missingKind(this.#kind.kind, `use a kernel that has them, or the bridge driver`, error);
      if (!isErrno(error, 'ENODEV')) throw error;
    }
  }

  #ensureParent(): Link {
    const { routes } = this.#host;
    const existing = routes.link(this.#parent);
    if (this.#options.parent === undefined) ensureDummy(routes, this.#parent, this.#alias, existing);
    else if (existing === undefined) addVlan(routes, this.#parent, this.#alias);
    // One of ours may have been left half made; one that the user has made is the user's to set up.
    if (existing?.alias === this.#alias) setUp(routes, this.#parent);
    return this.#findParent();
  }

  #findParent(): Link {
    const parent = this.#host.routes.link(this.#parent);
    if (parent !== undefined) return parent;
    throw new BerthError('unavailable', `parent ${this.#parent} of the network is not there any more: make it again`, {
      op: 'find parent',
      subject: this.#parent,
    });
  }

  #translated(error: unknown, macAddress?: string): unknown {
    const details = { op: 'connect to network', subject: this.#parent, cause: error };
    if (isMissingKind(error)) return missingKind(this.#kind.kind, 'use a kernel that has them', error);
    // macvlan_open of drivers/net/macvlan.c
    if (isErrno(error, 'EADDRINUSE')) {
      const what = `MAC address ${macAddress} is in use on parent ${this.#parent}`;
      return new BerthError('conflict', `${what}: choose another one`, details);
    }
    // macvlan_common_newlink of the same (passthru), and netdev_rx_handler_register of net/core/dev.c
    if (isErrno(error, 'EINVAL', 'EBUSY') && error.op?.startsWith('add ')) {
      const what = `parent ${this.#parent} takes no further ${this.#kind.kind} link`;
      const why = 'it is in use otherwise, or one of them, in passthru mode, has it for itself';
      return new BerthError('conflict', `${what}: ${why}`, details);
    }
    return error;
  }
}

/** The links of an endpoint in its sandbox; one without an alias was left half made. */
function linksOf(inside: RouteSocket, endpoint: EndpointRecord): Link[] {
  const alias = ownerAlias(endpoint.id);
  const { hostName } = interfaceOf(endpoint);
  return inside.links({ statistics: false }).filter((link) => link.alias === alias || link.name === hostName);
}

function addDeviceRoutes(inside: RouteSocket, endpoint: EndpointRecord, wanted: PerFamily<boolean>): void {
  const { name, ipv4, ipv6 } = interfaceOf(endpoint);
  const index = inside.link(name)?.index;
  if (index === undefined) throw new BerthError('internal', `interface ${name} has vanished`, { subject: name });
  const routes = [
    ...(wanted.ipv4 && ipv4 ? [routeRequests.add({ index, family: 'inet' })] : []),
    ...(wanted.ipv6 && ipv6 ? [routeRequests.add({ index, family: 'inet6' })] : []),
  ];
  for (const route of routes) {
    try {
      inside.run(route);
    } catch (error) {
      if (!isErrno(error, 'EEXIST')) throw error;
    }
  }
}

function ensureDummy(routes: RouteSocket, name: string, alias: string, existing: Link | undefined): void {
  if (existing?.alias === alias) return;
  if (existing !== undefined) {
    const right = 'remove it, or name a parent with the option parent';
    throw new BerthError('conflict', `interface ${name} exists on this host and is not this network's: ${right}`, {
      op: 'create parent',
      subject: name,
    });
  }
  make(routes, name, alias, linkRequests.addDummy({ name }), 'dummy', (error) =>
    missingKind('dummy', 'name a link of the host with the option parent', error),
  );
}

/** Makes `eth0.10`: the tag 10 on eth0. */
function addVlan(routes: RouteSocket, name: string, alias: string): void {
  const [, base = '', tag = ''] = /^(.+)\.(\d+)$/.exec(name) ?? [];
  const parent = base === '' ? undefined : routes.link(base);
  if (parent === undefined) throw noParent(routes, name);
  const id = Number(tag);
  if (id < VLAN_IDS.least || id > VLAN_IDS.most || tag !== String(id)) {
    throw new BerthError(
      'invalid',
      `parent ${name} is not there, and can't be made: the tag after the dot should be a number from ${VLAN_IDS.least} to ${VLAN_IDS.most}`,
      { op: 'create parent', subject: name },
    );
  }
  checkParent(routes, parent, 'vlan');
  make(routes, name, alias, linkRequests.addVlan({ name, parent: parent.index, id }), 'vlan', (error) =>
    missingKind('vlan', `make ${name} otherwise, or name another parent`, error),
  );
}
