import { isIPv4 } from 'node:net';
import { Failure, REFUSED } from './command.js';
import { pairs } from './words.js';

/** What a command line says of a container's networks. */
export interface NetworkOptions {
  readonly network?: string[];
  readonly net?: string[];
  readonly networkAlias?: string[];
  readonly ip?: string;
  readonly macAddress?: string;
}

interface Attachment {
  readonly target: string;
  readonly aliases: string[];
  ip: string | undefined;
  mac: string | undefined;
  readonly driverOptions: string[];
}

interface NetworkBody {
  readonly mode: string;
  readonly endpoints: Record<string, object>;
}

/** Networks whose containers have no names of their own there. */
const WITHOUT_ALIASES = ['default', 'bridge', 'host', 'none'];

/**
 * The network mode and endpoints of a new container: the first `--network` is its mode, and `--network-alias`,
 * `--ip` and `--mac-address` are about that one.
 *
 * @throws Failure for values that are not understood or contradict each other
 */
export function networkBody(options: NetworkOptions): NetworkBody {
  const words = [...(options.network ?? []), ...(options.net ?? [])];
  const attachments = (words.length === 0 ? ['default'] : words).map(attachmentOf);
  const [first, ...more] = attachments;
  if (first === undefined) return { mode: 'default', endpoints: {} };
  first.aliases.push(...(options.networkAlias ?? []));
  if (options.ip !== undefined) first.ip = once('ip', first.ip, options.ip);
  if (options.macAddress !== undefined) first.mac = once('mac-address', first.mac, options.macAddress);
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
  return { mode: first.target, endpoints };
}

/** Reads `NETWORK`, or docker's long form: `name=NETWORK,alias=NAME,ip=ADDRESS,mac-address=…,driver-opt=NAME=VALUE`. */
function attachmentOf(word: string): Attachment {
  const attachment = {
    aliases: [] as string[],
    ip: undefined as string | undefined,
    mac: undefined as string | undefined,
    driverOptions: [] as string[],
  };
  if (!/^\w[\w-]*=/.test(word)) {
    if (word === '') throw refused('no name set for network');
    return { target: word, ...attachment };
  }
  let target = '';
  for (const field of word.split(',')) {
    const [, key = '', value] = /^([^=]*)=(.*)$/s.exec(field) ?? [];
    if (value === undefined) throw refused(`invalid field "${field}" in --network ${word}`);
    if (key === 'name') target = value;
    else if (key === 'alias') attachment.aliases.push(value);
    else if (key === 'ip') attachment.ip = value;
    else if (key === 'mac-address') attachment.mac = value;
    else if (key === 'driver-opt') attachment.driverOptions.push(value);
    else if (['ip6', 'link-local-ip', 'gw-priority'].includes(key))
      throw refused(`${key} in --network is not supported by Berth yet`);
    else throw refused(`invalid field key "${key}" in --network ${word}`);
  }
  if (target === '') throw refused('no name set for network');
  return { target, ...attachment };
}

function once(flag: string, already: string | undefined, value: string): string {
  if (already === undefined) return value;
  throw refused(`conflicting options: cannot specify both --${flag} and per-network ${flag}`);
}

function checkAttachment({ target, aliases, ip, mac }: Attachment): void {
  if (aliases.length > 0 && (WITHOUT_ALIASES.includes(target) || target.startsWith('container:')))
    throw refused('network-scoped aliases are only supported for user-defined networks');
  if (ip !== undefined && !isIPv4(ip))
    throw refused(`invalid IPv4 address "${ip}": one looks like 10.20.0.5`);
  if (mac !== undefined && !/^[\da-f]{2}([:-])(?:[\da-f]{2}\1){4}[\da-f]{2}$/i.test(mac))
    throw refused(`${mac} is not a valid mac address; one looks like 02:42:0a:14:00:05`);
}

function endpointOf({ aliases, ip, mac, driverOptions }: Attachment): object {
  return {
    ...(aliases.length === 0 ? {} : { Aliases: aliases }),
    ...(ip === undefined ? {} : { IPAMConfig: { IPv4Address: ip } }),
    ...(mac === undefined ? {} : { MacAddress: mac }),
    ...(driverOptions.length === 0 ? {} : { DriverOpts: pairs('driver option', driverOptions) }),
  };
}

function refused(reason: string): Failure {
  return new Failure(reason, REFUSED);
}
