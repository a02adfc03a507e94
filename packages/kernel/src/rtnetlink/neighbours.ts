import { AttributeReader, atLeast } from '../netlink/index.js';
import { AF_BRIDGE, familyOf, formatHardware, formatInternet } from './internet.js';
import type { FdbEntry, Neighbour, NeighbourCacheInfo } from './types.js';

/** NDA_* and struct ndmsg of include/uapi/linux/neighbour.h. */
const NDA = { DST: 1, LLADDR: 2, CACHEINFO: 3, PROBES: 4, VLAN: 5, MASTER: 9, PROTOCOL: 12 } as const;
const NDMSG_LENGTH = 12;

interface Fields {
  destination?: string;
  address?: string;
  cacheInfo?: NeighbourCacheInfo;
  probes?: number;
  vlan?: number;
  master?: number;
  protocol?: number;
}

function readFields(payload: Buffer): Fields {
  atLeast(NDMSG_LENGTH, payload, 'a neighbour');
  const fields: Fields = {};
  const reader = new AttributeReader(payload.subarray(NDMSG_LENGTH));
  while (reader.next()) {
    switch (reader.type) {
      case NDA.DST:
        fields.destination = formatInternet(reader.bytes);
        break;
      case NDA.LLADDR:
        fields.address = formatHardware(reader.bytes);
        break;
      case NDA.CACHEINFO:
        atLeast(16, reader.bytes, 'the age of a neighbour');
        fields.cacheInfo = {
          confirmed: reader.bytes.readUInt32LE(0),
          used: reader.bytes.readUInt32LE(4),
          updated: reader.bytes.readUInt32LE(8),
          references: reader.bytes.readUInt32LE(12),
        };
        break;
      case NDA.PROBES:
        fields.probes = reader.u32();
        break;
      case NDA.VLAN:
        fields.vlan = reader.u16();
        break;
      case NDA.MASTER:
        fields.master = reader.u32();
        break;
      case NDA.PROTOCOL:
        fields.protocol = reader.u8();
        break;
    }
  }
  return fields;
}

/** Reads the payload of RTM_NEWNEIGH; undefined for families other than the Internet's. */
export function parseNeighbour(payload: Buffer): Neighbour | undefined {
  const { destination, ...fields } = readFields(payload);
  const family = familyOf(payload.readUInt8(0));
  if (family === undefined || destination === undefined) return undefined;
  return { family, destination, ...fields, ...common(payload) };
}

/** Reads the payload of RTM_NEWNEIGH of a bridge; undefined for anything else. */
export function parseFdbEntry(payload: Buffer): FdbEntry | undefined {
  const { address, master, vlan, cacheInfo } = readFields(payload);
  if (payload.readUInt8(0) !== AF_BRIDGE || address === undefined) return undefined;
  return { address, master, vlan, cacheInfo, ...common(payload) };
}

function common(payload: Buffer): { index: number; state: number; flags: number } {
  return { index: payload.readInt32LE(4), state: payload.readUInt16LE(8), flags: payload.readUInt8(10) };
}

/** Asks for the whole table of a family (struct ndmsg); `proxy` asks for its proxy entries instead. */
export function neighbourListing(family: number, proxy: boolean): Buffer {
  const NTF_PROXY = 8;
  const header = Buffer.alloc(NDMSG_LENGTH);
  header.writeUInt8(family, 0);
  if (proxy) header.writeUInt8(NTF_PROXY, 10);
  return header;
}
