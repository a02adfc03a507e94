import { AttributeReader, atLeast } from '../netlink/index.js';
import { formatHardware } from './internet.js';
import { IFINFOMSG_LENGTH, IFLA, IFLA_BR, IFLA_BRPORT, IFLA_INFO } from './link-attributes.js';
import type { BridgePortSettings, BridgeSettings, Link, LinkStatistics } from './types.js';

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** Reads the payload of RTM_NEWLINK: struct ifinfomsg and its attributes. */
export function parseLink(payload: Buffer): Link {
  atLeast(IFINFOMSG_LENGTH, payload, 'a link');
  const altNames: string[] = [];
  const link: Mutable<Link> = {
    index: payload.readInt32LE(4),
    name: '',
    type: payload.readUInt16LE(2),
    flags: payload.readUInt32LE(8),
    mtu: 0,
    operState: 0,
    linkMode: 0,
    txQueueLength: 0,
    altNames,
    promiscuity: 0,
  };
  const reader = new AttributeReader(payload.subarray(IFINFOMSG_LENGTH));
  while (reader.next()) {
    switch (reader.type) {
      case IFLA.IFNAME:
        link.name = reader.string();
        break;
      case IFLA.MTU:
        link.mtu = reader.u32();
        break;
      case IFLA.ADDRESS:
        if (reader.bytes.length > 0) link.address = formatHardware(reader.bytes);
        break;
      case IFLA.BROADCAST:
        if (reader.bytes.length > 0) link.broadcast = formatHardware(reader.bytes);
        break;
      case IFLA.PERM_ADDRESS:
        link.permanentAddress = formatHardware(reader.bytes);
        break;
      case IFLA.LINK:
        link.link = reader.u32();
        break;
      case IFLA.LINK_NETNSID:
        link.linkNetnsId = reader.i32();
        break;
      case IFLA.QDISC:
        link.qdisc = reader.string();
        break;
      case IFLA.MASTER:
        link.master = reader.u32();
        break;
      case IFLA.TXQLEN:
        link.txQueueLength = reader.u32();
        break;
      case IFLA.OPERSTATE:
        link.operState = reader.u8();
        break;
      case IFLA.LINKMODE:
        link.linkMode = reader.u8();
        break;
      case IFLA.IFALIAS:
        link.alias = reader.string();
        break;
      case IFLA.GROUP:
        link.group = reader.u32();
        break;
      case IFLA.PROMISCUITY:
        link.promiscuity = reader.u32();
        break;
      case IFLA.CARRIER_CHANGES:
        link.carrierChanges = reader.u32();
        break;
      case IFLA.STATS64:
        link.stats64 = parseStatistics(reader.bytes);
        break;
      case IFLA.PROP_LIST:
        readAltNames(reader.nested(), altNames);
        break;
      case IFLA.LINKINFO:
        readLinkInfo(reader.nested(), link);
        break;
    }
  }
  return link;
}

function readAltNames(reader: AttributeReader, names: string[]): void {
  while (reader.next()) if (reader.type === IFLA.ALT_IFNAME) names.push(reader.string());
}

function readLinkInfo(reader: AttributeReader, link: Mutable<Link>): void {
  let data: AttributeReader | undefined;
  let slaveData: AttributeReader | undefined;
  while (reader.next()) {
    if (reader.type === IFLA_INFO.KIND) link.kind = reader.string();
    else if (reader.type === IFLA_INFO.SLAVE_KIND) link.slaveKind = reader.string();
    else if (reader.type === IFLA_INFO.DATA) data = reader.nested();
    else if (reader.type === IFLA_INFO.SLAVE_DATA) slaveData = reader.nested();
  }
  if (link.kind === 'bridge' && data !== undefined) link.bridge = parseBridge(data);
  if (link.slaveKind === 'bridge' && slaveData !== undefined) link.bridgePort = parseBridgePort(slaveData);
}

function parseBridge(reader: AttributeReader): BridgeSettings {
  const bridge: Mutable<BridgeSettings> = { stpEnabled: false, vlanFiltering: false };
  while (reader.next()) {
    if (reader.type === IFLA_BR.STP_STATE) bridge.stpEnabled = reader.u32() !== 0;
    else if (reader.type === IFLA_BR.VLAN_FILTERING) bridge.vlanFiltering = reader.u8() !== 0;
    else if (reader.type === IFLA_BR.BRIDGE_ID) {
      const hex = reader.bytes.toString('hex');
      bridge.bridgeId = `${hex.slice(0, 4)}.${hex.slice(4)}`;
    }
  }
  return bridge;
}

function parseBridgePort(reader: AttributeReader): BridgePortSettings {
  const port: Mutable<BridgePortSettings> = { hairpin: false, isolated: false, learning: true };
  while (reader.next()) {
    if (reader.type === IFLA_BRPORT.STATE) port.state = reader.u8();
    else if (reader.type === IFLA_BRPORT.NO) port.portNumber = reader.u16();
    else if (reader.type === IFLA_BRPORT.MODE) port.hairpin = reader.u8() !== 0;
    else if (reader.type === IFLA_BRPORT.ISOLATED) port.isolated = reader.u8() !== 0;
    else if (reader.type === IFLA_BRPORT.LEARNING) port.learning = reader.u8() !== 0;
  }
  return port;
}

/** The members of struct rtnl_link_stats64 in their order (include/uapi/linux/if_link.h). */
const STATISTICS = [
  'rxPackets',
  'txPackets',
  'rxBytes',
  'txBytes',
  'rxErrors',
  'txErrors',
  'rxDropped',
  'txDropped',
  'multicast',
  'collisions',
  'rxLengthErrors',
  'rxOverErrors',
  'rxCrcErrors',
  'rxFrameErrors',
  'rxFifoErrors',
  'rxMissedErrors',
  'txAbortedErrors',
  'txCarrierErrors',
  'txFifoErrors',
  'txHeartbeatErrors',
  'txWindowErrors',
  'rxCompressed',
  'txCompressed',
  'rxNohandler',
] as const satisfies readonly (keyof LinkStatistics)[];

function parseStatistics(bytes: Buffer): LinkStatistics {
  // Older kernels have fewer members at the end.
  const value = (at: number): bigint => (at + 8 <= bytes.length ? bytes.readBigUInt64LE(at) : 0n);
  const entries = STATISTICS.map((name, index) => [name, value(index * 8)] as const);
  return Object.fromEntries(entries) as Record<(typeof STATISTICS)[number], bigint>;
}
