import type { Command } from 'commander';
import { parseSize } from '../format/units.js';
import { Failure, REFUSED, checked, collect, notInteger } from './command.js';

/** The flags by which `run`, `create` and `update` limit what a container may use, as commander gives them. */
export interface ResourceOptions {
  readonly memory?: string;
  readonly memorySwap?: string;
  readonly memoryReservation?: string;
  readonly cpus?: string;
  readonly cpuShares?: string;
  readonly cpuPeriod?: string;
  readonly cpuQuota?: string;
  readonly cpuRtPeriod?: string;
  readonly cpuRtRuntime?: string;
  readonly cpusetCpus?: string;
  readonly cpusetMems?: string;
  readonly pidsLimit?: string;
  readonly blkioWeight?: string;
  readonly restart?: string;
}

/** The further ones of `run` and `create`. */
export interface CreationResourceOptions extends ResourceOptions {
  readonly memorySwappiness?: string;
  readonly oomKillDisable?: boolean;
  readonly oomScoreAdj?: string;
  readonly shmSize?: string;
  readonly ulimit?: string[];
  readonly blkioWeightDevice?: string[];
  readonly deviceReadBps?: string[];
  readonly deviceWriteBps?: string[];
  readonly deviceReadIops?: string[];
  readonly deviceWriteIops?: string[];
  readonly cgroupParent?: string;
}

const notSize = (value: string): string | undefined =>
  value === '-1' || parseSize(value) !== undefined ? undefined : `invalid size: '${value}'`;
const notNumber = (value: string): string | undefined =>
  /^\d+(\.\d+)?$/.test(value) ? undefined : `failed to parse ${value} as a rational number`;

/** Declares the limits that can be changed later. */
export function addResourceOptions(parser: Command): Command {
  return parser
    .option('-m, --memory <size>', 'memory limit: 512m', checked(notSize))
    .option('--memory-swap <size>', 'limit of memory and swap together; -1: none', checked(notSize))
    .option(
      '--memory-reservation <size>',
      'what it is pressed down to when memory is short',
      checked(notSize),
    )
    .option('--cpus <number>', 'processors: 1.5', checked(notNumber))
    .option('-c, --cpu-shares <number>', 'weight among containers', checked(notInteger))
    .option('--cpu-period <microseconds>', 'period of the scheduler', checked(notInteger))
    .option('--cpu-quota <microseconds>', 'time within a period', checked(notInteger))
    .option('--cpu-rt-period <microseconds>', 'period of the real-time scheduler', checked(notInteger))
    .option('--cpu-rt-runtime <microseconds>', 'real-time within a period', checked(notInteger))
    .option('--cpuset-cpus <list>', 'processors: 0-3,5')
    .option('--cpuset-mems <list>', 'memory nodes: 0-1')
    .option('--pids-limit <number>', 'processes; -1: no limit', checked(notInteger))
    .option('--blkio-weight <number>', 'weight of block devices, 10 to 1000', checked(notInteger))
    .option('--restart <policy>', 'no, always, unless-stopped, on-failure[:TIMES]', checked(notPolicy));
}

/** Declares those that hold from creation on. */
export function addCreationResourceOptions(parser: Command): Command {
  return addResourceOptions(parser)
    .option('--memory-swappiness <number>', '0 to 100', checked(notInteger))
    .option('--oom-kill-disable', 'do not kill it when memory is short')
    .option('--oom-score-adj <number>', 'who is killed first, -1000 to 1000', checked(notInteger))
    .option('--shm-size <size>', 'size of /dev/shm', checked(notSize))
    .option('--ulimit <limit>', 'NAME=SOFT[:HARD]', collect)
    .option('--blkio-weight-device <weight>', 'DEVICE:WEIGHT', collect)
    .option('--device-read-bps <rate>', 'DEVICE:BYTES a second', collect)
    .option('--device-write-bps <rate>', 'DEVICE:BYTES a second', collect)
    .option('--device-read-iops <rate>', 'DEVICE:OPERATIONS a second', collect)
    .option('--device-write-iops <rate>', 'DEVICE:OPERATIONS a second', collect)
    .option('--cgroup-parent <path>', 'the cgroup that its own is made in');
}

/** The fields of HostConfig that say it; those that nobody gave are left out. */
export function resourceConfig(options: CreationResourceOptions): Record<string, unknown> {
  return defined({
    Memory: size(options.memory),
    MemorySwap: size(options.memorySwap),
    MemoryReservation: size(options.memoryReservation),
    MemorySwappiness: number(options.memorySwappiness),
    NanoCpus: options.cpus === undefined ? undefined : Math.round(Number(options.cpus) * 1e9),
    CpuShares: number(options.cpuShares),
    CpuPeriod: number(options.cpuPeriod),
    CpuQuota: number(options.cpuQuota),
    CpuRealtimePeriod: number(options.cpuRtPeriod),
    CpuRealtimeRuntime: number(options.cpuRtRuntime),
    CpusetCpus: options.cpusetCpus,
    CpusetMems: options.cpusetMems,
    PidsLimit: number(options.pidsLimit),
    BlkioWeight: number(options.blkioWeight),
    BlkioWeightDevice: options.blkioWeightDevice?.map((text) => {
      const [Path, weight] = deviceAnd('weight', text);
      return { Path, Weight: weight };
    }),
    BlkioDeviceReadBps: options.deviceReadBps?.map((text) => rate(text)),
    BlkioDeviceWriteBps: options.deviceWriteBps?.map((text) => rate(text)),
    BlkioDeviceReadIOps: options.deviceReadIops?.map((text) => rate(text)),
    BlkioDeviceWriteIOps: options.deviceWriteIops?.map((text) => rate(text)),
    OomKillDisable: options.oomKillDisable,
    OomScoreAdj: number(options.oomScoreAdj),
    ShmSize: size(options.shmSize),
    Ulimits: options.ulimit?.map(ulimit),
    CgroupParent: options.cgroupParent,
    RestartPolicy: options.restart === undefined ? undefined : policy(options.restart),
  });
}

function notPolicy(value: string): string | undefined {
  return /^(no|always|unless-stopped|on-failure(:\d+)?)?$/.test(value)
    ? undefined
    : 'it should be no, always, unless-stopped or on-failure[:TIMES]';
}

function policy(text: string): object {
  const [Name = '', times] = text.split(':');
  return { Name: Name === '' ? 'no' : Name, MaximumRetryCount: Number(times ?? 0) };
}

function ulimit(text: string): object {
  const [, Name = '', soft = '', hard = soft] = /^([a-z]+)=(-1|\d+)(?::(-1|\d+))?$/.exec(text) ?? [];
  if (Name === '')
    throw new Failure(`invalid ulimit argument: ${text}; one looks like nofile=1024:2048`, REFUSED);
  return { Name, Soft: Number(soft), Hard: Number(hard) };
}

function rate(text: string): object {
  const [Path, Rate] = deviceAnd('rate', text);
  return { Path, Rate };
}

function deviceAnd(what: string, text: string): [string, number] {
  const [, path = '', value = ''] = /^(\/dev\/[^:]+):(.+)$/.exec(text) ?? [];
  const parsed = parseSize(value);
  if (path === '' || parsed === undefined)
    throw new Failure(`bad format for path and ${what}: ${text}; one looks like /dev/sda:100`, REFUSED);
  return [path, parsed];
}

function size(text: string | undefined): number | undefined {
  return text === undefined ? undefined : text === '-1' ? -1 : parseSize(text);
}

function number(text: string | undefined): number | undefined {
  return text === undefined ? undefined : Number(text);
}

/** Without what is undefined. */
export function defined(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}
