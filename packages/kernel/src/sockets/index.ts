import { isIPv6 } from 'node:net';
import { KernelError } from '../errors.js';
import { bind, check, close, declare, errnoName, getsockname, setsockopt, socket } from '../libc/index.js';
import { inNamespace, type NetworkNamespace } from '../namespace/index.js';
import { parseInternet } from '../rtnetlink/index.js';

/** include/linux/socket.h, include/linux/net.h */
const AF_INET = 2;
const AF_INET6 = 10;
const SOCK_STREAM = 1;
const SOCK_DGRAM = 2;
const SOCK_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2000000;
/** include/uapi/linux/in.h, include/uapi/linux/in6.h */
const IPPROTO_IPV6 = 41;
const IPPROTO_SCTP = 132;
const IPV6_V6ONLY = 26;
/** sizeof(struct sockaddr_in), sizeof(struct sockaddr_in6) */
const SOCKADDR_IN_LENGTH = 16;
const SOCKADDR_IN6_LENGTH = 28;

const connect = declare<[fd: number, address: Buffer, length: number]>('connect', 'int', [
  'int',
  'void *',
  'unsigned int',
]);
const listen = declare<[fd: number, backlog: number]>('listen', 'int', ['int', 'int']);

export interface SocketRequest {
  /** The kernel may have no sockets of sctp (EPROTONOSUPPORT). */
  readonly protocol: 'tcp' | 'udp' | 'sctp';
  readonly address: string;
  /** 0: the kernel chooses. */
  readonly port: number;
  /** Where the socket is made, and stays. */
  readonly namespace?: NetworkNamespace;
  /** For tcp: listen, with this backlog. Without it the port is only held. */
  readonly listen?: number;
}

export interface BoundSocket {
  readonly fd: number;
  readonly port: number;
}

/**
 * A socket bound to an address and port, without SO_REUSEADDR, so that nobody else can take them. Node adopts the
 * descriptor: `dgram.Socket.bind({ fd })`, `net.Server.listen({ fd })`. `::` takes the port of IPv6 alone.
 *
 * @throws KernelError EADDRINUSE, EADDRNOTAVAIL, EACCES, … naming protocol, address and port
 */
export function bindSocket(request: SocketRequest): BoundSocket {
  const { namespace } = request;
  return namespace === undefined ? open(request) : inNamespace(namespace, () => open(request));
}

/**
 * A TCP socket that is connecting, made in a namespace; what is written to it waits for the connection. Node adopts
 * the descriptor: `new net.Socket({ fd })`.
 *
 * @throws KernelError ENETUNREACH, EACCES, … naming address and port
 */
export function connectSocket(request: Pick<SocketRequest, 'address' | 'port' | 'namespace'>): number {
  const { address, port, namespace } = request;
  const start = () => {
    const subject = isIPv6(address) ? `[${address}]:${port}` : `${address}:${port}`;
    const family = isIPv6(address) ? AF_INET6 : AF_INET;
    const fd = check(
      socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0),
      'open socket for',
      subject,
    );
    const name = socketAddress(address, port);
    const result = connect(fd, name, name.length);
    if (result >= 0 || errnoName(-result) === 'EINPROGRESS') return fd;
    close(fd);
    throw new KernelError(errnoName(-result), { op: 'connect to', subject });
  };
  return namespace === undefined ? start() : inNamespace(namespace, start);
}

/** Closes a descriptor that Node does not own. */
export function closeDescriptor(fd: number): void {
  close(fd);
}

function open({ protocol, address, port, listen: backlog }: SocketRequest): BoundSocket {
  const host = isIPv6(address) ? `[${address}]` : address;
  const subject = `${host}:${port}/${protocol}`;
  const type = (protocol === 'udp' ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC | SOCK_NONBLOCK;
  const family = isIPv6(address) ? AF_INET6 : AF_INET;
  const fd = check(socket(family, type, protocol === 'sctp' ? IPPROTO_SCTP : 0), 'open socket for', subject);
  try {
    if (isIPv6(address)) {
      const on = Buffer.from([1, 0, 0, 0]);
      check(setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, on, on.length), 'keep to IPv6 for', subject);
    }
    const name = socketAddress(address, port);
    const bound = bind(fd, name, name.length);
    if (bound < 0) throw new KernelError(errnoName(-bound), { op: 'bind', subject });
    if (backlog !== undefined) check(listen(fd, backlog), 'listen on', subject);
    return { fd, port: boundPort(fd, subject) };
  } catch (error) {
    close(fd);
    throw error;
  }
}

/** struct sockaddr_in or sockaddr_in6: family in the machine's order, port in the network's, address. */
function socketAddress(address: string, port: number): Buffer {
  const { family, bytes } = parseInternet(address);
  const inet = family === 'inet';
  const buffer = Buffer.alloc(inet ? SOCKADDR_IN_LENGTH : SOCKADDR_IN6_LENGTH);
  buffer.writeUInt16LE(inet ? AF_INET : AF_INET6, 0);
  buffer.writeUInt16BE(port, 2);
  bytes.copy(buffer, inet ? 4 : 8);
  return buffer;
}

function boundPort(fd: number, subject: string): number {
  const address = Buffer.alloc(SOCKADDR_IN6_LENGTH);
  const length = Buffer.alloc(4);
  length.writeUInt32LE(address.length);
  check(getsockname(fd, address, length), 'read address of', subject);
  return address.readUInt16BE(2);
}
