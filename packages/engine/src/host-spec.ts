import type { PortSpec } from '@berth/network';
import type { RestartPolicy } from './containers/restart-policy.js';
import type { MountSpec } from './volumes/model.js';

/** What a client asks for of the host when it creates a container: Docker's `HostConfig`. */
export interface HostSpec {
  /** `default`, `bridge`, `host`, `none`, `container:REF` or a network's name or id. */
  readonly networkMode: string;
  readonly portBindings: readonly PortSpec[];
  /** Publish every exposed port at a port of the host's choice. */
  readonly publishAllPorts?: boolean;
  /** `source:destination[:options]`; the source is an absolute path or a volume's name. */
  readonly binds: readonly string[];
  readonly mounts?: readonly MountSpec[];
  /** `container[:ro|rw]`: have the mounts of another container. */
  readonly volumesFrom?: readonly string[];
  /** The driver of volumes that `binds` name; `local` is the only one there is. */
  readonly volumeDriver?: string;
  readonly autoRemove: boolean;
  /** `no` unless told. */
  readonly restartPolicy?: RestartPolicy;
  readonly dns: readonly string[];
  readonly dnsSearch: readonly string[];
  readonly dnsOptions: readonly string[];
  /** `name:address`. */
  readonly extraHosts: readonly string[];
  /** `container` or `container:alias`, on the default bridge: names in the hosts file, and variables. */
  readonly links?: readonly string[];
  readonly privileged?: boolean;
  readonly capAdd?: readonly string[];
  readonly capDrop?: readonly string[];
  readonly readonlyRootfs?: boolean;
  /** Size of `/dev/shm` in bytes; 64 MiB unless told. */
  readonly shmSize?: number;
  /** Sysctls of the container's own namespaces: `net.*`, `fs.mqueue.*`, and System V's of `kernel.*`. */
  readonly sysctls?: Readonly<Record<string, string>>;
  readonly resources?: Resources;
  readonly devices?: readonly DeviceMapping[];
  /** `c 10:200 rwm`: further devices that it may use, or make. */
  readonly deviceCgroupRules?: readonly string[];
  readonly ulimits?: readonly Ulimit[];
  /** The cgroup below which the container gets its own; the daemon's unless told. */
  readonly cgroupParent?: string;
  /** A first process that reaps zombies and passes signals on, before the container's own. */
  readonly init?: boolean;
  /** Groups of the first process besides its user's: names of the image, or numbers. */
  readonly groupAdd?: readonly string[];
  /** Options of tmpfs mounts, by their destination. */
  readonly tmpfs?: Readonly<Record<string, string>>;
  /** `no-new-privileges[=BOOL]`, `seccomp=unconfined|builtin|{profile}`, `apparmor=unconfined`, `label=disable`. */
  readonly securityOptions?: readonly string[];
  /** Docker's own lists unless told. */
  readonly maskedPaths?: readonly string[];
  readonly readonlyPaths?: readonly string[];
  /** Empty (its own), `host` or `container:ID`. */
  readonly pidMode?: string;
  /** `private`, `shareable`, `none`, `host` or `container:ID`. */
  readonly ipcMode?: string;
  /** Empty (its own) or `host`. */
  readonly utsMode?: string;
  /** `private` or `host`. */
  readonly cgroupnsMode?: string;
  /** Empty or `host`: containers have the host's user namespace in either case. */
  readonly usernsMode?: string;
  /** From -1000 to 1000: proc_pid_oom_score_adj(5). */
  readonly oomScoreAdj?: number;
  readonly annotations?: Readonly<Record<string, string>>;
  /** `json-file` (default), `local` or `none`. */
  readonly logDriver?: string;
  /** Options of the driver: `max-size`, `max-file`, … */
  readonly logOptions?: Readonly<Record<string, string>>;
}

/** What a container may use of the host. Zero, or none, is no limit; Docker's units and names. */
export interface Resources {
  /** Bytes. */
  readonly memory?: number;
  /** Bytes of memory and swap together; -1 is no limit. */
  readonly memorySwap?: number;
  /** Bytes that it is pressed down to when the host runs short. */
  readonly memoryReservation?: number;
  /** From 0 to 100. */
  readonly memorySwappiness?: number;
  readonly oomKillDisable?: boolean;
  /** Processes and threads; zero and less are no limit. */
  readonly pidsLimit?: number;
  /** Thousand millionths of a processor. */
  readonly nanoCpus?: number;
  /** A weight beside others; 1024 is the kernel's own. */
  readonly cpuShares?: number;
  /** Microseconds. */
  readonly cpuPeriod?: number;
  /** Microseconds in each period. */
  readonly cpuQuota?: number;
  readonly cpuRealtimePeriod?: number;
  readonly cpuRealtimeRuntime?: number;
  /** `0-2,4`. */
  readonly cpusetCpus?: string;
  readonly cpusetMems?: string;
  /** From 10 to 1000. */
  readonly blkioWeight?: number;
  readonly blkioWeightDevice?: readonly DeviceWeight[];
  readonly blkioDeviceReadBps?: readonly DeviceRate[];
  readonly blkioDeviceWriteBps?: readonly DeviceRate[];
  readonly blkioDeviceReadIOps?: readonly DeviceRate[];
  readonly blkioDeviceWriteIOps?: readonly DeviceRate[];
}

export interface DeviceWeight {
  /** Of the block device on the host. */
  readonly path: string;
  readonly weight: number;
}

export interface DeviceRate {
  readonly path: string;
  /** Bytes, or operations, a second. */
  readonly rate: number;
}

/** A device of the host, or all in a directory of it, for a container to use. */
export interface DeviceMapping {
  readonly pathOnHost: string;
  readonly pathInContainer: string;
  /** Of `r`, `w` and `m` (mknod). */
  readonly permissions: string;
}

/** getrlimit(2); -1 is no limit. */
export interface Ulimit {
  /** `nofile`, `nproc`, … */
  readonly name: string;
  readonly soft: number;
  readonly hard: number;
}
