/** Mount propagation, in Docker's words (mount_namespaces(7)); an `r` stands for the mounts below, too. */
export type Propagation = 'private' | 'rprivate' | 'shared' | 'rshared' | 'slave' | 'rslave';

export interface VolumeSpec {
  /** Without one the volume is anonymous: it gets a random name, and is what `prune` takes by default. */
  readonly name?: string;
  /** `local` is the only one there is. */
  readonly driver?: string;
  /** `type`, `device` and `o` of a mount(8); none for a plain directory. */
  readonly options?: Readonly<Record<string, string>>;
  readonly labels?: Readonly<Record<string, string>>;
}

/** A volume as it is now. */
export interface Volume {
  readonly name: string;
  /** RFC 3339, UTC. */
  readonly created: string;
  readonly driver: 'local';
  /** Where its content lies on the host. */
  readonly mountpoint: string;
  readonly options: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
  /** Ids of the containers that name it, running or not. */
  readonly users: readonly string[];
}

interface MountCommon {
  /** Path in the container. */
  readonly target: string;
  readonly readOnly?: boolean;
}

/** An element of `HostConfig.Mounts`: a path of the host. */
export interface BindMountSpec extends MountCommon {
  readonly type: 'bind';
  readonly source: string;
  readonly propagation?: string;
  /** What is mounted below the source stays out. */
  readonly nonRecursive?: boolean;
  /** Make the source as a directory where it is missing. */
  readonly createMountpoint?: boolean;
  /** With `readOnly`: what is mounted below the source stays writable. */
  readonly readOnlyNonRecursive?: boolean;
  /** With `readOnly`: fail where the kernel cannot make what is mounted below read-only. */
  readonly readOnlyForceRecursive?: boolean;
}

/** An element of `HostConfig.Mounts`: a volume, made with these options if it is not there. */
export interface VolumeMountSpec extends MountCommon {
  readonly type: 'volume';
  /** The volume's name; none for an anonymous one. */
  readonly source?: string;
  /** Leave the image's content out of a new volume. */
  readonly noCopy?: boolean;
  readonly labels?: Readonly<Record<string, string>>;
  readonly driver?: string;
  readonly driverOptions?: Readonly<Record<string, string>>;
  /** A path within the volume that is mounted instead of all of it. */
  readonly subpath?: string;
}

/** An element of `HostConfig.Mounts`: memory. */
export interface TmpfsMountSpec extends MountCommon {
  readonly type: 'tmpfs';
  /** Bytes; half of the memory unless told. */
  readonly sizeBytes?: number;
  /** Permissions, e.g. 0o1777. */
  readonly mode?: number;
  /** Further options: `['noexec']`, `['uid', '1000']`. */
  readonly options?: readonly (readonly string[])[];
}

export type MountSpec = BindMountSpec | VolumeMountSpec | TmpfsMountSpec;

/** What of a container's mount was decided when it was created. */
export interface ContainerMount {
  readonly type: 'bind' | 'volume' | 'tmpfs';
  /** The volume's name. */
  readonly name?: string;
  /** Path on the host; empty for memory. */
  readonly source: string;
  readonly destination: string;
  /** As it was asked for: ``, `ro`, `rw,z`. */
  readonly mode: string;
  readonly readWrite: boolean;
  readonly propagation?: Propagation;
  readonly nonRecursive?: boolean;
  /** What is mounted below a read-only source: made read-only where the kernel can (default), left alone, or insisted on. */
  readonly readOnlyBelow?: 'leave' | 'insist';
  /** A missing source is an error, not a directory to make. */
  readonly mustExist?: boolean;
  /** The volume was made for this container, and goes with it if the user wants so. */
  readonly anonymous?: boolean;
  /** A path within the volume. */
  readonly subpath?: string;
  /** For memory. */
  readonly tmpfs?: TmpfsMountSpec;
}
