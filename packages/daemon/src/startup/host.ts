import { accessSync, constants, readdirSync, readFileSync } from 'node:fs';
import { arch, cpus, hostname, machine, release, totalmem } from 'node:os';
import { delimiter, join } from 'node:path';
import { BerthError, newId, type Store } from '@berth/core';
import type { ImageTool } from '@berth/engine';
import type { AddressPool, DaemonConfig, HostAddress } from '../config/config.js';

/** True things about the host and the daemon, for `info` and `version`. */
export interface HostFacts {
  /** Of this daemon; kept in its store. */
  readonly id: string;
  readonly name: string;
  /** In Go's words: `amd64`, `arm64`. */
  readonly architecture: string;
  /** In the kernel's words: `x86_64`. */
  readonly machine: string;
  readonly kernelVersion: string;
  readonly operatingSystem: string;
  readonly operatingSystemVersion: string;
  readonly processors: number;
  /** Bytes. */
  readonly memory: number;
  readonly cgroupVersion: '1' | '2';
  readonly dataRoot: string;
  readonly runc: string;
  /** The program that is a container's first process if it asks for one; empty: there is none. */
  readonly init: string;
  readonly debug: boolean;
  readonly addressPools: readonly AddressPool[];
  /** Where the host itself can ask for containers' names: `127.0.0.54:53`; empty: nowhere. */
  readonly dnsListen: string;
  forwardsIPv4(): boolean;
  openDescriptors(): number;
}

const GO_ARCHITECTURES: Readonly<Record<string, string>> = { x64: 'amd64', ia32: '386' };

export function hostFacts(
  config: DaemonConfig,
  store: Store,
  { runc, init = '' }: { readonly runc: string; readonly init?: string },
): HostFacts {
  const release_ = osRelease();
  return {
    id: daemonId(store),
    name: hostname(),
    architecture: GO_ARCHITECTURES[arch()] ?? arch(),
    machine: machine(),
    kernelVersion: release(),
    operatingSystem: release_.get('PRETTY_NAME') ?? 'Linux',
    operatingSystemVersion: release_.get('VERSION_ID') ?? '',
    processors: cpus().length,
    memory: totalmem(),
    cgroupVersion: cgroupVersion(),
    dataRoot: config.dataRoot,
    runc,
    init,
    debug: config.logLevel === 'debug',
    addressPools: config.addressPools,
    dnsListen: config.dnsListen === undefined ? '' : textOf(config.dnsListen),
    // /proc/sys/net shows the network namespace of the reader: the daemon's host.
    forwardsIPv4: () => readFileSync('/proc/sys/net/ipv4/ip_forward', 'utf8').trim() === '1',
    openDescriptors: () => readdirSync('/proc/self/fd').length,
  };
}

function textOf({ address, port }: HostAddress): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}

function daemonId(store: Store): string {
  const collection = store.collection<string>('daemon');
  const known = collection.get('id');
  if (known !== undefined) return known;
  const id = newId<string & { readonly [key: symbol]: never }>();
  collection.put('id', id);
  return id;
}

/** Only cgroup v2 has this file at the top: cgroups(7). */
function cgroupVersion(): '1' | '2' {
  try {
    accessSync('/sys/fs/cgroup/cgroup.controllers');
    return '2';
  } catch {
    return '1';
  }
}

function osRelease(): Map<string, string> {
  try {
    const lines = readFileSync('/etc/os-release', 'utf8').split('\n');
    const pairs = lines.map((line) => /^([A-Z_]+)="?(.*?)"?$/.exec(line));
    return new Map(pairs.flatMap((pair) => (pair === null ? [] : [[pair[1] ?? '', pair[2] ?? '']])));
  } catch {
    return new Map();
  }
}

/** Where Debian keeps administrators' programs; not in everybody's PATH. */
const MORE_FOLDERS = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'];

/**
 * The path of a program that Berth needs.
 *
 * @throws BerthError `unavailable`, naming the package that has it
 */
export function findProgram(name: 'runc' | 'conmon' | ImageTool): string {
  const path = findInFolders(name);
  if (path !== undefined) return path;
  throw new BerthError('unavailable', `the program ${name} is not there: install the package ${name}`);
}

/**
 * What `docker run --init` runs first: Docker's own program, or tini, which that is. The static one comes first, since
 * images may lack the C library.
 */
export function findInit(): string | undefined {
  for (const name of ['docker-init', 'tini-static', 'tini']) {
    const path = findInFolders(name);
    if (path !== undefined) return path;
  }
  return undefined;
}

function findInFolders(name: string): string | undefined {
  const folders = [...(process.env.PATH ?? '').split(delimiter).filter(Boolean), ...MORE_FOLDERS];
  for (const folder of folders) {
    const path = join(folder, name);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      continue;
    }
  }
  return undefined;
}
