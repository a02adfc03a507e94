import {
  NftSocket,
  expressions,
  isErrno,
  nftChanges,
  nftKeys,
  type Expression,
  type NetworkNamespace,
  type NftChange,
} from '@berth/kernel';
import type { Transport } from './forwarder.js';

/** Our one table in a sandbox; the container's own tables are never touched. */
const TABLE = 'berth-dns';
const CHAIN = 'output';
/** RFC 1035 section 4.2. */
const DNS_PORT = 53;
/** NF_IP_PRI_RAW (include/uapi/linux/netfilter_ipv4.h): before connection tracking. */
const PRIORITY_RAW = -300;
/** include/uapi/linux/netlink.h: what is there already is an error. */
const NLM_F_EXCL = 0x200;

/** Offsets of RFC 768 and RFC 9293. */
const SOURCE_PORT = 0;
const DESTINATION_PORT = 2;
const CHECKSUM = { udp: 6, tcp: 16 } as const;

const REGISTER = 1;
const TRANSPORT_HEADER = 2;
const PORT_LENGTH = 2;

/**
 * Has port 53 of `address` answered by servers at other ports of it, in one transaction that replaces what an
 * earlier daemon has left. Ports are rewritten in both directions, without connection tracking: it would be
 * switched on for all of the container's traffic, and keep an entry for every question. Port 53 of every
 * other address, 0.0.0.0 included, stays the container's.
 *
 * @throws KernelError
 */
export function redirectNameService(
  namespace: NetworkNamespace,
  address: string,
  ports: Readonly<Record<Transport, number>>,
): void {
  const table = nftChanges.addTable('ip', TABLE);
  const content = tableContent(address, ports);
  using socket = NftSocket.open(namespace);
  try {
    socket.commit([{ ...table, flags: table.flags | NLM_F_EXCL }, ...content]);
  } catch (error) {
    if (!isErrno(error, 'EEXIST')) throw error;
    // Only now a deletion, since closing a socket that has deleted waits for a grace period (12 to 25 ms).
    socket.commit([nftChanges.deleteTable('ip', TABLE), table, ...content]);
  }
}

function tableContent(address: string, ports: Readonly<Record<Transport, number>>): NftChange[] {
  const chain = nftChanges.addChain({
    family: 'ip',
    table: TABLE,
    name: CHAIN,
    type: 'filter',
    hook: 'output',
    priority: PRIORITY_RAW,
  });
  return [
    chain,
    ...(['udp', 'tcp'] as const).flatMap((protocol) => [
      rewrite(protocol, 'ipDestination', address, DESTINATION_PORT, DNS_PORT, ports[protocol]),
      rewrite(protocol, 'ipSource', address, SOURCE_PORT, ports[protocol], DNS_PORT),
    ]),
  ];
}

/** A rule that makes port `from` port `to`, in packets of `protocol` to or from `address`. */
function rewrite(
  protocol: Transport,
  field: 'ipDestination' | 'ipSource',
  address: string,
  offset: number,
  from: number,
  to: number,
): NftChange {
  return nftChanges.addRule({
    family: 'ip',
    table: TABLE,
    chain: CHAIN,
    expressions: [
      expressions.payload(field),
      expressions.equals(nftKeys.address(address)),
      expressions.transportProtocol(),
      expressions.equals(nftKeys.protocol(protocol)),
      loadPort(offset),
      expressions.equals(nftKeys.service(from)),
      immediate(nftKeys.service(to)),
      storePort(offset, CHECKSUM[protocol]),
      { name: 'notrack', write: () => undefined },
    ],
  });
}

/** NFTA_PAYLOAD_DREG 1, BASE 2, OFFSET 3, LEN 4 (include/uapi/linux/netfilter/nf_tables.h). */
function loadPort(offset: number): Expression {
  return {
    name: 'payload',
    write: (data) =>
      data.beU32(1, REGISTER).beU32(2, TRANSPORT_HEADER).beU32(3, offset).beU32(4, PORT_LENGTH),
  };
}

/** NFTA_IMMEDIATE_DREG 1, DATA 2; NFTA_DATA_VALUE 1. */
function immediate(value: Buffer): Expression {
  return {
    name: 'immediate',
    write: (data) => data.beU32(1, REGISTER).nested(2, (nested) => nested.bytesOf(1, value)),
  };
}

/** NFTA_PAYLOAD_BASE 2, OFFSET 3, LEN 4, SREG 5, CSUM_TYPE 6 (NFT_PAYLOAD_CSUM_INET is 1), CSUM_OFFSET 7. */
function storePort(offset: number, checksum: number): Expression {
  return {
    name: 'payload',
    write: (data) =>
      data
        .beU32(2, TRANSPORT_HEADER)
        .beU32(3, offset)
        .beU32(4, PORT_LENGTH)
        .beU32(5, REGISTER)
        .beU32(6, 1)
        .beU32(7, checksum),
  };
}
