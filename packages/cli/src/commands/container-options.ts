import type { Command } from 'commander';
import { checked, checkedList, collect, notInteger } from './command.js';
import { networkBody, type NetworkOptions } from './endpoints.js';
import {
  addIsolationOptions,
  healthConfig,
  isolationConfig,
  type IsolationOptions,
} from './isolation-options.js';
import { addMountOptions, mountConfig, type MountOptions } from './mount-options.js';
import { parseExposed, parsePublished } from './publish.js';
import {
  addCreationResourceOptions,
  resourceConfig,
  type CreationResourceOptions,
} from './resource-options.js';
import { environment, notAddress, notDomain, notHostEntry, pairs } from './words.js';

/** The flags that `run` and `create` share, as commander gives them. */
export interface ContainerOptions
  extends NetworkOptions, CreationResourceOptions, IsolationOptions, MountOptions {
  readonly name?: string;
  readonly publish?: string[];
  readonly publishAll?: boolean;
  readonly expose?: string[];
  readonly env?: string[];
  readonly envFile?: string[];
  readonly interactive?: boolean;
  readonly tty?: boolean;
  readonly hostname?: string;
  readonly domainname?: string;
  readonly dns?: string[];
  readonly dnsSearch?: string[];
  readonly dnsOption?: string[];
  readonly addHost?: string[];
  readonly workdir?: string;
  readonly user?: string;
  readonly label?: string[];
  readonly entrypoint?: string;
  readonly stopSignal?: string;
  readonly stopTimeout?: string;
  readonly readOnly?: boolean;
  readonly privileged?: boolean;
  readonly capAdd?: string[];
  readonly capDrop?: string[];
  readonly sysctl?: string[];
  readonly rm?: boolean;
}

/** Declares the shared flags. */
export function addContainerOptions(parser: Command): Command {
  return addMountOptions(addIsolationOptions(addCreationResourceOptions(parser)))
    .option('--name <name>', 'name of the container')
    .option('-p, --publish <port>', 'publish ports: [[ADDRESS:]HOSTPORT:]PORT[/PROTOCOL], or ranges', collect)
    .option('-P, --publish-all', 'publish all exposed ports at free ports of the host')
    .option('--expose <port>', 'a port, or range, that the container serves', collect)
    .option('--network <network>', 'network to join, or host, none, container:NAME', collect)
    .option('--net <network>', 'the same', collect)
    .option('--network-alias <alias>', 'a further name on the network', collect)
    .option('--ip <address>', 'IPv4 address on the network')
    .option('--ip6 <address>', 'IPv6 address on the network')
    .option('--link-local-ip <address>', 'a further address, of one link only', collect)
    .option('--link <container>', 'CONTAINER[:ALIAS] to know by that name', collect)
    .option('--mac-address <address>', 'hardware address of the interface')
    .option('-e, --env <variable>', 'NAME=VALUE, or NAME of a variable of this shell', collect)
    .option('--env-file <file>', 'file of NAME=VALUE lines', collect)
    .option('-i, --interactive', 'keep standard input open')
    .option('-t, --tty', 'give it a terminal')
    .option('-h, --hostname <name>', 'host name inside')
    .option('--domainname <name>', 'domain name inside')
    .option('--dns <address>', 'name server for names that are not ours', checkedList(notAddress))
    .option('--dns-search <domain>', 'search domain', checkedList(notDomain))
    .option('--dns-option <option>', 'resolver option', collect)
    .option('--add-host <entry>', 'NAME:ADDRESS for /etc/hosts', checkedList(notHostEntry))
    .option('-w, --workdir <folder>', 'working directory inside')
    .option('-u, --user <user>', 'user (and :group) inside')
    .option('-l, --label <label>', 'NAME=VALUE', collect)
    .option('--entrypoint <program>', 'replaces that of the image')
    .option('--stop-signal <signal>', 'signal that stops it')
    .option('--stop-timeout <seconds>', 'seconds until it is killed', checked(notInteger))
    .option('--read-only', 'mount the root file system read-only')
    .option('--privileged', 'all capabilities and devices')
    .option('--cap-add <capability>', 'add a capability', collect)
    .option('--cap-drop <capability>', 'drop a capability', collect)
    .option('--sysctl <setting>', 'NAME=VALUE', collect)
    .option('--rm', 'remove it when it ends');
}

/** The body of ContainerCreate. @throws Failure for values that are not understood */
export function createBody(
  image: string,
  command: readonly string[],
  options: ContainerOptions,
  attach: boolean,
): object {
  const { exposed, bindings } = parsePublished(options.publish ?? []);
  const { mode, links, endpoints } = networkBody(options);
  const mounts = mountConfig(options);
  return {
    Image: image,
    Cmd: command.length > 0 ? command : null,
    Entrypoint:
      options.entrypoint === undefined ? null : options.entrypoint === '' ? [''] : [options.entrypoint],
    Env: environment(options.env ?? [], options.envFile ?? []),
    Labels: pairs('label', options.label ?? []),
    Hostname: options.hostname ?? '',
    Domainname: options.domainname ?? '',
    User: options.user ?? '',
    WorkingDir: options.workdir ?? '',
    Tty: options.tty ?? false,
    OpenStdin: options.interactive ?? false,
    StdinOnce: attach && (options.interactive ?? false),
    AttachStdin: attach && (options.interactive ?? false),
    AttachStdout: attach,
    AttachStderr: attach,
    ExposedPorts: { ...exposed, ...parseExposed(options.expose ?? []) },
    ...(Object.keys(mounts.volumes).length === 0 ? {} : { Volumes: mounts.volumes }),
    ...healthConfig(options),
    ...(options.stopSignal === undefined ? {} : { StopSignal: options.stopSignal }),
    ...(options.stopTimeout === undefined ? {} : { StopTimeout: Number(options.stopTimeout) }),
    HostConfig: {
      ...(options.tty === true && process.stdout.isTTY
        ? { ConsoleSize: [process.stdout.rows, process.stdout.columns] }
        : {}),
      NetworkMode: mode,
      ...(links.length === 0 ? {} : { Links: links }),
      PortBindings: bindings,
      PublishAllPorts: options.publishAll ?? false,
      ...mounts.host,
      AutoRemove: options.rm ?? false,
      Dns: options.dns ?? [],
      DnsSearch: options.dnsSearch ?? [],
      DnsOptions: options.dnsOption ?? [],
      ExtraHosts: options.addHost ?? null,
      ReadonlyRootfs: options.readOnly ?? false,
      Privileged: options.privileged ?? false,
      CapAdd: options.capAdd ?? null,
      CapDrop: options.capDrop ?? null,
      ...(options.sysctl === undefined ? {} : { Sysctls: pairs('sysctl', options.sysctl) }),
      ...resourceConfig(options),
      ...isolationConfig(options),
    },
    NetworkingConfig: { EndpointsConfig: endpoints },
  };
}
