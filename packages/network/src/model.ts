import type { Brand } from '@berth/core';
import type { NameServiceCounters } from './dns/index.js';

export type NetworkId = Brand<'NetworkId'>;
export type EndpointId = Brand<'EndpointId'>;
/** The id of whatever owns the sandbox (a container's id). */
export type SandboxId = Brand<'SandboxId'>;

/** What a network is asked to be. */
export interface NetworkSpec {
  readonly name: string;
  readonly driver: string;
  /** No way out of the network, and none in. */
  readonly internal?: boolean;
  readonly attachable?: boolean;
  /** Default true. */
  readonly enableIPv4?: boolean;
  readonly enableIPv6?: boolean;
  /** A configuration for other networks to be made from; no network itself. */
  readonly configOnly?: boolean;
  /** The configuration (a network that is `configOnly`) to take addresses and options from, by name or id. */
  readonly configFrom?: string;
  /** Upstream name servers for sandboxes that have none of their own. */
  readonly dns?: readonly string[];
  readonly ipam?: {
    readonly driver?: string;
    readonly options?: Readonly<Record<string, string>>;
    readonly config: readonly IpamConfig[];
  };
  readonly options: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
}

export interface IpamConfig {
  readonly subnet?: string;
  readonly ipRange?: string;
  readonly gateway?: string;
  readonly auxiliaryAddresses?: Readonly<Record<string, string>>;
}

/** A network and who is on it. */
export interface Network {
  readonly id: NetworkId;
  readonly name: string;
  /** RFC 3339, UTC. */
  readonly created: string;
  readonly driver: string;
  readonly scope: 'local';
  readonly internal: boolean;
  readonly attachable: boolean;
  readonly enableIPv4: boolean;
  readonly enableIPv6: boolean;
  readonly ipam: {
    readonly driver: string;
    readonly options: Readonly<Record<string, string>>;
    readonly config: readonly (IpamConfig & { readonly subnet: string })[];
  };
  readonly options: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
  /** Made by Berth itself: bridge, host and none. */
  readonly predefined: boolean;
  readonly configOnly: boolean;
  /** Name of the configuration that it was made from. */
  readonly configFrom?: string;
  readonly dns: readonly string[];
  readonly endpoints: readonly Endpoint[];
  /** How full its subnets are. */
  readonly pools: readonly PoolStatus[];
  /** Routes of the host that have come to overlap its subnets since it was made: `10.8.0.0/16 (tun0)`. */
  readonly overlaps: readonly string[];
}

export interface PoolStatus {
  readonly subnet: string;
  /** Leased addresses, gateway and auxiliary ones included. */
  readonly used: bigint;
  /** Addresses that can still be given out to who asks for none by name. */
  readonly available: bigint;
}

/** What can be changed of a network that is there. What is undefined stays. */
export interface NetworkChange {
  /** Merged with those that are there; null removes one. */
  readonly labels?: Readonly<Record<string, string | null>>;
  /** Merged with those that are there; null removes one. */
  readonly options?: Readonly<Record<string, string | null>>;
  readonly internal?: boolean;
  readonly dns?: readonly string[];
}

export type Protocol = 'tcp' | 'udp' | 'sctp';

/** A port, or a run of neighbouring ports, of a sandbox that shall be reachable at the host. */
export interface PortSpec {
  readonly protocol: Protocol;
  /** The first one. */
  readonly containerPort: number;
  /** How many ports from `containerPort` and `hostPort` on; default 1. */
  readonly count?: number;
  /** An address of the host; undefined: the default one of the network or of the daemon (`--ip`). */
  readonly hostAddress?: string;
  /** Undefined: a free one of the host's choice. */
  readonly hostPort?: number;
  /** Any free one from `hostPort` to this one; for a single container port. */
  readonly hostPortLast?: number;
}

/** A run of published ports, with the host address and ports that it really has. */
export interface PublishedPort {
  readonly protocol: Protocol;
  readonly containerPort: number;
  readonly hostAddress: string;
  readonly hostPort: number;
  readonly count: number;
}

export interface SandboxSpec {
  readonly id: SandboxId;
  /** `host`: the host's own network namespace is the sandbox. */
  readonly kind: 'private' | 'host';
  readonly hostname: string;
  readonly ports: readonly PortSpec[];
  /** The networks that it is going to join: they tell where ports are published that name no address. */
  readonly networks?: readonly { readonly id: NetworkId; readonly gatewayPriority: number }[];
  readonly dns: {
    /** The sandbox's own upstream name servers; empty: the daemon's, else the host's. */
    readonly servers: readonly string[];
    readonly search: readonly string[];
    readonly options: readonly string[];
  };
}

export interface Sandbox {
  readonly id: SandboxId;
  readonly kind: 'private' | 'host';
  /** The namespace file; undefined for the host's own namespace. */
  readonly path: string | undefined;
  /** In the order of their connection. */
  readonly endpoints: readonly Endpoint[];
  readonly ports: readonly PublishedPort[];
  /** Whether `resolv.conf` must name the embedded name server, 127.0.0.11. */
  readonly nameService: boolean;
  /** Whose network holds the default route and the published ports, by family. */
  readonly gateways: { readonly ipv4?: EndpointId; readonly ipv6?: EndpointId };
  /** The resolvers to use where the embedded name server doesn't serve. */
  readonly hostResolvers: readonly string[];
  /** What has become of its questions, while the name service answers in it. */
  readonly nameServiceCounters?: NameServiceCounters;
}

export interface EndpointSpec {
  /** Under which names others on the network find it: container name, aliases, short id. */
  readonly names: readonly string[];
  readonly containerName: string;
  readonly ipv4Address?: string;
  readonly ipv6Address?: string;
  /** Further addresses of 169.254.0.0/16 or fe80::/10. */
  readonly linkLocalAddresses?: readonly string[];
  readonly macAddress?: string;
  /** Names that this endpoint alone knows others on the network by: alias → name. */
  readonly links?: Readonly<Record<string, string>>;
  /** `com.docker.network.endpoint.sysctls`, `com.docker.network.endpoint.ifname`, … */
  readonly driverOptions?: Readonly<Record<string, string>>;
  /** The endpoint with the highest one holds the default route; default 0. */
  readonly gatewayPriority?: number;
}

/** An address of an endpoint, and the way out of its network. */
export interface EndpointAddress {
  readonly address: string;
  readonly prefixLength: number;
  /** None on an internal network. */
  readonly gateway?: string;
}

export interface Endpoint {
  readonly id: EndpointId;
  readonly networkId: NetworkId;
  readonly networkName: string;
  readonly sandboxId: SandboxId;
  readonly containerName: string;
  readonly names: readonly string[];
  readonly gatewayPriority: number;
  /** Empty where the driver makes no interface. */
  readonly macAddress: string;
  readonly ipv4?: EndpointAddress;
  readonly ipv6?: EndpointAddress;
  readonly linkLocalAddresses: readonly string[];
  /** In the sandbox: `eth0`. */
  readonly interfaceName?: string;
  /** On the host: `veth1a2b3c4`; none where the driver makes none there. */
  readonly hostInterfaceName?: string;
}
