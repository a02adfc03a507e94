import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { ContainerMount, ContainerSpec, HostSpec } from '../model.js';
import { rootPropagation, type RuntimeMount } from '../volumes/runtime-mounts.js';
import { capabilities } from './capabilities.js';
import { hostDevices, mappedDevices, type OciDevice } from './devices.js';
import { INIT_DESTINATION, containerMounts } from './mounts.js';
import { namespaces, type JoinedNamespaces, type RuntimeNamespace } from './namespaces.js';
import { environment, processSpec, type ProcessSpec } from './process.js';
import { deviceRules, runtimeResources, type RuntimeResources } from './resources.js';
import { runtimeLimit } from './rlimits.js';
import { runtimeProfile } from './seccomp-custom.js';
import { seccompProfile } from './seccomp.js';
import { parseSecurity } from './security.js';
import type { ProcessUser } from './user.js';

/** The part of the OCI runtime specification (1.0.2) that Berth writes. */
export interface OciSpec {
  readonly ociVersion: string;
  readonly process: ProcessSpec;
  readonly root: { readonly path: string; readonly readonly: boolean };
  readonly hostname?: string;
  readonly mounts: readonly RuntimeMount[];
  readonly annotations?: Readonly<Record<string, string>>;
  readonly linux: {
    readonly cgroupsPath: string;
    readonly namespaces: readonly RuntimeNamespace[];
    readonly devices?: readonly OciDevice[];
    readonly resources: RuntimeResources;
    readonly rootfsPropagation?: string;
    readonly sysctl?: Readonly<Record<string, string>>;
    readonly seccomp?: object;
    readonly maskedPaths?: readonly string[];
    readonly readonlyPaths?: readonly string[];
  };
}

export interface SpecInput {
  readonly spec: ContainerSpec;
  readonly args: readonly string[];
  readonly hostname: string;
  readonly user: ProcessUser;
  readonly rootfs: string;
  readonly cgroupsPath: string;
  /** The namespace's file, or `host` to share the daemon's. */
  readonly network: { readonly path: string } | 'host';
  readonly mounts: readonly ContainerMount[];
  /** Where the content of mounts is by now, by destination; see {@link runtimeMounts}. */
  readonly mountSources?: ReadonlyMap<string, string>;
  /** Files of Berth's own that lie over the image's. */
  readonly files: { readonly hosts: string; readonly hostname: string; readonly resolvConf: string };
  /** Namespaces of other containers. */
  readonly joined?: JoinedNamespaces;
  /** A directory of the host that is to be `/dev/shm`, instead of one of the container's own. */
  readonly shm?: string;
  /** The program that is to be the first process, on the host. */
  readonly init?: string;
}

/** Docker's `oci.DefaultLinuxSpec`. */
export const MASKED_PATHS: readonly string[] = [
  '/proc/asound',
  '/proc/acpi',
  '/proc/interrupts',
  '/proc/kcore',
  '/proc/keys',
  '/proc/latency_stats',
  '/proc/timer_list',
  '/proc/timer_stats',
  '/proc/sched_debug',
  '/proc/scsi',
  '/sys/firmware',
  '/sys/devices/virtual/powercap',
];
export const READONLY_PATHS: readonly string[] = [
  '/proc/bus',
  '/proc/fs',
  '/proc/irq',
  '/proc/sys',
  '/proc/sysrq-trigger',
];

/** The `config.json` of a container's bundle. @throws BerthError `invalid`: a device that is not there (any more) */
export function ociSpec(input: SpecInput): OciSpec {
  const { spec, network, init } = input;
  const { host } = spec;
  const privileged = host.privileged ?? false;
  const propagation = rootPropagation(input.mounts);
  const rights = processRights(host, privileged);
  const devices = privileged ? hostDevices() : (host.devices ?? []).flatMap(mappedDevices);
  const seccomp = seccompOf(host, rights.capabilities);
  const utsOfHost = host.utsMode === 'host';
  return {
    ociVersion: '1.0.2',
    process: processSpec({
      args: init === undefined ? input.args : [INIT_DESTINATION, '--', ...input.args],
      env: environment({ env: spec.env, hostname: input.hostname, home: input.user.home, tty: spec.tty }),
      cwd: spec.workingDirectory ?? '/',
      user: input.user,
      tty: spec.tty,
      size: spec.consoleSize,
      ...rights,
      oomScoreAdj: oomScoreAdj(host),
    }),
    root: { path: input.rootfs, readonly: host.readonlyRootfs ?? false },
    ...(utsOfHost ? {} : { hostname: input.hostname }),
    mounts: containerMounts({ ...input, host, sources: input.mountSources }),
    ...(host.annotations !== undefined && { annotations: host.annotations }),
    linux: {
      cgroupsPath: input.cgroupsPath,
      namespaces: [
        ...namespaces(host, input.joined ?? {}),
        ...(network === 'host' ? [] : [{ type: 'network', path: network.path }]),
      ],
      ...(devices.length > 0 && { devices }),
      resources: { devices: deviceRules(host), ...runtimeResources(host.resources ?? {}) },
      ...(propagation === undefined ? {} : { rootfsPropagation: propagation }),
      sysctl: {
        ...(network === 'host' ? {} : NETWORK_SYSCTLS),
        // OCI 1.0 has no field for it; it is the same as setdomainname(2) within the namespace.
        ...(spec.domainname !== undefined && !utsOfHost && { 'kernel.domainname': spec.domainname }),
        ...host.sysctls,
      },
      ...(seccomp !== undefined && { seccomp }),
      ...(!privileged && {
        maskedPaths: host.maskedPaths ?? MASKED_PATHS,
        readonlyPaths: host.readonlyPaths ?? READONLY_PATHS,
      }),
    },
  };
}

/** What every process of a container may do, its first and those that are executed in it. */
export function processRights(host: HostSpec, privileged: boolean) {
  return {
    capabilities: capabilities(host.capAdd ?? [], host.capDrop ?? [], privileged),
    noNewPrivileges: parseSecurity(host.securityOptions ?? []).noNewPrivileges,
    rlimits: (host.ulimits ?? []).map(runtimeLimit),
  };
}

/** As text for the runtime: 64-bit limits are written in full, which JSON.stringify cannot. */
export function specText(spec: OciSpec | ProcessSpec): string {
  // A mark that nothing a user gave can hold.
  const mark = `uint64-${randomUUID()}-`;
  const text = JSON.stringify(spec, (_name, value: unknown) =>
    typeof value === 'bigint' ? `${mark}${value}` : value,
  );
  return text.replaceAll(new RegExp(`"${mark}(\\d+)"`, 'g'), '$1');
}

/** What is not asked for is zero and not the daemon's own, unless that is higher: going below it takes CAP_SYS_RESOURCE. */
function oomScoreAdj({ oomScoreAdj: asked = 0 }: HostSpec): number | undefined {
  if (asked !== 0) return asked;
  return Number(readFileSync('/proc/self/oom_score_adj', 'utf8')) < 0 ? 0 : undefined;
}

function seccompOf(host: HostSpec, granted: readonly string[]): object | undefined {
  const { seccomp } = parseSecurity(host.securityOptions ?? []);
  if (seccomp === 'unconfined') return undefined;
  if (typeof seccomp === 'object') return runtimeProfile(seccomp, { capabilities: granted });
  return host.privileged === true ? undefined : seccompProfile(granted);
}

/** Docker's own, so that a container's user needs no capability for port 80 and for ping. */
const NETWORK_SYSCTLS = {
  'net.ipv4.ip_unprivileged_port_start': '0',
  'net.ipv4.ping_group_range': '0 2147483647',
};
