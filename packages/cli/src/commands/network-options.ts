import type { Command } from 'commander';
import { Failure, REFUSED, checked, checkedList, collect, notInteger, onOrOff } from './command.js';
import { checkAttachment, endpointOf, notPriority, plainAttachment } from './endpoints.js';
import { ipamConfig, type IpamOptions } from './ipam-config.js';
import { fieldsOf, notAddress, pairs } from './words.js';

/** The flags of `network create`, as commander gives them. */
export interface CreateOptions extends IpamOptions {
  readonly driver: string;
  readonly internal?: boolean;
  readonly attachable?: boolean;
  readonly ipv4?: boolean;
  readonly ipv6?: boolean;
  readonly configOnly?: boolean;
  readonly configFrom?: string;
  readonly scope?: string;
  readonly ingress?: boolean;
  readonly label?: string[];
  readonly opt?: string[];
  readonly ipamDriver?: string;
  readonly ipamOpt?: string[];
}

/** Declares the flags of `network create`. */
export function addCreateOptions(parser: Command): Command {
  return parser
    .option('-d, --driver <driver>', 'bridge, macvlan, ipvlan, host or null', 'bridge')
    .option('--subnet <prefix>', 'its addresses, as 10.20.0.0/16; one of each family, or more', collect)
    .option('--gateway <address>', "the host's address in a subnet", collect)
    .option('--ip-range <prefix>', 'where addresses of a subnet are taken from', collect)
    .option('--aux-address <entry>', 'NAME=ADDRESS that is never given to a container', collect)
    .option('--internal', 'no way out, and none in')
    .option('--attachable', 'containers may be attached by hand')
    .option('--ingress', "a swarm's network for its ports")
    .option('--scope <scope>', 'local, or that of a cluster')
    .option('--ipv4 [on]', 'IPv4 addresses (on unless --ipv4=false)', onOrOff)
    .option('--ipv6 [on]', 'IPv6 addresses too', onOrOff)
    .option('--config-only', 'only a configuration for others to take over')
    .option('--config-from <network>', 'the network whose configuration it takes over')
    .option('--label <label>', 'NAME=VALUE', collect)
    .option('-o, --opt <option>', 'NAME=VALUE for the driver', collect)
    .option('--ipam-driver <driver>', 'who manages its addresses')
    .option('--ipam-opt <option>', 'NAME=VALUE for it', collect);
}

/** The body of NetworkCreate. @throws Failure for values that are not understood */
export function createNetworkBody(name: string, options: CreateOptions): object {
  const { configFrom, scope, ipv4, ipv6 } = options;
  return {
    Name: name,
    Driver: options.driver,
    Internal: options.internal ?? false,
    Attachable: options.attachable ?? false,
    Ingress: options.ingress ?? false,
    ConfigOnly: options.configOnly ?? false,
    ...(scope === undefined ? {} : { Scope: scope }),
    ...(configFrom === undefined ? {} : { ConfigFrom: { Network: configFrom } }),
    ...(ipv4 === undefined ? {} : { EnableIPv4: ipv4 }),
    ...(ipv6 === undefined ? {} : { EnableIPv6: ipv6 }),
    Labels: pairs('label', options.label ?? []),
    Options: pairs('option', options.opt ?? []),
    IPAM: {
      Driver: options.ipamDriver ?? 'default',
      Options: pairs('IPAM option', options.ipamOpt ?? []),
      Config: ipamConfig(options),
    },
  };
}

/** The flags of `network update`, as commander gives them. */
export interface UpdateOptions {
  readonly label?: string[];
  readonly labelRm?: string[];
  readonly dns?: string[];
  readonly mtu?: string;
  readonly icc?: boolean;
  readonly internal?: boolean;
  readonly antiSpoofing?: boolean;
}

/** Declares the flags of `network update`. */
export function addUpdateOptions(parser: Command): Command {
  const notServer = (value: string): string | undefined => (value === 'none' ? undefined : notAddress(value));
  return parser
    .option('--label <label>', 'NAME=VALUE to add or change', collect)
    .option('--label-rm <name>', 'NAME of a label to remove', collect)
    .option('--dns <address>', 'name server for names that are not ours, or none', checkedList(notServer))
    .option('--mtu <bytes>', 'longest packet of its links', checked(notInteger))
    .option('--icc [on]', 'containers may talk to each other', onOrOff)
    .option('--internal [on]', 'no way out, and none in', onOrOff)
    .option('--anti-spoofing [on]', 'containers send from their own addresses only', onOrOff);
}

/** The body of the update: only what was asked for. @throws Failure where nothing was, or what contradicts itself */
export function updateNetworkBody(options: UpdateOptions): object {
  const { label, labelRm, dns, mtu, icc, internal, antiSpoofing } = options;
  if (Object.keys(options).length === 0)
    throw new Failure('you must provide one or more flags when using this command');
  const added = pairs('label', label ?? []);
  const both = labelRm?.find((name) => Object.hasOwn(added, name));
  if (both !== undefined)
    throw new Failure(`conflicting options: label "${both}" cannot be both set and removed`, REFUSED);
  if (dns !== undefined && dns.length > 1 && dns.includes('none'))
    throw new Failure('conflicting options: cannot specify both --dns none and name servers', REFUSED);
  const removed = Object.fromEntries((labelRm ?? []).map((name) => [name, null]));
  const driver = {
    ...(mtu === undefined ? {} : { 'com.docker.network.driver.mtu': mtu }),
    ...(icc === undefined ? {} : { 'com.docker.network.bridge.enable_icc': String(icc) }),
    ...(antiSpoofing === undefined ? {} : { 'berth.anti_spoofing': String(antiSpoofing) }),
  };
  return {
    ...(label === undefined && labelRm === undefined ? {} : { Labels: { ...added, ...removed } }),
    ...(Object.keys(driver).length === 0 ? {} : { Options: driver }),
    ...(internal === undefined ? {} : { Internal: internal }),
    ...(dns === undefined ? {} : { Dns: dns.filter((server) => server !== 'none') }),
  };
}

/** The flags of `network connect`, as commander gives them. */
export interface ConnectOptions {
  readonly alias?: string[];
  readonly ip?: string;
  readonly ip6?: string;
  readonly linkLocalIp?: string[];
  readonly link?: string[];
  readonly driverOpt?: string[];
  readonly gwPriority?: string;
}

/** Declares the flags of `network connect`. */
export function addConnectOptions(parser: Command): Command {
  return parser
    .option('--alias <name>', 'a further name there', collect)
    .option('--ip <address>', 'IPv4 address there')
    .option('--ip6 <address>', 'IPv6 address there')
    .option('--link-local-ip <address>', 'a further address, of one link only', collect)
    .option('--link <container>', 'CONTAINER[:ALIAS] to know by that name there', collect)
    .option('--driver-opt <option>', 'NAME=VALUE for the driver', collect)
    .option(
      '--gw-priority <number>',
      'the network of the highest number has the default gateway',
      checked(notPriority),
    );
}

/** EndpointConfig of NetworkConnect. @throws Failure for values that are not understood */
export function connectEndpoint(network: string, options: ConnectOptions): object {
  const attachment = {
    ...plainAttachment(network),
    aliases: options.alias ?? [],
    links: options.link ?? [],
    ip: options.ip,
    ip6: options.ip6,
    linkLocal: options.linkLocalIp ?? [],
    driverOptions: (options.driverOpt ?? []).flatMap(fieldsOf),
    gatewayPriority: options.gwPriority,
  };
  checkAttachment(attachment);
  return endpointOf(attachment);
}
