import { BerthError } from '@berth/core';
import { parseHardware, parseInternet } from '../rtnetlink/index.js';

/** IFNAMSIZ of include/uapi/linux/if.h. */
const IFNAME_LENGTH = 16;
/** IPPROTO_* (include/uapi/linux/in.h). */
const PROTOCOLS = { tcp: 6, udp: 17, sctp: 132 } as const;
export type TransportProtocol = keyof typeof PROTOCOLS;

/** The bytes of set and map elements, by the data type of the set's declaration (nft(8)). */
export const nftKeys = {
  /** `ipv4_addr`, `ipv6_addr` */
  address: (text: string): Buffer => parseInternet(text).bytes,
  /** `ether_addr` */
  etherAddress: (text: string): Buffer => parseHardware(text),
  /** `inet_service` */
  service(port: number): Buffer {
    const bytes = Buffer.alloc(2);
    bytes.writeUInt16BE(port);
    return bytes;
  },
  /** `inet_proto` */
  protocol: (name: TransportProtocol): Buffer => Buffer.from([PROTOCOLS[name]]),
  /** `ifname` @throws BerthError `invalid` for a name of 16 bytes or more */
  interfaceName(name: string): Buffer {
    const bytes = Buffer.alloc(IFNAME_LENGTH);
    if (bytes.write(name) !== Buffer.byteLength(name) || bytes[IFNAME_LENGTH - 1] !== 0) {
      throw new BerthError('invalid', `"${name}" is too long for an interface: at most 15 bytes`, {
        subject: name,
      });
    }
    return bytes;
  },
  /** A concatenation: each field takes a multiple of four bytes (NFT_REG32_SIZE). */
  concat(...fields: readonly Buffer[]): Buffer {
    return Buffer.concat(fields.map((field) => Buffer.concat([field, Buffer.alloc(-field.length & 3)])));
  },
};
