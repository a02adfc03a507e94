import type { Readable, Writable } from 'node:stream';
import type { Brand, Logger, Store } from '@berth/core';
import type { Endpoint, NameServiceCounters, NetworkManager, Protocol, PublishedPort } from '@berth/network';
import type { Health, Healthcheck } from './containers/health.js';
import type { HostSpec } from './host-spec.js';
import type { ContainerMount } from './volumes/model.js';

export type { Health, Healthcheck, HealthResult, HealthStatus } from './containers/health.js';
export type { RestartPolicy } from './containers/restart-policy.js';
export type * from './host-spec.js';
export type * from './images/model.js';
export type * from './volumes/model.js';

export type ContainerId = Brand<'container'>;
/** `sha256:` and 64 hex digits. */
export type ImageId = Brand<'image'>;
export type ExecId = Brand<'exec'>;

export interface EngineOptions {
  /** Where images and containers are kept. */
  readonly dataRoot: string;
  /** Where what lives as long as a running container is kept: bundles, pid files, runc's state. */
  readonly execRoot: string;
  readonly store: Store;
  readonly network: NetworkManager;
  readonly logger: Logger;
  /** The cgroup below which each container gets its own, e.g. `/berth`. */
  readonly cgroupParent: string;
  /** Paths of the programs. */
  readonly runtimes: {
    readonly runc: string;
    readonly conmon: string;
    /** A first process that reaps zombies, for containers that ask for one. */
    readonly init?: string;
  };
  /**
   * The path of a program that some requests need; looked for when one comes.
   * Throws BerthError `unavailable`, naming the package that has it.
   */
  readonly findTool: (name: ImageTool) => string;
}

/** Programs for registries and for building images; without them everything else works. */
export type ImageTool = 'skopeo' | 'buildah';

export interface EngineInfo {
  readonly containers: number;
  readonly running: number;
  readonly paused: number;
  readonly stopped: number;
  readonly images: number;
}

/** A port, or a run of neighbouring ports, that a container serves. */
export interface ExposedPort {
  readonly port: number;
  readonly protocol: Protocol;
  /** How many ports from `port` on; default 1. */
  readonly count?: number;
}

/** How a container is to join one network. */
export interface EndpointConfig {
  readonly aliases: readonly string[];
  readonly ipv4Address?: string;
  readonly ipv6Address?: string;
  readonly linkLocalAddresses?: readonly string[];
  readonly macAddress?: string;
  /** `container:alias`: names that this container alone knows another on the network by. */
  readonly links?: readonly string[];
  readonly driverOptions?: Readonly<Record<string, string>>;
  /** The network with the highest one is the way out; default 0. */
  readonly gatewayPriority?: number;
}

/** What a client asks for when it creates a container. */
export interface ContainerSpec {
  readonly name?: string;
  readonly image: string;
  readonly command?: readonly string[];
  /** Replaces the image's; `['']` or `[]` means none. */
  readonly entrypoint?: readonly string[];
  readonly env: readonly string[];
  readonly workingDirectory?: string;
  readonly user?: string;
  readonly hostname?: string;
  readonly domainname?: string;
  readonly tty: boolean;
  /** Size of the terminal at the start. */
  readonly consoleSize?: TerminalSize;
  readonly openStdin: boolean;
  readonly stdinOnce: boolean;
  readonly attachStdin: boolean;
  readonly attachStdout: boolean;
  readonly attachStderr: boolean;
  readonly labels: Readonly<Record<string, string>>;
  readonly exposedPorts: readonly ExposedPort[];
  /** Paths at which there is to be a volume, an anonymous one unless another mount says otherwise. */
  readonly volumes?: readonly string[];
  readonly stopSignal?: string;
  /** Seconds. */
  readonly stopTimeout?: number;
  readonly healthcheck?: Healthcheck;
  readonly macAddress?: string;
  readonly host: HostSpec;
  /** By network name or id. */
  readonly networks: Readonly<Record<string, EndpointConfig>>;
}

export type ContainerStatus =
  'created' | 'running' | 'paused' | 'restarting' | 'exited' | 'removing' | 'dead';

/** Instants are RFC 3339 with nanoseconds, in UTC; `0001-01-01T00:00:00Z` where there is none, as Docker has it. */
export interface ContainerState {
  readonly status: ContainerStatus;
  /** The host's number of the first process; 0 when there is none. */
  readonly pid: number;
  readonly exitCode: number;
  readonly error: string;
  readonly startedAt: string;
  readonly finishedAt: string;
  readonly oomKilled: boolean;
}

export interface ContainerNetwork {
  readonly networkId: string;
  readonly networkName: string;
  readonly config: EndpointConfig;
  /** While the container runs. */
  readonly endpoint?: Endpoint;
  /** The names that the network's name service answers to for this container. */
  readonly dnsNames: readonly string[];
}

