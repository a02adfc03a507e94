import { BerthError } from '@berth/core';
import {
  AttributeWriter,
  NLM_F_ACK,
  NLM_F_CREATE,
  NLM_F_EXCL,
  type NetlinkRequest,
} from '../netlink/index.js';
import type { NetworkNamespace } from '../namespace/index.js';
import { AF_BRIDGE, AF_INET6, AF_UNSPEC, parseHardware } from './internet.js';
import {
  IFF_UP,
  IFINFOMSG_LENGTH,
  IFLA,
  IFLA_BR,
  IFLA_BRPORT,
  IFLA_INET6_ADDR_GEN_MODE,
  IFLA_INFO,
  IN6_ADDR_GEN_MODE_NONE,
  VETH_INFO_PEER,
} from './link-attributes.js';

/** RTM_* of include/uapi/linux/rtnetlink.h. */
const RTM_NEWLINK = 16;
const RTM_DELLINK = 17;
const RTM_SETLINK = 19;

/** IFLA_MACVLAN_MODE, IFLA_IPVLAN_MODE, IFLA_IPVLAN_FLAGS and IFLA_VLAN_ID of include/uapi/linux/if_link.h. */
const IFLA_MACVLAN = { MODE: 1 } as const;
const IFLA_IPVLAN = { MODE: 1, FLAGS: 2 } as const;
const IFLA_VLAN = { ID: 1 } as const;
/** MACVLAN_MODE_*, IPVLAN_MODE_* and IPVLAN_F_* of the same. */
const MACVLAN_MODES = { private: 1, vepa: 2, bridge: 4, passthru: 8 } as const;
const IPVLAN_MODES = { l2: 0, l3: 1, l3s: 2 } as const;
const IPVLAN_FLAGS = { bridge: 0, private: 1, vepa: 2 } as const;

/** One change of the kernel's network configuration, as a value. */
export type RouteRequest = NetlinkRequest;

/** Which link: by name or by index. */
export type LinkRef = { readonly index: number } | { readonly name: string };

/** A namespace: a handle, its descriptor, or a process in it. */
export type NamespaceRef = NetworkNamespace | { readonly fd: number } | { readonly pid: number };

/** What any link can be given at its birth and later. */
export interface LinkSettings {
  readonly up?: boolean;
  /** Hardware address. */
  readonly address?: string;
  readonly mtu?: number;
  /** Interface group, by which many can be deleted at once. */
  readonly group?: number;
  readonly txQueueLength?: number;
  /** The namespace to be born in, or to move to. */
  readonly namespace?: NamespaceRef;
}

export interface NewLink extends LinkSettings {
  /** Without a name the kernel chooses one (`veth0`). */
  readonly name?: string;
  readonly index?: number;
  /** Index of the bridge to be a port of. */
  readonly master?: number;
}

export interface NewVeth extends NewLink {
  /**
   * The other end. Born up it is refused with ENOTCONN, since the kernel has not joined the two yet (veth_open of
   * drivers/net/veth.c); its index counts only when the near end is given one too (veth_newlink).
   */
  readonly peer?: Omit<NewLink, 'master'>;
}

export interface NewBridge extends NewLink {
  readonly stp?: boolean;
  readonly multicastSnooping?: boolean;
}

/** A link that stands on another one. */
export interface NewStackedLink extends NewLink {
  /** Index of the link that it stands on, in the namespace of the socket, whichever the link itself is born in. */
  readonly parent: number;
}

export interface NewMacvlan extends NewStackedLink {
  /** Who of those on the same parent can talk to each other; `passthru`: the parent is this link's alone. */
  readonly mode: keyof typeof MACVLAN_MODES;
}

/** It has the hardware address of its parent. */
export interface NewIpvlan extends Omit<NewStackedLink, 'address'> {
  readonly mode: keyof typeof IPVLAN_MODES;
  readonly flag: keyof typeof IPVLAN_FLAGS;
}

export interface NewVlan extends NewStackedLink {
  /** 1 to 4094 (IEEE 802.1Q). */
  readonly id: number;
}

