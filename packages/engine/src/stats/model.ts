/** What a container uses at one moment. Times are nanoseconds, sizes bytes. */
export interface ContainerStats {
  /** RFC 3339 with nanoseconds, UTC. */
  readonly read: string;
  /** Version of the host's cgroups: some numbers are there in one only. */
  readonly cgroupVersion: 1 | 2;
  readonly cpu: CpuStats;
  readonly memory: MemoryStats;
  readonly pids: { readonly current: number; /** 0: none. */ readonly limit: number };
  readonly blockIo: BlockIoStats;
  /** By the name of the interface inside; absent where it has the host's network. */
  readonly networks?: Readonly<Record<string, InterfaceStats>>;
}

export interface CpuStats {
  readonly total: number;
  readonly user: number;
  readonly system: number;
  /** Of each processor; cgroup v1. */
  readonly perProcessor?: readonly number[];
  /** What all processors of the host have worked and idled since it was booted. */
  readonly host: number;
  readonly processors: number;
  readonly throttling: {
    readonly periods: number;
    readonly throttledPeriods: number;
    readonly throttledTime: number;
  };
}

export interface MemoryStats {
  readonly usage: number;
  /** cgroup v1. */
  readonly maxUsage?: number;
  /** How often the limit was hit; cgroup v1. */
  readonly failures?: number;
  /** The host's memory where there is none. */
  readonly limit: number;
  /** The kernel's own words. */
  readonly details: Readonly<Record<string, number>>;
}

export interface BlockIoEntry {
  readonly major: number;
  readonly minor: number;
  readonly operation: string;
  readonly value: number;
}

export interface BlockIoStats {
  readonly serviceBytes: readonly BlockIoEntry[];
  readonly serviced: readonly BlockIoEntry[];
}

export interface InterfaceStats {
  readonly rxBytes: number;
  readonly rxPackets: number;
  readonly rxErrors: number;
  readonly rxDropped: number;
  readonly txBytes: number;
  readonly txPackets: number;
  readonly txErrors: number;
  readonly txDropped: number;
}
