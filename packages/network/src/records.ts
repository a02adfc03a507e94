import type { EndpointId, IpamConfig, NetworkId, PublishedPort, SandboxId, SandboxSpec } from './model.js';

/** A network as the store keeps it. */
export interface NetworkRecord {
  readonly id: NetworkId;
  readonly name: string;
  readonly created: string;
  readonly driver: string;
  readonly internal: boolean;
  readonly attachable: boolean;
  readonly predefined: boolean;
  readonly ipam: {
    readonly driver: string;
    readonly options: Readonly<Record<string, string>>;
    readonly config: readonly (IpamConfig & { readonly subnet: string })[];
  };
  readonly options: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
}

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
  readonly interface?: EndpointInterface;
}

/** The interface of an endpoint. */
export interface EndpointInterface {
  /** In the sandbox: `eth0`. */
  readonly name: string;
  /** On the host: `veth1a2b3c4`. */
  readonly hostName: string;
  readonly macAddress: string;
  readonly address: string;
  readonly prefixLength: number;
  /** Where the way out is; none on an internal network. */
  readonly gateway?: string;
}