export interface LinkChange extends LinkSettings {
  /** Only a link that is there takes one: rtnl_create_link of net/core/rtnetlink.c leaves it out. */
  readonly alias?: string;
  /**
   * No IPv6 address, not even a link-local one, comes by itself (IN6_ADDR_GEN_MODE_NONE). Only for a link that is
   * there, before it is set up: at creation Linux refuses it with EAFNOSUPPORT, as the link has no IPv6 yet.
   */
  readonly noIPv6Addresses?: boolean;
  /** A new name, for a link that is referred to by index; the link must be down, or the kernel recent. */
  readonly name?: string;
  readonly master?: number | null;
}

export interface BridgePortChange {
  readonly hairpin?: boolean;
  readonly isolated?: boolean;
  readonly learning?: boolean;
}

function header(index: number, up: boolean | undefined, family = AF_UNSPEC): Buffer {
  const bytes = Buffer.alloc(IFINFOMSG_LENGTH);
  bytes.writeUInt8(family, 0);
  bytes.writeInt32LE(index, 4);
  if (up !== undefined) {
    bytes.writeUInt32LE(up ? IFF_UP : 0, 8);
    bytes.writeUInt32LE(IFF_UP, 12);
  }
  return bytes;
}

function writeSettings(writer: AttributeWriter, settings: LinkSettings): void {
  if (settings.address !== undefined) writer.bytesOf(IFLA.ADDRESS, parseHardware(settings.address));
  if (settings.mtu !== undefined) writer.u32(IFLA.MTU, settings.mtu);
  if (settings.group !== undefined) writer.u32(IFLA.GROUP, settings.group);
  if (settings.txQueueLength !== undefined) writer.u32(IFLA.TXQLEN, settings.txQueueLength);
  const { namespace } = settings;
  if (namespace !== undefined) {
    if ('pid' in namespace) writer.u32(IFLA.NET_NS_PID, namespace.pid);
    else writer.u32(IFLA.NET_NS_FD, namespace.fd);
  }
}

function newLink(
  kind: string,
  link: NewLink & { parent?: number },
  data?: (writer: AttributeWriter) => void,
): RouteRequest {
  const writer = new AttributeWriter().raw(header(link.index ?? 0, link.up));
  if (link.name !== undefined) writer.string(IFLA.IFNAME, link.name);
  writeSettings(writer, link);
  if (link.parent !== undefined) writer.u32(IFLA.LINK, link.parent);
  if (link.master !== undefined) writer.u32(IFLA.MASTER, link.master);
  writer.nested(IFLA.LINKINFO, (info) => {
    info.string(IFLA_INFO.KIND, kind);
    if (data !== undefined) info.nested(IFLA_INFO.DATA, data);
  });
  const flags = NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL;
  return { type: RTM_NEWLINK, flags, payload: writer.bytes, op: `add ${kind}`, subject: link.name };
}

const nameOf = (ref: LinkRef): string => ('name' in ref ? ref.name : `interface ${ref.index}`);

function about(ref: LinkRef, up: boolean | undefined, family = AF_UNSPEC): AttributeWriter {
  const writer = new AttributeWriter().raw(header('index' in ref ? ref.index : 0, up, family));
  return 'name' in ref ? writer.string(IFLA.IFNAME, ref.name) : writer;
}

