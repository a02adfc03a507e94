import type {
  EndpointAddress,
  EndpointId,
  IpamConfig,
  NetworkId,
  PublishedPort,
  SandboxId,
  SandboxSpec,
} from './model.js';

/** A network as the store keeps it. */
export interface NetworkRecord {
  readonly id: NetworkId;
  readonly name: string;
  readonly created: string;
  readonly driver: string;
  readonly internal: boolean;
  readonly attachable: boolean;
  readonly predefined: boolean;
  readonly enableIPv4: boolean;
  readonly enableIPv6: boolean;
  readonly configOnly: boolean;
  readonly configFrom?: string;
  readonly dns: readonly string[];
  readonly ipam: {
    readonly driver: string;
    readonly options: Readonly<Record<string, string>>;
    /** Of both families, each in the order in which addresses are taken from them. */
    readonly config: readonly SubnetRecord[];
  };
  readonly options: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
}

export type SubnetRecord = IpamConfig & { readonly subnet: string };

/** A sandbox as the store keeps it. */
export interface SandboxRecord {
  readonly id: SandboxId;
  readonly kind: 'private' | 'host';
  readonly path: string | undefined;
  readonly ports: readonly PublishedPort[];
  readonly dns: SandboxSpec['dns'];
}

/** An endpoint as the store keeps it. */
export interface EndpointRecord {
  readonly id: EndpointId;
  readonly networkId: NetworkId;
  readonly sandboxId: SandboxId;
  /** Later endpoints have higher numbers. */
  readonly sequence: number;
  readonly containerName: string;
  readonly names: readonly string[];
  readonly links: Readonly<Record<string, string>>;
  readonly gatewayPriority: number;
  readonly interface?: EndpointInterface;
}

/** The interface of an endpoint. */
export interface EndpointInterface {
  /** In the sandbox: `eth0`. */
  readonly name: string;
  /** On the host: `veth1a2b3c4`. Drivers that make no interface there don't use it. */
  readonly hostName: string;
  readonly macAddress: string;
  readonly ipv4?: EndpointAddress;
  readonly ipv6?: EndpointAddress;
  readonly linkLocalAddresses: readonly string[];
  /** `net.ipv4.conf.IFNAME.forwarding` and the like, IFNAME standing for the interface's name. */
  readonly sysctls: Readonly<Record<string, string>>;
}
