import { inNamespace, type NetworkNamespace } from '../namespace/index.js';
import { AttributeReader, NLM_F_DUMP, NetlinkSocket, atLeast } from '../netlink/index.js';
import { AF_INET, AF_INET6, formatInternet } from '../rtnetlink/internet.js';

/** NETLINK_SOCK_DIAG (include/uapi/linux/netlink.h); SOCK_DIAG_BY_FAMILY (include/uapi/linux/sock_diag.h) */
const NETLINK_SOCK_DIAG = 4;
const SOCK_DIAG_BY_FAMILY = 20;
/** sizeof(struct inet_diag_req_v2), sizeof(struct inet_diag_msg) (include/uapi/linux/inet_diag.h) */
const REQUEST_LENGTH = 56;
const MESSAGE_LENGTH = 72;
/** An attribute of one byte: whether an IPv6 socket is deaf to IPv4. */
const INET_DIAG_SKV6ONLY = 11;
/** enum of include/net/tcp_states.h: TCP_CLOSE is also a udp socket that isn't connected; the last is of Linux 6.8. */
const TCP_CLOSE = 7;
const TCP_LISTEN = 10;
const TCP_BOUND_INACTIVE = 13;
/** IPPROTO_* (include/uapi/linux/in.h), and the states in which a socket holds its port. */
const PROTOCOLS = {
  tcp: { number: 6, states: (1 << TCP_LISTEN) | (1 << TCP_BOUND_INACTIVE) },
  udp: { number: 17, states: 1 << TCP_CLOSE },
} as const;
/** ::ffff:0:0/96, an IPv4 address that an IPv6 socket is bound to (RFC 4291, 2.5.5.2) */
const MAPPED_PREFIX = Buffer.from('00000000000000000000ffff', 'hex');

/** A socket that holds a port. */
export interface BoundPort {
  readonly protocol: 'tcp' | 'udp';
  /** `0.0.0.0` or `::` for all; an IPv4 address for IPv6 sockets that are bound to one. */
  readonly address: string;
  readonly port: number;
  /** Whether the socket leaves the port of IPv4 free (IPV6_V6ONLY). */
  readonly ipv6Only: boolean;
  /** What tells sockets apart, see `holderOf`. */
  readonly inode: number;
  readonly userId: number;
}

export interface BoundPortsOptions {
  /** Default: both. */
  readonly protocol?: BoundPort['protocol'];
  /** Default: that of the calling thread. */
  readonly namespace?: NetworkNamespace;
}

/**
 * The sockets of both families that hold a port by themselves: tcp ones that listen or (seen since Linux 6.8) are bound
 * and don't listen yet, and udp ones that aren't connected, be it that the kernel chose their port.
 *
 * @throws KernelError ENOENT where the kernel lacks the module (tcp_diag, udp_diag)
 */
export function boundPorts({ protocol, namespace }: BoundPortsOptions = {}): BoundPort[] {
  const open = () => NetlinkSocket.open(NETLINK_SOCK_DIAG);
  using socket = namespace === undefined ? open() : inNamespace(namespace, open);
  return (protocol === undefined ? (['tcp', 'udp'] as const) : [protocol]).flatMap((each) =>
    [AF_INET, AF_INET6].flatMap((family) => list(socket, family, each)),
  );
}

function list(socket: NetlinkSocket, family: number, protocol: BoundPort['protocol']): BoundPort[] {
  const { number, states } = PROTOCOLS[protocol];
  const payload = Buffer.alloc(REQUEST_LENGTH);
  payload.writeUInt8(family, 0);
  payload.writeUInt8(number, 1);
  payload.writeUInt32LE(states, 4);
  const request = {
    type: SOCK_DIAG_BY_FAMILY,
    flags: NLM_F_DUMP,
    payload,
    op: 'list sockets of',
    subject: protocol,
  };
  let found: BoundPort[] = [];
  socket.query(
    request,
    (message) => void found.push(parseBoundPort(message.payload, protocol)),
    () => (found = []),
  );
  return found;
}

/** Reads struct inet_diag_msg: family, state, timer, retransmissions; ports, addresses, interface, cookie; counters. */
function parseBoundPort(payload: Buffer, protocol: BoundPort['protocol']): BoundPort {
  atLeast(MESSAGE_LENGTH, payload, 'a socket');
  const address = payload.subarray(8, payload.readUInt8(0) === AF_INET ? 12 : 24);
  const mapped = address.length === 16 && address.subarray(0, 12).equals(MAPPED_PREFIX);
  let ipv6Only = false;
  const reader = new AttributeReader(payload.subarray(MESSAGE_LENGTH));
  while (reader.next()) if (reader.type === INET_DIAG_SKV6ONLY) ipv6Only = reader.u8() !== 0;
  return {
    protocol,
    address: formatInternet(mapped ? address.subarray(12) : address),
    port: payload.readUInt16BE(4),
    ipv6Only,
    userId: payload.readUInt32LE(64),
    inode: payload.readUInt32LE(68),
  };
}
