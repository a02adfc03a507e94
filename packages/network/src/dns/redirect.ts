import {
  NftSocket,
  expressions,
  isErrno,
  nftChanges,
  nftKeys,
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
  const content = tableContent(address, ports);
  using socket = NftSocket.open(namespace);
  try {
    socket.commit([nftChanges.addTable('ip', TABLE, { exclusive: true }), ...content]);
  } catch (error) {
    if (!isErrno(error, 'EEXIST')) throw error;
    // Only now a deletion, since closing a socket that has deleted waits for a grace period (12 to 25 ms).
    socket.commit([nftChanges.deleteTable('ip', TABLE), nftChanges.addTable('ip', TABLE), ...content]);
  }
}

/** Takes the redirect away; one that is not there is no error. @throws KernelError */
export function removeRedirect(namespace: NetworkNamespace): void {
  using socket = NftSocket.open(namespace);
  socket.commit([nftChanges.addTable('ip', TABLE), nftChanges.deleteTable('ip', TABLE)]);
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
      rewrite(protocol, ['ipDestination', 'destinationPort'], address, DNS_PORT, ports[protocol]),
      rewrite(protocol, ['ipSource', 'sourcePort'], address, ports[protocol], DNS_PORT),
    ]),
  ];
}

/** A rule that makes port `from` port `to`, in packets of `protocol` to or from `address`. */
function rewrite(
  protocol: Transport,
  [side, port]: ['ipDestination', 'destinationPort'] | ['ipSource', 'sourcePort'],
  address: string,
  from: number,
  to: number,
): NftChange {
  return nftChanges.addRule({
    family: 'ip',
    table: TABLE,
    chain: CHAIN,
    expressions: [
      expressions.payload(side),
      expressions.equals(nftKeys.address(address)),
      expressions.transportProtocol(),
      expressions.equals(nftKeys.protocol(protocol)),
      expressions.payload(port),
      expressions.equals(nftKeys.service(from)),
      expressions.immediate(nftKeys.service(to)),
      expressions.writePayload(port, protocol),
      expressions.notrack(),
    ],
  });
}
