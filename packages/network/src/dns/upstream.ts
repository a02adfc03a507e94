import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { Socket, connect, isIP, isIPv6 } from 'node:net';
import { NetworkNamespace, bindSocket, connectSocket, type BoundSocket } from '@berth/kernel';
import { FrameReader, frame } from './frames.js';
import { MAX_TCP_SIZE } from './message.js';
import { literalAddress } from './literal-address.js';

/** A server to ask. */
export interface Upstream {
  readonly address: string;
  readonly port: number;
  /** The namespace file of the sandbox that it is asked from; undefined: the host. */
  readonly from?: string;
}

/** Port of every DNS server that resolv.conf(5) can name. */
const DNS_PORT = 53;

/**
 * Reads `ADDRESS`, or `ADDRESS#PORT` as dnsmasq has it for a server on another port than 53.
 *
 * @returns undefined for what is neither
 */
export function parseUpstream(text: string): Upstream | undefined {
  const [, address = '', port] = /^([^#]*)(?:#(\d{1,5}))?$/.exec(text) ?? [];
  const number = port === undefined ? DNS_PORT : Number(port);
  return isIP(address) !== 0 && number > 0 && number < 0x10000 ? { address, port: number } : undefined;
}

/** One question under way to one server. */
export interface Attempt {
  close(): void;
}

/** Never called before the asking function has returned, and never after `close`. */
export interface AttemptEvents {
  onMessage(message: Buffer): void;
  /** Nothing will come: unreachable, refused, closed. */
  onFailure(): void;
}

/**
 * Asks over UDP. Each question has a socket, and so a random port, of its own, and the socket is connected:
 * the kernel delivers only what comes from the server asked, and its "port unreachable" at once.
 *
 * @throws KernelError where the sandbox it is asked from has gone
 */
export function askUdp(server: Upstream, message: Buffer, events: AttemptEvents): Attempt {
  const type = isIPv6(server.address) ? 'udp6' : 'udp4';
  const { from } = server;
  const bound = from === undefined ? undefined : bindInside(from, type === 'udp6' ? '::' : '0.0.0.0');
  const socket = createSocket({ type, lookup: literalAddress });
  let open = true;
  const close = () => {
    if (!open) return;
    open = false;
    socket.close();
  };
  const fail = () => {
    // In a turn of its own, since dgram reports a failed bind (no descriptors left) from within `connect`.
    process.nextTick(() => {
      if (open) events.onFailure();
    });
  };
  socket.on('error', fail);
  socket.on('message', (answer) => {
    if (open) events.onMessage(answer);
  });
  socket.on('connect', () => {
    if (!open) return;
    socket.send(message, (error) => {
      if (error) fail();
    });
  });
  if (bound === undefined) socket.connect(server.port, server.address);
  else connectBound(socket, bound, server, () => open);
  return { close };
}

/** Makes a socket in a sandbox; it stays there whoever uses it. */
function bindInside(path: string, address: string): BoundSocket {
  using namespace = NetworkNamespace.open(path);
  return bindSocket({ protocol: 'udp', address, port: 0, namespace });
}

function connectBound(socket: UdpSocket, { fd }: BoundSocket, server: Upstream, isOpen: () => boolean): void {
  socket.bind({ fd, exclusive: true }, () => {
    if (isOpen()) socket.connect(server.port, server.address);
  });
}

/**
 * Asks over TCP: one question, one connection.
 *
 * @throws KernelError where the sandbox it is asked from has gone, or has no way to the server
 */
export function askTcp(server: Upstream, message: Buffer, events: AttemptEvents): Attempt {
  const { from } = server;
  const socket =
    from === undefined
      ? connect({ host: server.address, port: server.port, lookup: literalAddress, noDelay: true })
      : connectInside(from, server);
  const reader = new FrameReader(MAX_TCP_SIZE);
  const fail = () => {
    if (!socket.destroyed) events.onFailure();
  };
  // Written at once: it waits for the connection.
  socket.write(frame(message));
  socket.on('data', (chunk) => {
    reader.push(chunk);
    for (let answer = reader.next(); Buffer.isBuffer(answer); answer = reader.next()) {
      if (!socket.destroyed) events.onMessage(answer);
    }
  });
  socket.on('end', fail);
  socket.on('error', () => {
    events.onFailure();
  });
  return { close: () => socket.destroy() };
}

/** A connection from within a sandbox, under way. */
function connectInside(path: string, { address, port }: Upstream): Socket {
  using namespace = NetworkNamespace.open(path);
  const fd = connectSocket({ address, port, namespace });
  return new Socket({ fd, readable: true, writable: true });
}
