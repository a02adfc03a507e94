import type { Logger, Store } from '@berth/core';
import type { DefaultPool } from '../ipam/address-space.js';
import type { NetworkId } from '../model.js';

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
    readonly ipv6: boolean;
    /** Gateway and subnet of IPv6: `fd00:1::1/64`. */
    readonly bip6?: string;
    /** The subnet of IPv6 that containers get addresses from. */
    readonly fixedCidr6?: string;
    /** Bytes. */
    readonly mtu?: number;
    readonly icc: boolean;
    readonly ipMasq: boolean;
  };
  /** Where networks without a subnet get one; default: Docker's pools, and a unique local IPv6 block of this host. */
  readonly defaultAddressPools?: readonly DefaultPool[];
  /** Whether to switch on the host's forwarding of packets. */
  readonly ipForward: boolean;
  /** Whether to mark what is let pass for other firewall tables of the host. */
  readonly firewallCoexist: boolean;
  /** Where ports are published that name no host address. */
  readonly defaultBindAddress: string;
  readonly dns: {
    /** Upstream name servers; empty: those of the host's resolv.conf. */
    readonly servers: readonly string[];
    /** Whether containers on the default bridge have names as well. */
    readonly defaultBridgeNames: boolean;
    /** Whether names of one label that are not ours are asked upstream too. */
    readonly forwardSingleLabels: boolean;
    /** A loopback address of the host at which it can ask for names itself. */
    readonly hostListener?: { readonly address: string; readonly port: number };
  };
  /** Told when routes of the host have come to overlap a network's subnets, or do so no longer. */
  readonly onOverlap?: (network: NetworkId, routes: readonly string[]) => void;
}
