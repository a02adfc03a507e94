import { createSocket } from 'node:dgram';
import { connect, isIP, isIPv6 } from 'node:net';
import { FrameReader, frame } from './frames.js';
import { MAX_TCP_SIZE } from './message.js';
import { literalAddress } from './literal-address.js';

/** A server to ask. */
export interface Upstream {
  readonly address: string;
  readonly port: number;
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
 */
export function askUdp(server: Upstream, message: Buffer, events: AttemptEvents): Attempt {
  const socket = createSocket({ type: isIPv6(server.address) ? 'udp6' : 'udp4', lookup: literalAddress });
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
  socket.connect(server.port, server.address);
  return { close };
}

/** Asks over TCP: one question, one connection. */
export function askTcp(server: Upstream, message: Buffer, events: AttemptEvents): Attempt {
  const socket = connect({ host: server.address, port: server.port, lookup: literalAddress, noDelay: true });
  const reader = new FrameReader(MAX_TCP_SIZE);
  const fail = () => {
    if (!socket.destroyed) events.onFailure();
  };
  socket.on('connect', () => socket.write(frame(message)));
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
