import { isIP, isIPv6 } from 'node:net';
import { join, resolve } from 'node:path';
import { BerthError, type LogLevel } from '@berth/core';
import { isLoopbackAddress } from '@berth/network';
import type { ConfigFile } from './options.js';

export interface AddressPool {
  readonly base: string;
  readonly size: number;
}

/** Absolute paths of files in PEM. */
export interface TlsFiles {
  /** The authority that has signed the clients' certificates. */
  readonly authority: string;
  readonly certificate: string;
  readonly key: string;
}

export interface HostAddress {
  readonly address: string;
  readonly port: number;
}

/** Where a daemon keeps its things unless told. */
export const DEFAULT_DATA_ROOT = '/var/lib/berth';

/** What a daemon is started with; all paths are absolute. */
export interface DaemonConfig {
  /** Unix sockets to listen on. */
  readonly sockets: readonly string[];
  /** TCP addresses to listen on, by mutual TLS alone. */
  readonly tcp: readonly HostAddress[];
  /** Files in PEM; there where there are TCP addresses. */
  readonly tls?: TlsFiles;
  readonly dataRoot: string;
  readonly execRoot: string;
  readonly pidfile: string;
  readonly bridgeName: string;
  readonly bip?: string;
  readonly fixedCidr?: string;
  readonly ipv6: boolean;
  readonly bip6?: string;
  readonly fixedCidr6?: string;
  readonly mtu?: number;
  readonly icc: boolean;
  readonly ipMasq: boolean;
  readonly ipForward: boolean;
  /** Whether to mark what is let pass for other firewalls of the host. */
  readonly firewallCoexist: boolean;
  /** The host address that ports are published on where none is given. */
  readonly defaultBindAddress: string;
  readonly addressPools: readonly AddressPool[];
  readonly dns: readonly string[];
  readonly defaultBridgeNames: boolean;
  readonly dnsSingleLabels: boolean;
  /** Where the host itself can ask for containers' names. */
  readonly dnsListen?: HostAddress;
  readonly logLevel: LogLevel;
}

/** A path of a Unix socket: `sun_path` of unix(7) has 108 bytes, one of them the terminating zero. */
const MAX_SOCKET_PATH = 107;
/** A link's name: IFNAMSIZ of linux/if.h, less the terminating zero. */
const MAX_LINK_NAME = 15;

/**
 * Settings with defaults filled in and every value checked.
 *
 * @throws BerthError `invalid` or `unsupported`, naming the setting
 */
export function daemonConfig(settings: ConfigFile): DaemonConfig {
  const execRoot = resolve(settings['exec-root'] ?? '/run/berth');
  const hosts = settings.hosts ?? [];
  const isTcp = (host: string) => host.startsWith('tcp://');
  return {
    sockets: (hosts.length === 0
      ? ['unix:///run/berth/berth.sock']
      : hosts.filter((host) => !isTcp(host))
    ).map(socketPath),
    tcp: hosts.filter(isTcp).map(tcpAddress),
    ...tlsSettings(settings, hosts.find(isTcp)),
    dataRoot: resolve(settings['data-root'] ?? DEFAULT_DATA_ROOT),
    execRoot,
    pidfile: resolve(settings.pidfile ?? join(execRoot, 'berth.pid')),
    bridgeName: linkName(settings['bridge-name'] ?? 'berth0'),
    bip: optional('bip', settings.bip, requireCidr),
    fixedCidr: optional('fixed-cidr', settings['fixed-cidr'], requireCidr),
    ipv6: settings.ipv6 ?? false,
    bip6: optional('bip6', settings.bip6, requireCidr6),
    fixedCidr6: optional('fixed-cidr-v6', settings['fixed-cidr-v6'], requireCidr6),
    mtu: settings.mtu,
    icc: settings.icc ?? true,
    ipMasq: settings['ip-masq'] ?? true,
    ipForward: settings['ip-forward'] ?? true,
    firewallCoexist: settings['firewall-coexist'] ?? false,
    defaultBindAddress: requireAddress('ip', settings.ip ?? '0.0.0.0'),
    addressPools: (settings['default-address-pools'] ?? []).map(requirePool),
    dns: (settings.dns ?? []).map((server) => requireAddress('dns', server)),
    defaultBridgeNames: settings['default-bridge-names'] ?? false,
    dnsSingleLabels: settings['dns-single-labels'] ?? false,
    ...(settings['dns-listen'] !== undefined && { dnsListen: loopbackAddress(settings['dns-listen']) }),
    logLevel: settings['log-level'] ?? 'info',
  };
}

/** Docker's port for TLS. */
const TLS_PORT = 2376;

