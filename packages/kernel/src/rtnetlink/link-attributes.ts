/** IFLA_* of include/uapi/linux/if_link.h: the attributes of a link. */
export const IFLA = {
  ADDRESS: 1,
  BROADCAST: 2,
  IFNAME: 3,
  MTU: 4,
  LINK: 5,
  QDISC: 6,
  MASTER: 10,
  PROTINFO: 12,
  TXQLEN: 13,
  OPERSTATE: 16,
  LINKMODE: 17,
  LINKINFO: 18,
  NET_NS_PID: 19,
  IFALIAS: 20,
  STATS64: 23,
  AF_SPEC: 26,
  GROUP: 27,
  NET_NS_FD: 28,
  EXT_MASK: 29,
  PROMISCUITY: 30,
  CARRIER_CHANGES: 35,
  LINK_NETNSID: 37,
  PROP_LIST: 52,
  ALT_IFNAME: 53,
  PERM_ADDRESS: 54,
} as const;

/** IFLA_INFO_*: the members of IFLA_LINKINFO. */
export const IFLA_INFO = { KIND: 1, DATA: 2, SLAVE_KIND: 4, SLAVE_DATA: 5 } as const;

/** VETH_INFO_PEER of include/uapi/linux/veth.h. */
export const VETH_INFO_PEER = 1;

/** IFLA_BR_*. */
export const IFLA_BR = {
  FORWARD_DELAY: 1,
  STP_STATE: 5,
  VLAN_FILTERING: 7,
  BRIDGE_ID: 11,
  MCAST_SNOOPING: 23,
} as const;

/** IFLA_BRPORT_*. */
export const IFLA_BRPORT = { STATE: 1, MODE: 4, LEARNING: 8, NO: 18, ISOLATED: 33 } as const;

/** IFLA_INET6_ADDR_GEN_MODE within AF_INET6 of IFLA_AF_SPEC; 1 is IN6_ADDR_GEN_MODE_NONE. */
export const IFLA_INET6_ADDR_GEN_MODE = 8;
export const IN6_ADDR_GEN_MODE_NONE = 1;

/** RTEXT_FILTER_*: 8 leaves out statistics. */
export const RTEXT_FILTER_SKIP_STATS = 8;

/** IFF_UP of include/uapi/linux/if.h. */
export const IFF_UP = 1;

/** sizeof(struct ifinfomsg) (include/uapi/linux/rtnetlink.h). */
export const IFINFOMSG_LENGTH = 16;