/** A container as it is now. The object is a snapshot: ask again for later states. */
export interface Container {
  readonly id: ContainerId;
  /** Without Docker's leading slash. */
  readonly name: string;
  readonly created: string;
  readonly imageId: ImageId;
  /** As the client named it. */
  readonly imageName: string;
  /** With the image's defaults merged in: command, entrypoint, env, labels, exposed ports, … */
  readonly spec: ContainerSpec;
  /** The program and its arguments. */
  readonly path: string;
  readonly args: readonly string[];
  readonly hostname: string;
  readonly state: ContainerState;
  /** The network mode with names resolved: `container:<id>` for `container:web`. */
  readonly networkMode: string;
  /** By network name. */
  readonly networks: Readonly<Record<string, ContainerNetwork>>;
  /** Published ports as they are; empty unless it runs. */
  readonly ports: readonly PublishedPort[];
  /** Id of the sandbox; empty when it is not running. */
  readonly sandboxId: string;
  /** The namespace's file; empty when it is not running. */
  readonly sandboxPath: string;
  /** What has become of its questions, while its name service answers. */
  readonly nameService?: NameServiceCounters;
  readonly hostnamePath: string;
  readonly hostsPath: string;
  readonly resolvConfPath: string;
  readonly logPath: string;
  readonly mounts: readonly ContainerMount[];
  /** How often it was started again by its restart policy since somebody started it. */
  readonly restartCount: number;
  /** Absent where nothing is checked. */
  readonly health?: Health;
  /** Ids of the execs that are known. */
  readonly execIds: readonly string[];
  /** The overlay's directories, for `inspect`'s GraphDriver. */
  readonly rootfs: {
    readonly lower: string;
    readonly upper: string;
    readonly work: string;
    readonly merged: string;
  };
}

export interface LogEntry {
  readonly stream: 'stdout' | 'stderr';
  /** RFC 3339 with nanoseconds, UTC. */
  readonly time: string;
  /** A line with its newline, or a part of a long one without. */
  readonly data: Buffer;
}

export interface LogOptions {
  readonly stdout: boolean;
  readonly stderr: boolean;
  readonly follow: boolean;
  /** Nanoseconds since 1970. */
  readonly since?: bigint;
  readonly until?: bigint;
  /** Number of lines from the end; all when absent. */
  readonly tail?: number;
}

export interface OutputChunk {
  readonly stream: 'stdout' | 'stderr';
  readonly data: Buffer;
}

export interface AttachOptions {
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
  /** Give what was written so far first. */
  readonly logs: boolean;
  /** Go on with what is being written. */
  readonly stream: boolean;
}

/** The standard streams of a container or an exec. With a terminal everything comes as `stdout`, raw. */
export interface AttachStream {
  readonly tty: boolean;
  /** Object stream of {@link OutputChunk}; ends when the process has ended and all was read. */
  readonly output: Readable & AsyncIterable<OutputChunk>;
  /** Absent unless stdin was asked for. Ending it closes the process's stdin (where that is allowed). */
  readonly stdin?: Writable;
  /** Detaches; the process goes on. */
  close(): void;
  /** Tells that the client has left on purpose, by its keys. */
  detached?(): void;
}

export interface TerminalSize {
  readonly rows: number;
  readonly columns: number;
}

export interface ExecSpec {
  readonly command: readonly string[];
  readonly tty: boolean;
  readonly attachStdin: boolean;
  readonly attachStdout: boolean;
  readonly attachStderr: boolean;
  readonly env: readonly string[];
  readonly user?: string;
  readonly workingDirectory?: string;
  readonly privileged: boolean;
  readonly detachKeys?: string;
}

export interface Exec {
  readonly id: ExecId;
  readonly containerId: ContainerId;
  readonly spec: ExecSpec;
  readonly running: boolean;
  /** Absent until it has ended. */
  readonly exitCode?: number;
  readonly pid: number;
}

export type WaitCondition = 'not-running' | 'next-exit' | 'removed';

export interface WaitResult {
  readonly exitCode: number;
  readonly error?: string;
}

/** An event in Docker's terms. */
export interface EngineEvent {
  readonly type: 'container' | 'image' | 'network' | 'volume';
  readonly action: string;
  readonly actor: { readonly id: string; readonly attributes: Readonly<Record<string, string>> };
  /** Nanoseconds since 1970. */
  readonly timeNano: bigint;
}

export interface EventQuery {
  /** Nanoseconds since 1970. */
  readonly since?: bigint;
  readonly until?: bigint;
  /** Docker's filters: `type`, `event`, `container`, `image`, `network`, `volume`, `label`. */
  readonly filters?: Readonly<Record<string, readonly string[]>>;
}