/** `tcp://192.0.2.1:2376` or `tcp://[2001:db8::1]`. */
function tcpAddress(host: string): HostAddress {
  const [, bracketed, plain, digits] =
    /^tcp:\/\/(?:\[([^\]]+)\]|([^:/]+))(?::(\d{1,5}))?\/?$/.exec(host) ?? [];
  const address = bracketed ?? plain ?? '';
  const port = digits === undefined ? TLS_PORT : Number(digits);
  if (isIP(address) === 0 || isIPv6(address) !== (bracketed !== undefined) || port < 1 || port > 65_535) {
    throw new BerthError(
      'invalid',
      `host "${host}" is not an IP address and a port, e.g. tcp://192.0.2.1:2376 or tcp://[2001:db8::1]:2376`,
    );
  }
  return { address, port };
}

/** Whoever reaches the API is root on this host: over TCP nobody does without a certificate. */
function tlsSettings(settings: ConfigFile, tcpHost: string | undefined): { tls?: TlsFiles } {
  const { tlscacert: authority, tlscert: certificate, tlskey: key } = settings;
  const asked = [
    settings.tlsverify === true,
    authority !== undefined,
    certificate !== undefined,
    key !== undefined,
  ];
  if (tcpHost === undefined) {
    if (!asked.includes(true)) return {};
    throw new BerthError(
      'invalid',
      'tlsverify, tlscacert, tlscert and tlskey are for TCP: there is no tcp:// host',
    );
  }
  if (
    settings.tlsverify !== true ||
    authority === undefined ||
    certificate === undefined ||
    key === undefined
  ) {
    throw new BerthError(
      'invalid',
      `host "${tcpHost}" needs --tlsverify, --tlscacert, --tlscert and --tlskey: without certificates everybody on the network would be root on this host`,
    );
  }
  return { tls: { authority: resolve(authority), certificate: resolve(certificate), key: resolve(key) } };
}

function socketPath(host: string): string {
  const path = /^unix:\/\/(\/.+)$/.exec(host)?.[1];
  if (path === undefined) {
    const reason = /^(fd|npipe|ssh|https?):/.test(host) ? 'is not supported by Berth yet' : 'is not a host';
    throw new BerthError(
      'invalid',
      `host "${host}" ${reason}: it must be unix:///absolute/path or tcp://address:port`,
    );
  }
  if (Buffer.byteLength(path) > MAX_SOCKET_PATH) {
    throw new BerthError(
      'invalid',
      `host "${host}": the path of a Unix socket has at most ${MAX_SOCKET_PATH} bytes`,
    );
  }
  return path;
}

function linkName(name: string): string {
  if (Buffer.byteLength(name) > MAX_LINK_NAME || !/^[^\s/:]+$/.test(name) || name === '.' || name === '..') {
    throw new BerthError(
      'invalid',
      `bridge-name "${name}" is no name for a link: at most ${MAX_LINK_NAME} bytes, without blanks, / and :`,
    );
  }
  return name;
}

function optional<T>(
  name: string,
  value: T | undefined,
  check: (name: string, value: T) => T,
): T | undefined {
  return value === undefined ? undefined : check(name, value);
}

function requireAddress(name: string, text: string): string {
  if (isIP(text) === 0 || text.includes('%'))
    throw new BerthError('invalid', `${name} "${text}" is not an IP address`);
  return text;
}

/** `127.0.0.54:53` or `[::1]:5354`: names of containers are nobody else's business. */
function loopbackAddress(text: string): HostAddress {
  const [, bracketed, plain, digits] = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(text) ?? [];
  const address = bracketed ?? plain ?? '';
  const port = Number(digits);
  if (isIP(address) === 0 || !isLoopbackAddress(address) || port < 1 || port > 65_535) {
    throw new BerthError(
      'invalid',
      `dns-listen "${text}" is not a loopback address and a port, e.g. 127.0.0.54:53 or [::1]:5354`,
    );
  }
  return { address, port };
}

function requireCidr(name: string, text: string): string {
  return requirePrefix(name, text, 4, '172.17.0.1/16');
}

function requireCidr6(name: string, text: string): string {
  return requirePrefix(name, text, 6, 'fd00:1::1/64');
}

function requirePrefix(name: string, text: string, family: 4 | 6, example: string): string {
  const match = /^([^/%]+)\/(\d{1,3})$/.exec(text);
  if (match === null || isIP(match[1] ?? '') !== family || Number(match[2]) > (family === 4 ? 32 : 128)) {
    throw new BerthError(
      'invalid',
      `${name} "${text}" is not an IPv${family} address with a prefix length, e.g. ${example}`,
    );
  }
  return text;
}

function requirePool(pool: AddressPool): AddressPool {
  const [address = '', length] = pool.base.split('/');
  const check = isIPv6(address) ? requireCidr6 : requireCidr;
  check('default-address-pools base', pool.base);
  const prefix = Number(length);
  const most = isIPv6(address) ? 126 : 30;
  if (pool.size < prefix || pool.size > most) {
    throw new BerthError(
      'invalid',
      `default-address-pools: size ${pool.size} does not fit base ${pool.base}: it must be from ${prefix} to ${most}`,
    );
  }
  return pool;
}
