import { isIPv6 } from 'node:net';
import { join } from 'node:path';
import { eventually, output, start } from './command.js';
import { REPOSITORY } from './paths.js';
import type { Place } from './places.js';

/** Values of the EtherType field (include/uapi/linux/if_ether.h). */
export const ETHER_TYPE = { ip: 0x0800, arp: 0x0806, vlan: 0x8100, ip6: 0x86dd, vlanOuter: 0x88a8 } as const;
/** Protocol numbers (IANA). */
export const PROTOCOL = { icmp: 1, tcp: 6, udp: 17, icmp6: 58 } as const;
export const BROADCAST = 'ff:ff:ff:ff:ff:ff';
/** All nodes of a link: the group, and the address of its frames (RFC 4291, section 2.7.1; RFC 2464, section 7). */
export const ALL_NODES = { ip: 'ff02::1', mac: '33:33:00:00:00:01' } as const;

// Debian's own: another one that comes first in PATH may be a slow wrapper.
const PYTHON = ['/usr/bin/python3', join(REPOSITORY, 'tests/box/raw-frames.py')];

/** Sends frames by a link of a place, past all that a socket of the Internet protocols would check. */
export async function sendFrames(place: Place, link: string, ...frames: readonly Buffer[]): Promise<void> {
  await output([...place, ...PYTHON, 'send', link, ...frames.map((frame) => frame.toString('hex'))]);
}

/** The frames that come in by a link of a place, from now on. */
export interface Listener extends AsyncDisposable {
  /** Whether a frame has come that holds these bytes. */
  heard(content: Buffer | string): boolean;
  readonly frames: readonly Buffer[];
}

export async function listen(place: Place, link: string): Promise<Listener> {
  const child = start([...place, ...PYTHON, 'listen', link]);
  let printed = '';
  child.stdout?.on('data', (chunk: Buffer) => (printed += chunk.toString()));
  child.stderr?.on('data', (chunk: Buffer) => (printed += chunk.toString()));
  const ended = new Promise((resolve) => child.once('close', resolve));
  await eventually(`a listener at ${link}`, () => {
    if (child.exitCode !== null) throw new Error(`no listener at ${link}: ${printed}`);
    return printed.startsWith('ready\n');
  });
  const frames = () =>
    printed
      .split('\n')
      .slice(1, -1)
      .map((line) => Buffer.from(line, 'hex'));
  return {
    heard: (content) => frames().some((frame) => frame.includes(content)),
    get frames() {
      return frames();
    },
    async [Symbol.asyncDispose]() {
      child.kill();
      await ended;
    },
  };
}

export interface Ethernet {
  readonly from: string;
  readonly to: string;
  readonly type: number;
  readonly payload: Buffer;
  /** Behind the packet, where nobody but a listener reads it: tells the frame from others. */
  readonly text?: string;
}

export function ethernet({ from, to, type, payload, text = '' }: Ethernet): Buffer {
  return Buffer.concat([mac(to), mac(from), word(type), payload, Buffer.from(text)]);
}

/** What a VLAN-tagged frame carries behind its type, 0x8100 or 0x88a8 (IEEE 802.1Q). */
export function tagged(vlan: number, type: number, payload: Buffer): Buffer {
  return Buffer.concat([word(vlan), word(type), payload]);
}

/** A packet of the version that its addresses are of. */
export function packet(from: string, to: string, protocol: number, payload: Buffer): Buffer {
  if (isIPv6(from)) {
    // RFC 8200, section 3; neighbour discovery takes no hop limit but 255 (RFC 4861).
    const head = Buffer.from([0x60, 0, 0, 0, 0, 0, protocol, 255]);
    head.writeUInt16BE(payload.length, 4);
    return Buffer.concat([head, ip(from), ip(to), payload]);
  }
  // RFC 791, section 3.1.
  const head = Buffer.concat([
    Buffer.from([0x45, 0, 0, 0, 0, 1, 0, 0, 64, protocol, 0, 0]),
    ip(from),
    ip(to),
  ]);
  head.writeUInt16BE(head.length + payload.length, 2);
  head.writeUInt16BE(checksum(head), 10);
  return Buffer.concat([head, payload]);
}

/** A UDP datagram in a packet of its own. */
export function udp(
  from: string,
  to: string,
  ports: readonly [from: number, to: number],
  text: string,
): Buffer {
  const datagram = Buffer.concat([
    word(ports[0]),
    word(ports[1]),
    word(8 + text.length),
    word(0),
    Buffer.from(text),
  ]);
  datagram.writeUInt16BE(sum(from, to, PROTOCOL.udp, datagram), 6);
  return packet(from, to, PROTOCOL.udp, datagram);
}

