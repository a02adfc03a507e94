import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { run } from '../box.fixture.js';
import { formatAddress, parseAddress } from '../ipam/address.js';

/** Somebody on a link. */
export interface Station {
  readonly mac: string;
  readonly ipv4: string;
  readonly ipv6: string;
}

const BROADCAST = 'ff:ff:ff:ff:ff:ff';
/** All nodes of the link (RFC 2464, section 7). */
const ALL_NODES = '33:33:00:00:00:01';

/** IEEE 802 and RFC 894: the types of frames. */
const TYPE = { ipv4: 0x0800, arp: 0x0806, ipv6: 0x86dd } as const;
/** RFC 4861, section 4: types of messages. */
const ICMPV6 = { routerAdvertisement: 134, neighborAdvertisement: 136, redirect: 137 } as const;
const NEXT = { udp: 17, icmpv6: 58, destinationOptions: 60 } as const;

const macBytes = (mac: string) => Buffer.from(mac.replaceAll(':', ''), 'hex');
const word = (value: number) => Buffer.from([value >> 8, value & 255]);

function addressBytes(text: string): Buffer {
  const address = parseAddress(text);
  if (address === undefined) throw new Error(text);
  const digits = address.family === 4 ? 8 : 32;
  return Buffer.from(address.value.toString(16).padStart(digits, '0'), 'hex');
}

function ethernet(source: string, type: number, payload: Buffer, destination = BROADCAST): Buffer {
  return Buffer.concat([macBytes(destination), macBytes(source), word(type), payload]);
}

function udp(sourcePort: number, destinationPort: number): Buffer {
  return Buffer.concat([word(sourcePort), word(destinationPort), word(8), word(0)]);
}

function ipv4(source: string, payload: Buffer): Buffer {
  const header = Buffer.from('4500000000000000401100000000000000000000', 'hex');
  header.writeUInt16BE(20 + payload.length, 2);
  addressBytes(source).copy(header, 12);
  addressBytes('255.255.255.255').copy(header, 16);
  return Buffer.concat([header, payload]);
}

function ipv6(source: string, next: number, payload: Buffer): Buffer {
  const header = Buffer.from([0x60, 0, 0, 0, ...word(payload.length), next, 255]);
  return Buffer.concat([header, addressBytes(source), addressBytes('ff02::1'), payload]);
}

/** The link-local address that an interface makes of its hardware address (RFC 4291, appendix A). */
export function linkLocal(mac: string): string {
  const [first = 0, ...rest] = macBytes(mac);
  const id = Buffer.from([first ^ 2, ...rest.slice(0, 2), 0xff, 0xfe, ...rest.slice(2)]);
  return formatAddress({ family: 6, value: (0xfe80n << 112n) | id.readBigUInt64BE() });
}

