import { BerthError } from '@berth/core';
import {
  RouteSocket,
  isErrno,
  linkRequests,
  routeRequests,
  type Link,
  type NetworkNamespace,
  type NewLink,
  type RouteRequest,
} from '@berth/kernel';
import type { EndpointInterface, EndpointRecord, NetworkRecord } from '../records.js';
import {
  interfaceOf,
  ownerAlias,
  type Attachment,
  type DriverNetwork,
  type HostKernel,
  type PerFamily,
} from './driver.js';
import { ParentLink, isMissingKind, missingKind } from './parent-link.js';
import { configureInterface, namespaceOf } from './sandbox-interface.js';
import type { StackedOptions } from './stacked-options.js';

/** No link has this index. */
const NO_INDEX = 0x7fff_ffff;

/** The links of endpoints: what tells macvlan and ipvlan apart. */
export interface StackedLinks {
  readonly kind: 'macvlan' | 'ipvlan';
  /** @param macAddress the endpoint's, for links that can have one of their own */
  add(link: Omit<NewLink, 'address'> & { readonly parent: number }, macAddress: string): RouteRequest;
  /** The default route names the interface alone, no gateway. */
  readonly deviceRoute: boolean;
  /** Several networks may stand on one parent. */
  readonly sharesParent: boolean;
  /** What the host has beside them. */
  readonly companion?: (parent: ParentLink) => Companion;
}

/** What the host has beside the endpoints of a network. */
export interface Companion {
  create(): void;
  attach(endpoint: EndpointRecord): void;
  detach(endpoint: EndpointRecord): void;
  delete(): Promise<void>;
}

/** A network whose endpoints are links in sandboxes that stand on one link of the host. */
export class StackedNetwork implements DriverNetwork {
  readonly isGateway: PerFamily<boolean>;
  readonly publishing = { ipv4: 'none', ipv6: 'none' } as const;
  readonly opensServices = false;
  readonly interfacePrefix: string;
  readonly claim: DriverNetwork['claim'];
  readonly #host: HostKernel;
  readonly #links: StackedLinks;
  readonly #mtu: number | undefined;
  readonly #parent: ParentLink;
  readonly #companion: Companion | undefined;

  constructor(
    host: HostKernel,
    record: NetworkRecord,
    links: StackedLinks,
    options: StackedOptions,
    readonly warnings: readonly string[],
  ) {
    const { internal, enableIPv4, enableIPv6 } = record;
    this.#host = host;
    this.#links = links;
    this.#mtu = options.mtu;
    this.#parent = new ParentLink(host, record.id, options.parent);
    this.#companion = links.companion?.(this.#parent);
    // One without a parent is internal, as with Docker.
    const leadsOut = !internal && options.parent !== undefined;
    this.isGateway = { ipv4: leadsOut && enableIPv4, ipv6: leadsOut && enableIPv6 };
    this.interfacePrefix = options.interfacePrefix;
    const { name } = this.#parent;
    // A parent that may have been made on demand goes with the network that made it.
    this.claim = {
      what: `parent ${name}`,
      exclusive: !links.sharesParent || name !== options.parent || name.includes('.'),
    };
  }

  create(): void {
    this.#requireKind();
    const parent = this.#parent.ensure();
    // macvlan_change_mtu of drivers/net/macvlan.c
    if (this.#mtu !== undefined && this.#mtu > parent.mtu) {
      throw new BerthError(
        'invalid',
        `MTU ${this.#mtu} is more than that of parent ${parent.name}: it should be ${parent.mtu} at most`,
        { op: 'create network', subject: parent.name },
      );
    }
    this.#companion?.create();
  }

  async delete(): Promise<void> {
    await this.#companion?.delete();
    await this.#parent.delete();
  }

  attach(attachment: Attachment): void {
    const { endpoint } = attachment;
    const namespace = namespaceOf(attachment);
    const { name, hostName, macAddress } = interfaceOf(endpoint);
    const { index: parent } = this.#parent.find();
    const mtu = this.#mtu === undefined ? {} : { mtu: this.#mtu };
    try {
      // Born under a name that the host hasn't: kernels before 6.15 look for it there, and refuse another eth0.
      this.#host.routes.run(this.#links.add({ name: hostName, parent, namespace, ...mtu }, macAddress));
    } catch (error) {
      throw this.#explained(error);
    }
    using inside = RouteSocket.open(namespace);
    const index = indexOf(inside, hostName);
    inside.run(
      linkRequests.set({ index }, { name }),
      linkRequests.set({ index }, { alias: ownerAlias(endpoint.id) }),
    );
    this.#configure(inside, attachment, false);
    this.#companion?.attach(endpoint);
  }