/** Flags of a TCP segment (RFC 9293, section 3.1). */
export const TCP = { fin: 0x01, syn: 0x02, rst: 0x04, ack: 0x10 } as const;

/** A TCP segment in a packet of its own. */
export function tcp(
  from: string,
  to: string,
  ports: readonly [from: number, to: number],
  flags: number,
  text = '',
): Buffer {
  const head = Buffer.from([0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0x50, flags, 0xff, 0xff, 0, 0, 0, 0]);
  head.writeUInt16BE(ports[0], 0);
  head.writeUInt16BE(ports[1], 2);
  const segment = Buffer.concat([head, Buffer.from(text)]);
  segment.writeUInt16BE(sum(from, to, PROTOCOL.tcp, segment), 16);
  return packet(from, to, PROTOCOL.tcp, segment);
}

/** The answer to an echo (RFC 792; RFC 4443, section 4.2). */
export function echoReply(from: string, to: string, text: string): Buffer {
  const message = (type: number) =>
    Buffer.concat([Buffer.from([type, 0, 0, 0, 0, 1, 0, 1]), Buffer.from(text)]);
  if (isIPv6(from)) return icmp6(from, to, message(129));
  const reply = message(0);
  reply.writeUInt16BE(checksum(reply), 2);
  return packet(from, to, PROTOCOL.icmp, reply);
}

export interface Arp {
  readonly operation: 'request' | 'reply';
  readonly sender: readonly [mac: string, ip: string];
  readonly target: readonly [mac: string, ip: string];
}

/** RFC 826. */
export function arp({ operation, sender, target }: Arp): Buffer {
  const head = Buffer.from([0, 1, 8, 0, 6, 4, 0, operation === 'request' ? 1 : 2]);
  return Buffer.concat([head, mac(sender[0]), ip(sender[1]), mac(target[0]), ip(target[1])]);
}

/** That `target` is at `station` (RFC 4861, section 4.4), overriding what is known. */
export function neighbourAdvertisement(from: string, to: string, target: string, station: string): Buffer {
  const body = [Buffer.from([136, 0, 0, 0, 0x20, 0, 0, 0]), ip(target), Buffer.from([2, 1]), mac(station)];
  return icmp6(from, to, Buffer.concat(body));
}

/** A router that offers a prefix of 64 bits for addresses (RFC 4861, section 4.2 and 4.6.2). */
export function routerAdvertisement(from: string, prefix: string): Buffer {
  const head = Buffer.from([134, 0, 0, 0, 64, 0, 0x07, 0x08, 0, 0, 0, 0, 0, 0, 0, 0]);
  const option = Buffer.from([3, 4, 64, 0xc0, 0, 0, 0x0e, 0x10, 0, 0, 0x0e, 0x10, 0, 0, 0, 0]);
  return icmp6(from, ALL_NODES.ip, Buffer.concat([head, option, ip(prefix)]));
}

function icmp6(from: string, to: string, message: Buffer): Buffer {
  message.writeUInt16BE(sum(from, to, PROTOCOL.icmp6, message), 2);
  return packet(from, to, PROTOCOL.icmp6, message);
}

/** The checksum over a message and its pseudo-header (RFC 9293, section 3.1; RFC 8200, section 8.1). */
function sum(from: string, to: string, protocol: number, message: Buffer): number {
  return checksum(Buffer.concat([ip(from), ip(to), word(protocol), word(message.length), message]));
}

/** RFC 1071. */
function checksum(bytes: Buffer): number {
  let total = 0;
  for (let at = 0; at < bytes.length; at += 2) total += ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
  while (total > 0xffff) total = (total & 0xffff) + (total >>> 16);
  return ~total & 0xffff;
}

function word(value: number): Buffer {
  return Buffer.from([value >> 8, value & 0xff]);
}

function mac(text: string): Buffer {
  return Buffer.from(text.replaceAll(':', ''), 'hex');
}

function ip(text: string): Buffer {
  if (!isIPv6(text)) return Buffer.from(text.split('.').map(Number));
  const [left = '', right] = text.split('::');
  const groups = (part: string) => part.split(':').filter((group) => group !== '');
  const after = groups(right ?? '');
  const before = groups(left);
  const all = [...before, ...Array<string>(8 - before.length - after.length).fill('0'), ...after];
  return Buffer.concat(all.map((group) => word(Number.parseInt(group, 16))));
}