/** Changes of links, as values for {@link RouteSocket.run}. */
export const linkRequests = {
  /** A veth pair. The peer can be born in another namespace, which saves the price of moving it there. */
  addVeth(veth: NewVeth): RouteRequest {
    const { peer } = veth;
    if (peer === undefined) return newLink('veth', veth);
    return newLink('veth', veth, (data) =>
      data.nested(VETH_INFO_PEER, (info) => {
        info.raw(header(peer.index ?? 0, peer.up));
        if (peer.name !== undefined) info.string(IFLA.IFNAME, peer.name);
        writeSettings(info, peer);
      }),
    );
  },

  /** A bridge. One that is given a hardware address keeps it whatever ports it gets. */
  addBridge(bridge: NewBridge): RouteRequest {
    return newLink('bridge', bridge, (data) => {
      if (bridge.stp !== undefined) data.u32(IFLA_BR.STP_STATE, bridge.stp ? 1 : 0);
      if (bridge.multicastSnooping !== undefined)
        data.u8(IFLA_BR.MCAST_SNOOPING, bridge.multicastSnooping ? 1 : 0);
    });
  },

  addDummy(dummy: NewLink): RouteRequest {
    return newLink('dummy', dummy);
  },

  /**
   * A link with a hardware address of its own on a link that is there. Kernels before 6.15 refuse one that is to be
   * born in another namespace with EEXIST, if its name is taken in that of the socket (rtnl_newlink of
   * net/core/rtnetlink.c); this goes for every kind.
   */
  addMacvlan(macvlan: NewMacvlan): RouteRequest {
    return newLink('macvlan', macvlan, (data) => data.u32(IFLA_MACVLAN.MODE, MACVLAN_MODES[macvlan.mode]));
  },

  /** A link with the hardware address of the one that it stands on, and addresses of its own. */
  addIpvlan(ipvlan: NewIpvlan): RouteRequest {
    return newLink('ipvlan', ipvlan, (data) =>
      data.u16(IFLA_IPVLAN.MODE, IPVLAN_MODES[ipvlan.mode]).u16(IFLA_IPVLAN.FLAGS, IPVLAN_FLAGS[ipvlan.flag]),
    );
  },

  /** An 802.1q link: what its parent sends and receives with that tag. */
  addVlan(vlan: NewVlan): RouteRequest {
    return newLink('vlan', vlan, (data) => data.u16(IFLA_VLAN.ID, vlan.id));
  },

  /**
   * Changes settings of a link.
   *
   * @throws BerthError `invalid` for a new name with a reference by name: IFLA_IFNAME is either, and the kernel would
   * change the link that has the new name
   */
  set(ref: LinkRef, change: LinkChange): RouteRequest {
    if ('name' in ref && change.name !== undefined) {
      throw new BerthError('invalid', `cannot rename ${ref.name} to ${change.name} by name: use its index`, {
        op: 'set link',
        subject: ref.name,
      });
    }
    const writer = new AttributeWriter().raw(header('index' in ref ? ref.index : 0, change.up));
    const name = change.name ?? ('name' in ref ? ref.name : undefined);
    if (name !== undefined) writer.string(IFLA.IFNAME, name);
    writeSettings(writer, change);
    if (change.alias !== undefined) writer.bytesOf(IFLA.IFALIAS, Buffer.from(change.alias));
    if (change.master !== undefined) writer.u32(IFLA.MASTER, change.master ?? 0);
    if (change.noIPv6Addresses === true) {
      writer.nested(IFLA.AF_SPEC, (spec) =>
        spec.nested(AF_INET6, (inet6) => inet6.u8(IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE)),
      );
    }
    return {
      type: RTM_NEWLINK,
      flags: NLM_F_ACK,
      payload: writer.bytes,
      op: 'set link',
      subject: nameOf(ref),
    };
  },

  /** Changes a port by the index of its link; the kernel looks for no name here (rtnl_bridge_setlink). */
  setBridgePort(ref: { readonly index: number }, change: BridgePortChange): RouteRequest {
    const writer = about(ref, undefined, AF_BRIDGE).nested(IFLA.PROTINFO, (port) => {
      if (change.hairpin !== undefined) port.u8(IFLA_BRPORT.MODE, change.hairpin ? 1 : 0);
      if (change.isolated !== undefined) port.u8(IFLA_BRPORT.ISOLATED, change.isolated ? 1 : 0);
      if (change.learning !== undefined) port.u8(IFLA_BRPORT.LEARNING, change.learning ? 1 : 0);
    });
    return {
      type: RTM_SETLINK,
      flags: NLM_F_ACK,
      payload: writer.bytes,
      op: 'set bridge port',
      subject: nameOf(ref),
    };
  },

  delete(ref: LinkRef): RouteRequest {
    const { bytes } = about(ref, undefined);
    return { type: RTM_DELLINK, flags: NLM_F_ACK, payload: bytes, op: 'delete link', subject: nameOf(ref) };
  },

  /** Deletes all links of a group, for the price of one. */
  deleteGroup(group: number): RouteRequest {
    const { bytes } = new AttributeWriter().raw(header(0, undefined)).u32(IFLA.GROUP, group);
    return {
      type: RTM_DELLINK,
      flags: NLM_F_ACK,
      payload: bytes,
      op: 'delete links of group',
      subject: String(group),
    };
  },
};
