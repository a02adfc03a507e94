import type { Logger, Store } from '@berth/core';
import type { DefaultPool } from '../ipam/address-space.js';

export interface NetworkOptions {
  readonly store: Store;
  /** Namespace files go below it. */
  readonly execRoot: string;
  readonly logger: Logger;
  /** The bridge of the default network. */
  readonly bridgeName: string;
  readonly defaultBridge: {
    /** Gateway and subnet: `172.17.0.1/16`. */
    readonly bip?: string;
    /** The part of the subnet that containers get addresses from. */
    readonly fixedCidr?: string;
    /** Bytes. */
    readonly mtu?: number;
    readonly icc: boolean;
    readonly ipMasq: boolean;
  };
  /** Where networks without a subnet get one; default: Docker's pools. */
  readonly defaultAddressPools?: readonly DefaultPool[];
  /** Whether to switch on the host's IPv4 forwarding. */
  readonly ipForward: boolean;
  /** Where ports are published that name no host address. */
  readonly defaultBindAddress: string;
  readonly dns: {
    /** Upstream name servers; empty: those of the host's resolv.conf. */
    readonly servers: readonly string[];
  };
}
