import type { Brand } from '@berth/core';

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
  readonly enableIPv6?: boolean;
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
  readonly endpoints: readonly Endpoint[];
}

/** A port of a sandbox that shall be reachable at the host. */
export interface PortSpec {
  readonly protocol: 'tcp' | 'udp';
  readonly containerPort: number;
  /** An address of the host; undefined: the default one of the daemon (`--ip`) or of the network. */
  readonly hostAddress?: string;
  /** Undefined: a free one of the host's choice. */
  readonly hostPort?: number;
}

/** A published port, with the host address and port that it really has. */
export interface PublishedPort {
  readonly protocol: 'tcp' | 'udp';
  readonly containerPort: number;
  readonly hostAddress: string;
  readonly hostPort: number;
}

export interface SandboxSpec {
  readonly id: SandboxId;
  /** `host`: the host's own network namespace is the sandbox. */
  readonly kind: 'private' | 'host';
  readonly hostname: string;
  readonly ports: readonly PortSpec[];
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
  /** Whose network holds the default route and the published ports. */
  readonly gatewayEndpoint?: EndpointId;
  /** The resolvers to use where the embedded name server doesn't serve. */
  readonly hostResolvers: readonly string[];
}

export interface EndpointSpec {
  /** Under which names others on the network find it: container name, aliases, short id. */
  readonly names: readonly string[];
  readonly containerName: string;
  readonly ipv4Address?: string;
  readonly macAddress?: string;
  readonly driverOptions?: Readonly<Record<string, string>>;
}

export interface Endpoint {
  readonly id: EndpointId;
  readonly networkId: NetworkId;
  readonly networkName: string;
  readonly sandboxId: SandboxId;
  readonly containerName: string;
  readonly names: readonly string[];
  /** Empty where the driver makes no interface. */
  readonly macAddress: string;
  readonly ipv4?: { readonly address: string; readonly prefixLength: number };
  readonly gateway?: string;
  /** In the sandbox: `eth0`. */
  readonly interfaceName?: string;
  /** On the host: `veth1a2b3c4`. */
  readonly hostInterfaceName?: string;
}
