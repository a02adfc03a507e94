import type { ContainerMount, ContainerSpec } from '../model.js';
import { rootPropagation, runtimeMounts } from '../volumes/runtime-mounts.js';
import { capabilities } from './capabilities.js';
import { environment, processSpec, type ProcessSpec } from './process.js';
import { seccompProfile, type SeccompProfile } from './seccomp.js';
import type { ProcessUser } from './user.js';

interface Mount {
  readonly destination: string;
  readonly type: string;
  readonly source: string;
  readonly options: readonly string[];
}

interface DeviceRule {
  readonly allow: boolean;
  readonly access: string;
  readonly type?: string;
  readonly major?: number;
  readonly minor?: number;
}

/** The part of the OCI runtime specification (1.0.2) that Berth writes. */
export interface OciSpec {
  readonly ociVersion: string;
  readonly process: ProcessSpec;
  readonly root: { readonly path: string; readonly readonly: boolean };
  readonly hostname?: string;
  readonly mounts: readonly Mount[];
  readonly linux: {
    readonly cgroupsPath: string;
    readonly namespaces: readonly { readonly type: string; readonly path?: string }[];
    readonly resources: { readonly devices: readonly DeviceRule[] };
    readonly rootfsPropagation?: string;
    readonly sysctl?: Readonly<Record<string, string>>;
    readonly seccomp?: SeccompProfile;
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
}

const DEFAULT_SHM_SIZE = 64 * 1024 * 1024;

/** Docker's `oci.DefaultLinuxSpec`. */
const MASKED_PATHS = [
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
const READONLY_PATHS = ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger'];

/** Devices that any container may use; majors and minors of Documentation/admin-guide/devices.txt. */
const DEVICE_RULES: readonly DeviceRule[] = [
  { allow: false, access: 'rwm' },
  { allow: true, access: 'm', type: 'c' },
  { allow: true, access: 'm', type: 'b' },
  // /dev/null, zero, full, tty, urandom, random, ptmx, pts/*.
  ...[
    [1, 3],
    [1, 5],
    [1, 7],
    [5, 0],
    [1, 9],
    [1, 8],
    [5, 2],
  ].map(([major, minor]) => ({
    allow: true,
    access: 'rwm',
    type: 'c',
    ...(major === undefined ? {} : { major }),
    ...(minor === undefined ? {} : { minor }),
  })),
  { allow: true, access: 'rwm', type: 'c', major: 136 },
];

/** The `config.json` of a container's bundle. */
export function ociSpec(input: SpecInput): OciSpec {
  const { spec, network } = input;
  const { host } = spec;
  const privileged = host.privileged ?? false;
  const propagation = rootPropagation(input.mounts);
  const granted = capabilities(host.capAdd ?? [], host.capDrop ?? [], privileged);
  return {
    ociVersion: '1.0.2',
    process: processSpec({
      args: input.args,
      env: environment({ env: spec.env, hostname: input.hostname, home: input.user.home, tty: spec.tty }),
      cwd: spec.workingDirectory ?? '/',
      user: input.user,
      tty: spec.tty,
      size: spec.consoleSize,
      capabilities: granted,
    }),
    root: { path: input.rootfs, readonly: host.readonlyRootfs ?? false },
    hostname: input.hostname,
    mounts: [
      ...systemMounts(host.shmSize ?? DEFAULT_SHM_SIZE, privileged),
      ...fileMounts(input),
      ...runtimeMounts(input.mounts, input.mountSources),
    ],
    linux: {
      cgroupsPath: input.cgroupsPath,
      namespaces: [
        ...['mount', 'uts', 'ipc', 'pid'].map((type) => ({ type })),
        ...(network === 'host' ? [] : [{ type: 'network', path: network.path }]),
      ],
      resources: { devices: privileged ? [{ allow: true, access: 'rwm' }] : DEVICE_RULES },
      ...(propagation === undefined ? {} : { rootfsPropagation: propagation }),
      sysctl: { ...(network === 'host' ? {} : NETWORK_SYSCTLS), ...host.sysctls },
      ...(privileged
        ? {}
        : { seccomp: seccompProfile(granted), maskedPaths: MASKED_PATHS, readonlyPaths: READONLY_PATHS }),
    },
  };
}

/** Docker's own, so that a container's user needs no capability for port 80 and for ping. */
const NETWORK_SYSCTLS = {
  'net.ipv4.ip_unprivileged_port_start': '0',
  'net.ipv4.ping_group_range': '0 2147483647',
};

function systemMounts(shmSize: number, privileged: boolean): Mount[] {
  const access = privileged ? 'rw' : 'ro';
  const plain = ['nosuid', 'noexec', 'nodev'];
  return [
    { destination: '/proc', type: 'proc', source: 'proc', options: plain },
    {
      destination: '/dev',
      type: 'tmpfs',
      source: 'tmpfs',
      options: ['nosuid', 'strictatime', 'mode=755', 'size=65536k'],
    },
    {
      destination: '/dev/pts',
      type: 'devpts',
      source: 'devpts',
      options: ['nosuid', 'noexec', 'newinstance', 'ptmxmode=0666', 'mode=0620', 'gid=5'],
    },
    { destination: '/sys', type: 'sysfs', source: 'sysfs', options: [...plain, access] },
    { destination: '/sys/fs/cgroup', type: 'cgroup', source: 'cgroup', options: [access, ...plain] },
    { destination: '/dev/mqueue', type: 'mqueue', source: 'mqueue', options: plain },
    {
      destination: '/dev/shm',
      type: 'tmpfs',
      source: 'shm',
      options: [...plain, 'mode=1777', `size=${shmSize}`],
    },
  ];
}

function fileMounts({ files, mounts }: SpecInput): Mount[] {
  const taken = new Set(mounts.map(({ destination }) => destination));
  return [
    ['/etc/resolv.conf', files.resolvConf],
    ['/etc/hostname', files.hostname],
    ['/etc/hosts', files.hosts],
  ].flatMap(([destination = '', source = '']) =>
    taken.has(destination) ? [] : [{ destination, type: 'bind', source, options: ['rbind', 'rprivate'] }],
  );
}
