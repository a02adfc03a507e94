import { isIP, isIPv4, isIPv6 } from 'node:net';
import { Failure, REFUSED } from './command.js';
import { fieldsOf, pairs } from './words.js';

/** What a command line says of a container's networks. */
export interface NetworkOptions {
  readonly network?: string[];
  readonly net?: string[];
  readonly networkAlias?: string[];
  readonly ip?: string;
  readonly ip6?: string;
  readonly linkLocalIp?: string[];
  readonly link?: string[];
  readonly macAddress?: string;
}

/** What is asked for of one network. */
export interface Attachment {
  readonly target: string;
  aliases: string[];
  links: string[];
  ip: string | undefined;
  ip6: string | undefined;
  linkLocal: string[];
  mac: string | undefined;
  driverOptions: string[];
  gatewayPriority: string | undefined;
}

interface NetworkBody {
  readonly mode: string;
  /** HostConfig.Links: those of a network that is not one of the user's. */
  readonly links: readonly string[];
  readonly endpoints: Record<string, object>;
}

/** Networks whose containers have no names of their own there. */
const WITHOUT_ALIASES = ['default', 'bridge', 'host', 'none'];

/** An attachment of which nothing is asked. */
export function plainAttachment(target: string): Attachment {
  return {
    target,
    aliases: [],
    links: [],
    ip: undefined,
    ip6: undefined,
    linkLocal: [],
    mac: undefined,
    driverOptions: [],
    gatewayPriority: undefined,
  };
}

/**
 * The network mode and endpoints of a new container: the first `--network` is its mode, and `--network-alias`,
 * `--ip`, `--ip6`, `--link-local-ip`, `--link` and `--mac-address` are about that one.
 *
 * @throws Failure for values that are not understood or contradict each other
 */
export function networkBody(options: NetworkOptions): NetworkBody {
  const words = [...(options.network ?? []), ...(options.net ?? [])];
  const attachments = (words.length === 0 ? ['default'] : words).map(attachmentOf);
  const [first, ...more] = attachments;
  if (first === undefined) return { mode: 'default', links: [], endpoints: {} };
  const links = applyFlags(first, options);
  for (const attachment of attachments) {
    checkAttachment(attachment);
    if (more.length > 0 && /^(host|none|container:.*)$/.test(attachment.target)) {
      throw refused(`conflicting options: cannot attach both to ${attachment.target} and to other networks`);
    }
  }
  const targets = new Set(attachments.map(({ target }) => target));
  if (targets.size < attachments.length) {
    const twice = attachments.find(({ target }, at) =>
      attachments.some((other, index) => index > at && other.target === target),
    );
    throw refused(`network "${twice?.target ?? ''}" is specified multiple times`);
  }
  const endpoint = endpointOf(first);
  const endpoints = Object.fromEntries(more.map((attachment) => [attachment.target, endpointOf(attachment)]));
  if (Object.keys(endpoint).length > 0 || more.length > 0) endpoints[first.target] = endpoint;
  return { mode: first.target, links, endpoints };
}

/** Gives the first network what the flags of its own say. @returns the links that are not for it but for the container */
function applyFlags(first: Attachment, options: NetworkOptions): readonly string[] {
  first.aliases.push(...(options.networkAlias ?? []));
  if (options.ip !== undefined) first.ip = once('ip', 'IPv4 address', first.ip, options.ip);
  if (options.ip6 !== undefined) first.ip6 = once('ip6', 'IPv6 address', first.ip6, options.ip6);
  if (options.macAddress !== undefined)
    first.mac = once('mac-address', 'MAC address', first.mac, options.macAddress);
  const linkLocal = options.linkLocalIp ?? [];
  if (linkLocal.length > 0 && first.linkLocal.length > 0)
    throw contradiction('link-local-ip', 'link-local IP addresses');
  first.linkLocal.push(...linkLocal);
  const links = options.link ?? [];
  if (isUserDefined(first.target)) {
    first.links.push(...links);
    return [];
  }
  for (const link of links) checkLink(link);
  return links;
}

/** Whether containers have names of their own on a network; those of the daemon's own have none. */
function isUserDefined(target: string): boolean {
  return !WITHOUT_ALIASES.includes(target) && !target.startsWith('container:');
}