/** Frames of what stations send; each goes to everybody. */
export const frames = {
  experimental: (from: { mac: string }) => ethernet(from.mac, 0x88b5, Buffer.alloc(46)),
  ipv4: (from: { mac: string; ipv4: string }) => ethernet(from.mac, TYPE.ipv4, ipv4(from.ipv4, udp(9, 9))),
  ipv6: (from: { mac: string; ipv6: string }) =>
    ethernet(from.mac, TYPE.ipv6, ipv6(from.ipv6, NEXT.udp, udp(9, 9)), ALL_NODES),

  /** 1: a request; 2: a reply (RFC 826). `claims` is what the message itself says. */
  arp(operation: 1 | 2, from: { mac: string }, claims: { mac: string; ipv4: string }, target: string) {
    const body = [macBytes(claims.mac), addressBytes(claims.ipv4), macBytes(BROADCAST), addressBytes(target)];
    return ethernet(
      from.mac,
      TYPE.arp,
      Buffer.concat([Buffer.from([0, 1, 8, 0, 6, 4, 0, operation]), ...body, Buffer.alloc(18)]),
    );
  },

  neighborAdvertisement(from: Station, target: string, behindOptions = false) {
    const message = Buffer.concat([
      Buffer.from([ICMPV6.neighborAdvertisement, 0, 0, 0, 0x20, 0, 0, 0]),
      addressBytes(target),
      Buffer.from([2, 1]),
      macBytes(from.mac),
    ]);
    const options = Buffer.from([NEXT.icmpv6, 0, 1, 4, 0, 0, 0, 0]);
    const packet = behindOptions
      ? ipv6(from.ipv6, NEXT.destinationOptions, Buffer.concat([options, message]))
      : ipv6(from.ipv6, NEXT.icmpv6, message);
    return ethernet(from.mac, TYPE.ipv6, packet, ALL_NODES);
  },

  routerAdvertisement(from: { mac: string }) {
    const message = Buffer.from([ICMPV6.routerAdvertisement, 0, 0, 0, 64, 0, 7, 8, ...new Uint8Array(8)]);
    const packet = ipv6(linkLocal(from.mac), NEXT.icmpv6, message);
    return ethernet(from.mac, TYPE.ipv6, packet, ALL_NODES);
  },

  redirect(from: Station) {
    const message = Buffer.concat([Buffer.from([ICMPV6.redirect, 0, 0, 0, 0, 0, 0, 0]), Buffer.alloc(32)]);
    return ethernet(from.mac, TYPE.ipv6, ipv6(from.ipv6, NEXT.icmpv6, message), ALL_NODES);
  },

  /** 67 and 547 are servers' ports (RFC 2131, section 4.1; RFC 8415, section 7.2). */
  dhcp: (from: Station) => ethernet(from.mac, TYPE.ipv4, ipv4(from.ipv4, udp(67, 68))),
  dhcpv6: (from: Station) =>
    ethernet(from.mac, TYPE.ipv6, ipv6(from.ipv6, NEXT.udp, udp(547, 546)), ALL_NODES),

  /** Puts a tag of VLAN 7 into a frame: 0x8100 (IEEE 802.1Q) or 0x88a8 (802.1ad). */
  tagged: (frame: Buffer, type: 0x8100 | 0x88a8) =>
    Buffer.concat([frame.subarray(0, 12), word(type), word(7), frame.subarray(12)]),
};

const MARK = 'berth-test:';
const LISTENER = `
import socket
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
s.bind((INTERFACE, 0))
print('up', flush=True)
while True:
    _, found, mark = s.recv(2000).partition(b'${MARK}')
    if found: print(mark.split(b';')[0].decode(), flush=True)
`;
const SENDER = `
import socket, sys
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.bind(('eth0', 0))
for frame in sys.argv[1:]: s.send(bytes.fromhex(frame))
`;

/** Sends frames from eth0 of a sandbox, with a mark behind their end that {@link Listener} finds. */
export function send(inside: readonly string[], mark: string, ...list: readonly Buffer[]): void {
  const marked = list.map((frame) => Buffer.concat([frame, Buffer.from(`${MARK}${mark};`)]).toString('hex'));
  run(...inside, '/usr/bin/python3', '-c', SENDER, ...marked);
}

/** Hears all frames that come in by an interface. */
export class Listener {
  readonly #heard: string[] = [];
  readonly #child: ChildProcess;
  readonly up: Promise<void>;

  constructor(inside: readonly string[], interfaceName: string) {
    const script = LISTENER.replace('INTERFACE', JSON.stringify(interfaceName));
    const command = [...inside, '/usr/bin/python3', '-c', script];
    const child = spawn(command[0] ?? '', command.slice(1), { stdio: ['ignore', 'pipe', 'inherit'] });
    this.#child = child;
    const lines = createInterface(child.stdout);
    this.up = new Promise((resolve) => lines.once('line', () => resolve()));
    lines.on('line', (line) => this.#heard.push(line));
  }

  /** How often a mark was heard. */
  count(mark: string): number {
    return this.#heard.filter((heard) => heard === mark).length;
  }

  close(): void {
    this.#child.kill('SIGKILL');
  }
}
