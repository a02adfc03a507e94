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
  /** `net.*` sysctls of the container's own namespace. */
  readonly sysctls?: Readonly<Record<string, string>>;
  /** `json-file` is what Berth calls its one log format; kept for `inspect`. */
  readonly logDriver?: string;
}
