import { closeSync, constants, ftruncateSync, openSync, readFileSync, statSync, writeSync } from 'node:fs';
import { isLoopbackAddress, type Sandbox } from '@berth/network';
import type { ContainerSpec } from '../model.js';
import type { ContainerContext } from './context.js';
import { linkHosts, linksOf } from './links.js';
import type { ContainerPaths } from './paths.js';
import type { ContainerRecord } from './table.js';

const LOCAL_HOSTS = [['127.0.0.1', 'localhost']] as const;
const LOCAL_HOSTS_IPV6 = [
  ['::1', 'localhost ip6-localhost ip6-loopback'],
  ['fe00::', 'ip6-localnet'],
  ['ff00::', 'ip6-mcastprefix'],
  ['ff02::1', 'ip6-allnodes'],
  ['ff02::2', 'ip6-allrouters'],
] as const;

/** What the host is called from within a container: Docker Desktop's name, and Podman's. */
const HOST_NAMES = 'host.docker.internal host.containers.internal';
/** Bytes: a file that a container has made longer is its own affair. */
const LONGEST_FILE = 1024 * 1024;

/** Where a sandbox's own name server answers. */
const NAME_SERVER = '127.0.0.11';

export interface NetworkFilesInput {
  readonly spec: ContainerSpec;
  readonly hostname: string;
  readonly sandbox: Sandbox;
  /** What `host-gateway` in an extra host stands for. */
  readonly hostGateway: string | undefined;
  /** Lines for containers that it is linked to: address and names. */
  readonly links: readonly (readonly [address: string, names: string])[];
}

/** What a container's files are written from, as its networks are now. */
export function networkFilesInput(
  context: ContainerContext,
  record: ContainerRecord,
  sandbox: Sandbox,
): NetworkFilesInput {
  const bridge = context.network.networks().find(({ name }) => name === 'bridge');
  return {
    spec: record.spec,
    hostname: record.hostname,
    sandbox,
    hostGateway: bridge?.ipam.config[0]?.gateway,
    links: linkHosts(linksOf(context, record)),
  };
}

/**
 * Writes `hosts`, `hostname` and `resolv.conf` for a start. They are written in place: the container has these very files
 * mounted.
 */
export function writeNetworkFiles(paths: ContainerPaths, input: NetworkFilesInput): void {
  writeInPlace(paths.hostname, `${input.hostname}\n`);
  writeInPlace(paths.hosts, hostsFile(input));
  writeInPlace(paths.resolvConf, resolvConf(input));
}

/**
 * Brings `hosts` and `resolv.conf` of a running container to its networks as they are now, and leaves what its users have
 * written: of `hosts` only the lines that come and go are touched, a changed `resolv.conf` not at all.
 */
export function updateNetworkFiles(
  paths: ContainerPaths,
  before: NetworkFilesInput,
  after: NetworkFilesInput,
): void {
  if (tooLong(paths.hosts) || tooLong(paths.resolvConf)) return;
  const hosts = readOptional(paths.hosts);
  writeInPlace(paths.hosts, exchangeLines(hosts, hostsFile(before), hostsFile(after)));
  if (readOptional(paths.resolvConf) === resolvConf(before))
    writeInPlace(paths.resolvConf, resolvConf(after));
}

/** The text without the lines that have gone from `before` to `after`, and with those that have come. */
export function exchangeLines(text: string, before: string, after: string): string {
  if (text === before) return after;
  const [old, wanted] = [linesOf(before), linesOf(after)];
  const gone = old.filter((line) => !wanted.includes(line));
  const kept = linesOf(text).filter((line) => !gone.includes(line));
  const come = wanted.filter((line) => !old.includes(line) && !kept.includes(line));
  return [...kept, ...come].map((line) => `${line}\n`).join('');
}

function linesOf(text: string): string[] {
  return text.replace(/\n$/, '').split('\n');
}

function tooLong(path: string): boolean {
  return (statSync(path, { throwIfNoEntry: false })?.size ?? 0) > LONGEST_FILE;
}

/** Leaves alone what is right, and does not cut a file to nothing first: ext4 then waits for the disk when it is closed. */
function writeInPlace(path: string, text: string): void {
  if (readOptional(path) === text) return;
  const fd = openSync(path, constants.O_WRONLY | constants.O_CREAT, 0o644);
  try {
    writeSync(fd, text, 0);
    ftruncateSync(fd, Buffer.byteLength(text));
  } finally {
    closeSync(fd);
  }
}

/** The text of `/etc/hosts`. */
export function hostsFile({ spec, hostname, sandbox, hostGateway, links }: NetworkFilesInput): string {
  const extra = spec.host.extraHosts.map((entry) => {
    const colon = entry.indexOf(':');
    const address = entry.slice(colon + 1).replace(/^\[(.*)\]$/, '$1');
    return [address === 'host-gateway' ? (hostGateway ?? address) : address, entry.slice(0, colon)] as const;
  });
  if (sandbox.kind === 'host') {
    const own = readOptional('/etc/hosts');
    return own + extra.map(([address, name]) => `${address}\t${name}\n`).join('');
  }
  const full =
    spec.domainname === undefined || spec.domainname === ''
      ? hostname
      : `${hostname}.${spec.domainname} ${hostname}`;
  const own = sandbox.endpoints.flatMap(({ ipv4, ipv6 }) =>
    [ipv4, ipv6].flatMap((one) => (one === undefined ? [] : [[one.address, full] as const])),
  );
  const ipv6 = sandbox.endpoints.some((endpoint) => endpoint.ipv6 !== undefined);
  // Where the name service answers, it knows the host.
  const host = sandbox.nameService || hostGateway === undefined ? [] : [[hostGateway, HOST_NAMES] as const];
  const local = [...LOCAL_HOSTS, ...(ipv6 ? LOCAL_HOSTS_IPV6 : [])];
  return [...local, ...extra, ...links, ...host, ...own]
    .map(([address, name]) => `${address}\t${name}\n`)
    .join('');
}

/** The text of `/etc/resolv.conf`. */
export function resolvConf({ spec, sandbox }: NetworkFilesInput): string {
  const { dns, dnsSearch, dnsOptions } = spec.host;
  const host = hostResolvConf();
  const search = dnsSearch.length > 0 ? dnsSearch.filter((domain) => domain !== '.') : host.search;
  const options = dnsOptions.length > 0 ? dnsOptions : host.options;
  const servers = sandbox.nameService
    ? [NAME_SERVER]
    : dns.length > 0
      ? dns
      : sandbox.kind === 'host'
        ? host.servers
        : sandbox.hostResolvers.filter((server) => !isLoopbackAddress(server));
  // With a name server of our own, a name of one label is asked there as it is.
  const all =
    sandbox.nameService && !options.some((option) => option.startsWith('ndots:'))
      ? [...options, 'ndots:0']
      : options;
  return [
    ...servers.map((server) => `nameserver ${server}`),
    ...(search.length > 0 ? [`search ${search.join(' ')}`] : []),
    ...(all.length > 0 ? [`options ${all.join(' ')}`] : []),
    '',
  ].join('\n');
}

function hostResolvConf(): { servers: string[]; search: string[]; options: string[] } {
  const words = readOptional('/etc/resolv.conf')
    .split('\n')
    .map((line) => line.trim().split(/\s+/));
  const of = (keyword: string) => words.filter(([first]) => first === keyword).flatMap(([, ...rest]) => rest);
  return { servers: of('nameserver'), search: of('search'), options: of('options') };
}

function readOptional(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