/** Reads `NETWORK`, or docker's long form: `name=NETWORK,alias=NAME,ip=ADDRESS,driver-opt=NAME=VALUE,…`. */
function attachmentOf(word: string): Attachment {
  if (!/^"?\w[\w-]*=/.test(word)) {
    if (word === '') throw refused('no name set for network');
    return plainAttachment(word);
  }
  let target = '';
  const attachment = plainAttachment('');
  for (const field of fieldsOf(word)) {
    const [, key = '', value] = /^([^=]*)=(.*)$/s.exec(field) ?? [];
    if (value === undefined) throw refused(`invalid field "${field}" in --network ${word}`);
    if (key === 'name') target = value;
    else if (key === 'alias') attachment.aliases.push(value);
    else if (key === 'ip') attachment.ip = value;
    else if (key === 'ip6') attachment.ip6 = value;
    else if (key === 'link-local-ip') attachment.linkLocal.push(value);
    else if (key === 'mac-address') attachment.mac = value;
    else if (key === 'driver-opt') attachment.driverOptions.push(value);
    else if (key === 'gw-priority') attachment.gatewayPriority = value;
    else throw refused(`invalid field key "${key}" in --network ${word}`);
  }
  if (target === '') throw refused('no name set for network');
  return { ...attachment, target };
}

function once(flag: string, what: string, already: string | undefined, value: string): string {
  if (already === undefined) return value;
  throw contradiction(flag, what);
}

function contradiction(flag: string, what: string): Failure {
  return refused(`conflicting options: cannot specify both --${flag} and per-network ${what}`);
}

/** @throws Failure for what the network, or any, does not have */
export function checkAttachment(attachment: Attachment): void {
  const { target, aliases, links, ip, ip6, linkLocal, mac, gatewayPriority } = attachment;
  if (aliases.length > 0 && !isUserDefined(target))
    throw refused('network-scoped aliases are only supported for user-defined networks');
  for (const link of links) checkLink(link);
  if (ip !== undefined && !isIPv4(ip))
    throw refused(`invalid IPv4 address "${ip}": one looks like 10.20.0.5`);
  if (ip6 !== undefined && (!isIPv6(ip6) || ip6.includes('%')))
    throw refused(`invalid IPv6 address "${ip6}": one looks like fd00:20::5`);
  for (const address of linkLocal)
    if (isIP(address) === 0 || address.includes('%'))
      throw refused(`invalid link-local IP address "${address}": one looks like 169.254.20.5 or fe80::5`);
  if (mac !== undefined && !/^[\da-f]{2}([:-])(?:[\da-f]{2}\1){4}[\da-f]{2}$/i.test(mac))
    throw refused(`${mac} is not a valid mac address; one looks like 02:42:0a:14:00:05`);
  if (gatewayPriority !== undefined && notPriority(gatewayPriority) !== undefined)
    throw refused(`invalid gw-priority (${gatewayPriority}): ${String(notPriority(gatewayPriority))}`);
}

/** What is wrong with the value of `--gw-priority`: docker's is a number of Go's int. */
export function notPriority(value: string): string | undefined {
  return /^[+-]?\d+$/.test(value) && Number.isSafeInteger(Number(value))
    ? undefined
    : 'it should be a whole number';
}

/** `CONTAINER` or `CONTAINER:ALIAS`. @throws Failure */
function checkLink(link: string): void {
  if (link === '') throw refused('empty string specified for links');
  if (!/^[^:]+(?::[^:]+)?$/.test(link)) throw refused(`bad format for links: ${link}`);
}

/** EndpointSettings of the Engine API: only what was asked for. @throws Failure for driver options without a name */
export function endpointOf(attachment: Attachment): object {
  const { aliases, links, ip, ip6, linkLocal, mac, driverOptions, gatewayPriority } = attachment;
  const ipam = {
    ...(ip === undefined ? {} : { IPv4Address: ip }),
    ...(ip6 === undefined ? {} : { IPv6Address: ip6 }),
    ...(linkLocal.length === 0 ? {} : { LinkLocalIPs: linkLocal }),
  };
  return {
    ...(aliases.length === 0 ? {} : { Aliases: aliases }),
    ...(links.length === 0 ? {} : { Links: links }),
    ...(Object.keys(ipam).length === 0 ? {} : { IPAMConfig: ipam }),
    ...(mac === undefined ? {} : { MacAddress: mac }),
    ...(driverOptions.length === 0 ? {} : { DriverOpts: pairs('driver option', driverOptions) }),
    ...(gatewayPriority === undefined ? {} : { GwPriority: Number(gatewayPriority) }),
  };
}

function refused(reason: string): Failure {
  return new Failure(reason, REFUSED);
}
