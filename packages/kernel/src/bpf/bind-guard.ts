import { closeSync, openSync } from 'node:fs';
import { BerthError } from '@berth/core';
import { bind, check, close, declare, socket } from '../libc/index.js';
import { mounts } from '../mount/index.js';
import { parseInternet } from '../rtnetlink/index.js';
import { BITMAP_LENGTH, KEY_LENGTH, UNION_ADDRESS, bindProgram, type BindFamily } from './bind-program.js';
import { createHashMap, createLink, deleteElement, loadProgram, updateElement } from './calls.js';

/** BPF_PROG_TYPE_CGROUP_SOCK_ADDR; BPF_CGROUP_INET4_BIND, BPF_CGROUP_INET6_BIND (include/uapi/linux/bpf.h) */
const CGROUP_SOCK_ADDR = 18;
const ATTACH_TYPES: Readonly<Record<BindFamily, number>> = { 4: 8, 6: 9 };
/** SO_NETNS_COOKIE (include/uapi/asm-generic/socket.h) */
const SO_NETNS_COOKIE = 71;
const SOL_SOCKET = 1;
const AF_INET = 2;
const SOCK_STREAM_CLOEXEC = 1 | 0o2000000;
/** How many addresses can have ports held at them. */
const MOST_ADDRESSES = 1024;
const PROTOCOLS = { tcp: 6, udp: 17 } as const;

const getsockopt = declare<[fd: number, level: number, name: number, value: Buffer, length: Buffer]>(
  'getsockopt',
  'int',
  ['int', 'int', 'int', 'void *', 'void *'],
);

/** Neighbouring ports of an address. */
export interface PortRun {
  readonly protocol: keyof typeof PROTOCOLS;
  /** `0.0.0.0` and `::`: every address of the family. */
  readonly address: string;
  readonly first: number;
  readonly count: number;
}

interface Held {
  readonly key: Buffer;
  /** How often each port is held. */
  readonly counts: Uint8Array;
  readonly bitmap: Buffer;
}

/**
 * Holds any number of ports of this network namespace at no cost for each: programs that try to bind one get
 * EADDRINUSE, as if a socket held it. Ends with the process. `[::]` is refused where either family's port is held.
 */
export class BindGuard implements Disposable {
  readonly #map: number;
  readonly #descriptors: readonly number[];
  readonly #held = new Map<string, Held>();

  private constructor(map: number, descriptors: readonly number[]) {
    this.#map = map;
    this.#descriptors = descriptors;
  }

  /** @returns undefined where the kernel, or the way it is set up, has no such programs (no cgroup v2, no CONFIG_CGROUP_BPF) */
  static open(): BindGuard | undefined {
    const root = mounts().find(({ type, root: inside }) => type === 'cgroup2' && inside === '/');
    if (root === undefined) return undefined;
    const descriptors: number[] = [];
    const keep = (descriptor: number) => {
      descriptors.push(descriptor);
      return descriptor;
    };
    let group: number | undefined;
    try {
      group = openSync(root.mountPoint, 'r');
      const map = keep(createHashMap(KEY_LENGTH, BITMAP_LENGTH, MOST_ADDRESSES));
      const cookie = namespaceCookie();
      for (const family of [4, 6] as const) {
        const type = ATTACH_TYPES[family];
        const program = keep(loadProgram(CGROUP_SOCK_ADDR, type, bindProgram(family, map, cookie)));
        keep(createLink(program, group, type));
      }
      const guard = new BindGuard(map, descriptors);
      if (guard.#works()) return guard;
      guard.close();
      return undefined;
    } catch {
      for (const descriptor of descriptors) close(descriptor);
      return undefined;
    } finally {
      if (group !== undefined) closeSync(group);
    }
  }

  hold(run: PortRun): void {
    this.#change(run, 1);
  }

  /** Lets go of what was held by the same call. */
  release(run: PortRun): void {
    this.#change(run, -1);
  }

  close(): void {
    for (const descriptor of this.#descriptors) close(descriptor);
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #change({ protocol, address, first, count }: PortRun, by: 1 | -1): void {
    if (first < 1 || count < 1 || first + count > 65_536)
      throw new BerthError('invalid', `no ports: ${first} and ${count - 1} more`, { subject: address });
    for (const bytes of [addressBytes(address), UNION_ADDRESS]) {
      const held = this.#heldAt(keyOf(protocol, bytes));
      for (let port = first; port < first + count; port += 1) {
        const now = (held.counts[port] ?? 0) + by;
        held.counts[port] = now;
        const bit = 1 << (port & 7);
        const byte = held.bitmap[port >> 3] ?? 0;
        held.bitmap[port >> 3] = now > 0 ? byte | bit : byte & ~bit;
      }
      if (held.bitmap.some((byte) => byte !== 0)) {
        updateElement(this.#map, held.key, held.bitmap);
      } else {
        deleteElement(this.#map, held.key);
        this.#held.delete(held.key.toString('hex'));
      }
    }
  }

  #heldAt(key: Buffer): Held {
    const name = key.toString('hex');
    const known = this.#held.get(name);
    if (known !== undefined) return known;
    const held = { key, counts: new Uint8Array(65_536), bitmap: Buffer.alloc(BITMAP_LENGTH) };
    this.#held.set(name, held);
    return held;
  }

  /** A kernel may load the program and never run it (cgroup v2 without its sockets): better known than hoped. */
  #works(): boolean {
    const probe = { protocol: 'tcp', address: '127.0.0.1', first: 1, count: 1 } as const;
    this.hold(probe);
    const descriptor = socket(AF_INET, SOCK_STREAM_CLOEXEC, 0);
    const name = Buffer.alloc(16);
    name.writeUInt16LE(AF_INET, 0);
    name.writeUInt16BE(probe.first, 2);
    name.set([127, 0, 0, 1], 4);
    const refused = bind(descriptor, name, name.length) === -98;
    close(descriptor);
    this.release(probe);
    return refused;
  }
}

/** The number of this thread's network namespace that no other ever had. */
function namespaceCookie(): bigint {
  const descriptor = check(socket(AF_INET, SOCK_STREAM_CLOEXEC, 0), 'open socket');
  try {
    const value = Buffer.alloc(8);
    const length = Buffer.alloc(4);
    length.writeUInt32LE(value.length);
    check(getsockopt(descriptor, SOL_SOCKET, SO_NETNS_COOKIE, value, length), 'read namespace cookie');
    return value.readBigUInt64LE();
  } finally {
    close(descriptor);
  }
}

function addressBytes(text: string): Buffer {
  const { family, bytes } = parseInternet(text);
  if (family === 'inet6') return bytes;
  // ::ffff:a.b.c.d (RFC 4291, section 2.5.5.2)
  return Buffer.concat([Buffer.alloc(10), Buffer.from([0xff, 0xff]), bytes]);
}

function keyOf(protocol: keyof typeof PROTOCOLS, address: Buffer): Buffer {
  const key = Buffer.alloc(KEY_LENGTH);
  address.copy(key);
  key.writeUInt32LE(PROTOCOLS[protocol], 16);
  return key;
}