  restore(attachment: Attachment): void {
    const { endpoint } = attachment;
    using inside = RouteSocket.open(namespaceOf(attachment));
    const links = linksOf(inside, endpoint);
    const [link] = links;
    if (link === undefined || links.length > 1 || link.name !== interfaceOf(endpoint).name) {
      for (const { index } of links) inside.run(linkRequests.delete({ index }));
      this.attach(attachment);
      return;
    }
    const mtu = this.#mtu ?? this.#parent.find().mtu;
    if (link.mtu !== mtu) inside.run(linkRequests.set({ index: link.index }, { mtu }));
    this.#configure(inside, attachment, true);
    this.#companion?.attach(endpoint);
  }

  async detach(endpoint: EndpointRecord, namespace: NetworkNamespace | undefined): Promise<void> {
    this.#companion?.detach(endpoint);
    // The kernel destroys the links of a namespace with it.
    if (namespace === undefined || endpoint.interface === undefined) return;
    using inside = RouteSocket.open(namespace);
    for (const { index } of linksOf(inside, endpoint)) {
      try {
        await inside.runAsync(linkRequests.delete({ index }));
      } catch (error) {
        // Gone with its parent meanwhile.
        if (!isErrno(error, 'ENODEV')) throw error;
      }
    }
  }

  /** Has a link made that can't be, as its parent isn't there: what the kernel looks for first is its kind. */
  #requireKind(): void {
    try {
      this.#host.routes.run(this.#links.add({ name: 'berth-probe', parent: NO_INDEX }, '02:00:00:00:00:01'));
    } catch (error) {
      if (!isErrno(error, 'ENODEV')) throw this.#explained(error);
    }
  }

  #configure(inside: RouteSocket, attachment: Attachment, anew: boolean): void {
    const { deviceRoute } = this.#links;
    const { endpoint, defaultRoute } = attachment;
    try {
      configureInterface(deviceRoute ? withoutRoute(attachment) : attachment, { anew, announce: true });
    } catch (error) {
      throw this.#explained(error, endpoint.interface);
    }
    if (deviceRoute) addDeviceRoutes(inside, interfaceOf(endpoint), defaultRoute);
  }

  /** The error, in terms of the network where it is one that a user can do something about. */
  #explained(error: unknown, own?: EndpointInterface): unknown {
    const { kind } = this.#links;
    const { name } = this.#parent;
    const details = { op: 'connect to network', subject: name, cause: error };
    if (isMissingKind(error)) return missingKind(kind, 'use the bridge driver, or a kernel with them', error);
    // macvlan_open of drivers/net/macvlan.c: another link on the parent has it, or the parent itself.
    if (own !== undefined && isErrno(error, 'EADDRINUSE')) {
      const wrong = `MAC address ${own.macAddress} is in use on parent ${name}`;
      return new BerthError('conflict', `${wrong}: choose another one`, details);
    }
    // macvlan_common_newlink (EINVAL, passthru) and netdev_rx_handler_register of net/core/dev.c (EBUSY).
    if (own === undefined && isErrno(error, 'EINVAL', 'EBUSY')) {
      const wrong = `parent ${name} takes no further ${kind} link`;
      const right =
        'it should have no links of another kind on it, and in passthru mode no other link at all';
      return new BerthError('conflict', `${wrong}: ${right}`, details);
    }
    return error;
  }
}

/** The links of an endpoint in its sandbox, also one that was left half made. */
function linksOf(inside: RouteSocket, endpoint: EndpointRecord): Link[] {
  const alias = ownerAlias(endpoint.id);
  const { hostName } = interfaceOf(endpoint);
  return inside.links({ statistics: false }).filter((link) => link.alias === alias || link.name === hostName);
}

function indexOf(inside: RouteSocket, name: string): number {
  const index = inside.link(name)?.index;
  if (index === undefined)
    throw new BerthError('internal', `interface ${name} is not in the sandbox`, { subject: name });
  return index;
}

function withoutRoute(attachment: Attachment): Attachment {
  return { ...attachment, defaultRoute: { ipv4: false, ipv6: false } };
}

function addDeviceRoutes(
  inside: RouteSocket,
  { name, ipv4, ipv6 }: EndpointInterface,
  wanted: PerFamily<boolean>,
): void {
  const index = indexOf(inside, name);
  const families = [
    wanted.ipv4 && ipv4 ? (['inet'] as const) : [],
    wanted.ipv6 && ipv6 ? (['inet6'] as const) : [],
  ].flat();
  for (const family of families) {
    try {
      inside.run(routeRequests.add({ index, family }));
    } catch (error) {
      if (!isErrno(error, 'EEXIST')) throw error;
    }
  }
}
