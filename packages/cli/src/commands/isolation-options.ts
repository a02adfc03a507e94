import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { parseDurationFlag } from '../format/units.js';
import { Failure, REFUSED, checked, collect, notInteger } from './command.js';
import { defined } from './resource-options.js';
import { pairs } from './words.js';

/** Flags of `run` and `create` about namespaces, devices, security, logs and health, as commander gives them. */
export interface IsolationOptions {
  readonly init?: boolean;
  readonly groupAdd?: string[];
  readonly device?: string[];
  readonly deviceCgroupRule?: string[];
  readonly securityOpt?: string[];
  readonly pid?: string;
  readonly ipc?: string;
  readonly uts?: string;
  readonly userns?: string;
  readonly cgroupns?: string;
  readonly logDriver?: string;
  readonly logOpt?: string[];
  readonly runtime?: string;
  readonly annotation?: string[];
  readonly storageOpt?: string[];
  readonly gpus?: string;
  readonly healthCmd?: string;
  readonly healthInterval?: string;
  readonly healthTimeout?: string;
  readonly healthStartPeriod?: string;
  readonly healthStartInterval?: string;
  readonly healthRetries?: string;
  /** `--no-healthcheck` makes it false. */
  readonly healthcheck?: boolean;
}

const notDuration = (value: string): string | undefined =>
  parseDurationFlag(value) === undefined ? `time: invalid duration "${value}"` : undefined;

export function addIsolationOptions(parser: Command): Command {
  return parser
    .option('--init', 'run an init that reaps processes')
    .option('--group-add <group>', 'a further group', collect)
    .option('--device <device>', 'HOST[:CONTAINER[:rwm]]', collect)
    .option('--device-cgroup-rule <rule>', 'c 42:* rmw', collect)
    .option('--security-opt <option>', 'no-new-privileges, seccomp=unconfined or a file', collect)
    .option('--pid <mode>', 'host, container:NAME')
    .option('--ipc <mode>', 'none, private, shareable, host, container:NAME')
    .option('--uts <mode>', 'host')
    .option('--userns <mode>', 'host')
    .option('--cgroupns <mode>', 'host, private')
    .option('--log-driver <driver>', 'json-file, local, none')
    .option('--log-opt <option>', 'NAME=VALUE for it', collect)
    .option('--runtime <name>', 'runc')
    .option('--annotation <annotation>', 'NAME=VALUE', collect)
    .option('--storage-opt <option>', 'NAME=VALUE', collect)
    .option('--gpus <request>', 'not there')
    .option('--health-cmd <command>', 'how its health is found')
    .option('--health-interval <time>', 'between two looks', checked(notDuration))
    .option('--health-timeout <time>', 'that one look may take', checked(notDuration))
    .option('--health-start-period <time>', 'in which failures do not count', checked(notDuration))
    .option('--health-start-interval <time>', 'between two looks in that time', checked(notDuration))
    .option('--health-retries <number>', 'failures in a row that make it unhealthy', checked(notInteger))
    .option('--no-healthcheck', 'without the health check of the image');
}

/** The fields of HostConfig that say it; those that nobody gave are left out. */
export function isolationConfig(options: IsolationOptions): Record<string, unknown> {
  const { logDriver, logOpt } = options;
  if (options.gpus !== undefined) throw new Failure('--gpus is not supported by Berth', REFUSED);
  return defined({
    Init: options.init,
    GroupAdd: options.groupAdd,
    Devices: options.device?.map(device),
    DeviceCgroupRules: options.deviceCgroupRule,
    SecurityOpt: options.securityOpt?.map(securityOption),
    PidMode: options.pid,
    IpcMode: options.ipc,
    UTSMode: options.uts,
    UsernsMode: options.userns,
    CgroupnsMode: options.cgroupns,
    LogConfig:
      logDriver === undefined && logOpt === undefined
        ? undefined
        : { Type: logDriver ?? '', Config: pairs('log option', logOpt ?? []) },
    Runtime: options.runtime,
    Annotations: options.annotation === undefined ? undefined : pairs('annotation', options.annotation),
    StorageOpt: options.storageOpt === undefined ? undefined : pairs('storage option', options.storageOpt),
  });
}

/** The field Healthcheck of the container's own configuration; nothing where nobody asks for one. */
export function healthConfig(options: IsolationOptions): Record<string, unknown> {
  if (options.healthcheck === false) {
    if (options.healthCmd !== undefined)
      throw new Failure('--no-healthcheck conflicts with --health-* options', REFUSED);
    return { Healthcheck: { Test: ['NONE'] } };
  }
  const check = defined({
    Test: options.healthCmd === undefined ? undefined : ['CMD-SHELL', options.healthCmd],
    Interval: nanoseconds(options.healthInterval),
    Timeout: nanoseconds(options.healthTimeout),
    StartPeriod: nanoseconds(options.healthStartPeriod),
    StartInterval: nanoseconds(options.healthStartInterval),
    Retries: options.healthRetries === undefined ? undefined : Number(options.healthRetries),
  });
  return Object.keys(check).length === 0 ? {} : { Healthcheck: check };
}

function device(text: string): object {
  const [host = '', inside, permissions] = text.split(':');
  const short = inside !== undefined && /^[rwm]+$/.test(inside);
  return {
    PathOnHost: host,
    PathInContainer: inside === undefined || short ? host : inside,
    CgroupPermissions: short ? inside : (permissions ?? 'rwm'),
  };
}

/** A seccomp profile is read here: the daemon takes its text. */
function securityOption(text: string): string {
  const [, name = '', value = ''] = /^([^=:]+)[=:](.*)$/s.exec(text) ?? [];
  if (name !== 'seccomp' || value === 'unconfined' || value === 'builtin') return text;
  try {
    return `seccomp=${JSON.stringify(JSON.parse(readFileSync(value, 'utf8')))}`;
  } catch (error) {
    throw new Failure(`opening seccomp profile (${value}) failed: ${(error as Error).message}`, REFUSED);
  }
}

function nanoseconds(text: string | undefined): number | undefined {
  return text === undefined ? undefined : parseDurationFlag(text);
}
