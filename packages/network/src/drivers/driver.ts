import type { Logger } from '@berth/core';
import type { NetworkNamespace, RouteSocket } from '@berth/kernel';
import type { Firewall } from '../firewall/firewall.js';
import type { EndpointInterface, EndpointRecord, NetworkRecord } from '../records.js';
import type { LinkReaper } from './link-reaper.js';

/** What drivers work on: the host's own network namespace. */
export interface HostKernel {
  readonly routes: RouteSocket;
  readonly reaper: LinkReaper;
  readonly firewall: Firewall;
  readonly logger: Logger;
  /** Bytes: the least MTU of the host's ways out, as it is now. */
  uplinkMtu(): number | undefined;
  /** Switches forwarding of IPv6 on, which a host may do without until its first network needs it. */
  forwardIPv6(): void;
}

/** What implements a kind of network. */
export interface Driver {
  /** As the API names it: `bridge`. */
  readonly name: string;
  /** Whether its networks have subnets, and their endpoints addresses. */
  readonly hasAddresses: boolean;
  /** Whether a network that names no gateway gets one: the first address of its subnet. */
  readonly choosesGateway: boolean;
  /** Whether its subnets are those of the links that the host itself is on, whose routes they then overlap. */
  readonly sharesSubnets: boolean;
  /** Whether its networks belong to the host's own namespace, or to a private one. */
  readonly sandboxKind: 'private' | 'host';
  /**
   * Checks a network's options, the only place that sees them as text, and gives the network they describe. Touches nothing.
   *
   * @throws BerthError `invalid`, `unsupported`
   */
  validate(record: NetworkRecord): DriverNetwork;
}

/** Something for each of the two families. */
export interface PerFamily<T> {
  readonly ipv4: T;
  readonly ipv6: T;
}

/** How ports are published: by translation of the host's addresses, at the container's own, or not at all. */
export type Publishing = 'nat' | 'routed' | 'none';

/** One network, in the hands of its driver. Every call can be repeated, and finds its work done. */
export interface DriverNetwork {
  /** What the user should know about the options. */
  readonly warnings: readonly string[];
  /** Whether its endpoints can hold the default route. */
  readonly isGateway: PerFamily<boolean>;
  readonly publishing: PerFamily<Publishing>;
  /** Where ports are published that name no host address; undefined: where the daemon says. */
  readonly defaultBinding?: string;
  /** Whether published ports are open to some who have a route to the container's own address. */
  readonly opensServices: boolean;
  /** Interfaces in sandboxes are named this, and a number. */
  readonly interfacePrefix: string;
  /** What it has of the host, and whether other networks can have the same: its bridge, its parent. */
  readonly claim?: { readonly what: string; readonly exclusive: boolean };
  /** Brings the kernel to what the network needs, whatever of it is there. */
  create(): void;
  /** Takes it away; what is not there is no error. */
  delete(): Promise<void>;
  /** Joins a sandbox to the network. What had been made when it throws is for `detach` to take away. */
  attach(attachment: Attachment): void;
  /** Brings an endpoint that should be attached back to what it should be. */
  restore(attachment: Attachment): void;
  /** Takes the endpoint away; what is not there is no error. Resolves when nothing of it is left. */
  detach(endpoint: EndpointRecord, namespace: NetworkNamespace | undefined): Promise<void>;
}

export interface Attachment {
  readonly endpoint: EndpointRecord;
  /** Undefined for the host's own. */
  readonly namespace: NetworkNamespace | undefined;
  /** Whether the sandbox's default route is this endpoint's. */
  readonly defaultRoute: PerFamily<boolean>;
}

/** The interface of an endpoint that must have one. */
export function interfaceOf(endpoint: EndpointRecord): EndpointInterface {
  if (endpoint.interface === undefined) throw new TypeError(`endpoint ${endpoint.id} has no interface`);
  return endpoint.interface;
}

/** The alias that marks a link as ours, with its owner's id. */
export const OWNER_PREFIX = 'berth:';

export function ownerAlias(id: string): string {
  return `${OWNER_PREFIX}${id}`;
}
