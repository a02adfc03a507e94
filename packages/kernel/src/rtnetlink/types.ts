/** Address families as `ip` names them. */
export type Family = 'inet' | 'inet6';

/** Counters of an interface (struct rtnl_link_stats64, include/uapi/linux/if_link.h). */
export interface LinkStatistics {
  readonly rxPackets: bigint;
  readonly txPackets: bigint;
  readonly rxBytes: bigint;
  readonly txBytes: bigint;
  readonly rxErrors: bigint;
  readonly txErrors: bigint;
  readonly rxDropped: bigint;
  readonly txDropped: bigint;
  readonly multicast: bigint;
  readonly collisions: bigint;
  readonly rxLengthErrors: bigint;
  readonly rxOverErrors: bigint;
  readonly rxCrcErrors: bigint;
  readonly rxFrameErrors: bigint;
  readonly rxFifoErrors: bigint;
  readonly rxMissedErrors: bigint;
  readonly txAbortedErrors: bigint;
  readonly txCarrierErrors: bigint;
  readonly txFifoErrors: bigint;
  readonly txHeartbeatErrors: bigint;
  readonly txWindowErrors: bigint;
  readonly rxCompressed: bigint;
  readonly txCompressed: bigint;
  readonly rxNohandler: bigint;
}

/** A network interface, as RTM_NEWLINK tells of it. */
export interface Link {
  readonly index: number;
  readonly name: string;
  /** ARPHRD_* (include/uapi/linux/if_arp.h). */
  readonly type: number;
  /** IFF_* (include/uapi/linux/if.h). */
  readonly flags: number;
  readonly mtu: number;
  readonly qdisc?: string | undefined;
  /** IF_OPER_* (include/uapi/linux/if.h). */
  readonly operState: number;
  /** IF_LINK_MODE_*. */
  readonly linkMode: number;
  readonly group?: number | undefined;
  readonly txQueueLength: number;
  /** Hardware address, `02:42:ac:11:00:02`. */
  readonly address?: string | undefined;
  readonly broadcast?: string | undefined;
  readonly permanentAddress?: string | undefined;
  /** Index of the bridge (or other device) that this is a port of. */
  readonly master?: number | undefined;
  /** Index of the other end (veth) or of what this is stacked on, in the namespace of `linkNetnsId`. */
  readonly link?: number | undefined;
  /** Id of the namespace in which `link` is, where it is another one; -1 when that has no id here. */
  readonly linkNetnsId?: number | undefined;
  readonly alias?: string | undefined;
  /** `veth`, `bridge`, `dummy`, … */
  readonly kind?: string | undefined;
  /** Kind of the master, as seen from the port: `bridge`. */
  readonly slaveKind?: string | undefined;
  readonly altNames: readonly string[];
  readonly promiscuity: number;
  readonly carrierChanges?: number | undefined;
  readonly stats64?: LinkStatistics | undefined;
  readonly bridge?: BridgeSettings | undefined;
  readonly bridgePort?: BridgePortSettings | undefined;
}

/** What a bridge says of itself (IFLA_BR_*). */
export interface BridgeSettings {
  /** `8000.0242ac110001` */
  readonly bridgeId?: string | undefined;
  readonly stpEnabled: boolean;
  readonly vlanFiltering: boolean;
}

/** What a bridge's port says of itself (IFLA_BRPORT_*). */
export interface BridgePortSettings {
  readonly portNumber?: number | undefined;
  /** BR_STATE_*: 0 disabled, 1 listening, 2 learning, 3 forwarding, 4 blocking. */
  readonly state?: number | undefined;
  readonly hairpin: boolean;
  readonly isolated: boolean;
  readonly learning: boolean;
}

/** An address of an interface (RTM_NEWADDR). */
export interface Address {
  readonly family: Family;
  readonly index: number;
  /** The address (IFA_ADDRESS): on a point-to-point link that of the peer. */
  readonly address: string;
  /** This end's own address (IFA_LOCAL), where the kernel tells it apart. */
  readonly local?: string | undefined;
  readonly prefixLength: number;
  readonly broadcast?: string | undefined;
  readonly label?: string | undefined;
  /** RT_SCOPE_* (include/uapi/linux/rtnetlink.h). */
  readonly scope: number;
  /** IFA_F_* (include/uapi/linux/if_addr.h). */
  readonly flags: number;
  /** Seconds; 4294967295 is for ever. */
  readonly validLifetime?: number | undefined;
  readonly preferredLifetime?: number | undefined;
  /** Metric of the prefix route (IFA_RT_PRIORITY). */
  readonly routeMetric?: number | undefined;
  /** Who added it (IFAPROT_*). */
  readonly protocol?: number | undefined;
}

export interface RouteNexthop {
  readonly gateway?: string | undefined;
  readonly outputIndex?: number | undefined;
  readonly weight: number;
  /** RTNH_F_*. */
  readonly flags: number;
}

/** A route (RTM_NEWROUTE). */
export interface Route {
  readonly family: Family;
  /** `10.0.0.0/8`; undefined is the default route. */
  readonly destination?: string | undefined;
  /** Prefix of the source that it is for, where it is for one. */
  readonly source?: string | undefined;
  readonly gateway?: string | undefined;
  /** A gateway of the other family (RTA_VIA). */
  readonly via?: { readonly family: Family; readonly address: string } | undefined;
  readonly outputIndex?: number | undefined;
  readonly inputIndex?: number | undefined;
  readonly preferredSource?: string | undefined;
  readonly metric?: number | undefined;
  readonly table: number;
  /** RTPROT_*. */
  readonly protocol: number;
  /** RT_SCOPE_*. */
  readonly scope: number;
  /** RTN_*. */
  readonly type: number;
  /** RTNH_F_* and RTM_F_* in the lower half, RTCF_* in answers to a question. */
  readonly flags: number;
  /** IPv6 router preference: `medium`, `high`, `low`. */
  readonly preference?: string | undefined;
  /** RTAX_* numbers and their values. */
  readonly metrics?: readonly (readonly [number, number])[] | undefined;
  /** Seconds until it expires; 0 is never. */
  readonly expires?: number | undefined;
  /** User whose route was asked for (RTA_UID). */
  readonly uid?: number | undefined;
  readonly nexthops?: readonly RouteNexthop[] | undefined;
}

/** Ages in clock ticks (USER_HZ, a hundredth of a second) (struct nda_cacheinfo). */
export interface NeighbourCacheInfo {
  readonly confirmed: number;
  readonly used: number;
  readonly updated: number;
  readonly references: number;
}

/** An entry of the ARP or neighbour discovery table (RTM_NEWNEIGH). */
export interface Neighbour {
  readonly family: Family;
  readonly index: number;
  readonly destination: string;
  readonly address?: string | undefined;
  /** NUD_* (include/uapi/linux/neighbour.h). */
  readonly state: number;
  /** NTF_*. */
  readonly flags: number;
  readonly protocol?: number | undefined;
  readonly probes?: number | undefined;
  readonly cacheInfo?: NeighbourCacheInfo | undefined;
}

/** An entry of a bridge's forwarding table (RTM_NEWNEIGH of AF_BRIDGE). */
export interface FdbEntry {
  /** Index of the port. */
  readonly index: number;
  /** Index of the bridge. */
  readonly master?: number | undefined;
  readonly address: string;
  readonly vlan?: number | undefined;
  /** NUD_*: NUD_PERMANENT (0x80) is an address of the port itself. */
  readonly state: number;
  readonly flags: number;
  readonly cacheInfo?: NeighbourCacheInfo | undefined;
}
