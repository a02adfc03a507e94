import { release } from 'node:os';
import { BerthError } from '@berth/core';

/** A profile in Docker's format: what depends on architecture, capabilities and kernel is not yet decided. */
export interface CustomProfile {
  readonly defaultAction: string;
  readonly defaultErrnoRet?: number;
  readonly architectures?: readonly string[];
  readonly archMap?: readonly {
    readonly architecture: string;
    readonly subArchitectures?: readonly string[];
  }[];
  readonly flags?: readonly string[];
  readonly listenerPath?: string;
  readonly listenerMetadata?: string;
  readonly syscalls?: readonly CustomRule[] | null;
}

interface CustomRule {
  /** The old form of one call. */
  readonly name?: string;
  readonly names?: readonly string[];
  readonly action: string;
  readonly errnoRet?: number;
  readonly args?: readonly object[] | null;
  readonly includes?: Condition;
  readonly excludes?: Condition;
}

interface Condition {
  readonly caps?: readonly string[] | null;
  readonly arches?: readonly string[] | null;
  /** `4.8` */
  readonly minKernel?: string;
}

/** Where a container is to run, for what a profile makes depend on that. */
export interface ProfileContext {
  readonly capabilities: readonly string[];
  /** Node's name. */
  readonly architecture?: string;
  readonly kernel?: string;
}

/** Go's word for the architecture, which conditions use, and libseccomp's, for the map. */
const ARCHITECTURES: Readonly<Record<string, readonly [string, string]>> = {
  x64: ['amd64', 'SCMP_ARCH_X86_64'],
  arm64: ['arm64', 'SCMP_ARCH_AARCH64'],
};

const DECODING = 'Decoding seccomp profile failed';

/**
 * Reads the text of a profile, as the docker command sends it.
 *
 * @throws BerthError `invalid`, in Docker's wording
 */
export function parseProfile(text: string): CustomProfile {
  let profile: unknown;
  try {
    profile = JSON.parse(text);
  } catch (cause) {
    throw new BerthError('invalid', `${DECODING}: ${(cause as Error).message}`, { cause });
  }
  if (!isProfile(profile)) {
    throw new BerthError(
      'invalid',
      `${DECODING}: it must have a defaultAction, and each of its syscalls names and an action`,
    );
  }
  if ((profile.architectures ?? []).length > 0 && (profile.archMap ?? []).length > 0) {
    throw new BerthError(
      'invalid',
      "both 'architectures' and 'archMap' were specified in the seccomp profile, use either 'architectures' or 'archMap'",
    );
  }
  return profile;
}

function isProfile(value: unknown): value is CustomProfile {
  if (!isObject(value) || typeof value['defaultAction'] !== 'string') return false;
  const { syscalls, architectures, archMap } = value;
  const list = (item: unknown) => item === undefined || item === null || Array.isArray(item);
  if (!list(syscalls) || !list(architectures) || !list(archMap)) return false;
  return ((syscalls ?? []) as unknown[]).every(
    (rule) =>
      isObject(rule) &&
      typeof rule['action'] === 'string' &&
      (typeof rule['name'] === 'string' || Array.isArray(rule['names'])),
  );
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The `linux.seccomp` of an OCI configuration: the profile for this container on this host. */
export function runtimeProfile(profile: CustomProfile, context: ProfileContext): object {
  const { architecture = process.arch } = context;
  const [, own = ''] = ARCHITECTURES[architecture] ?? [];
  const mapped = profile.archMap?.find((entry) => entry.architecture === own);
  const architectures =
    mapped === undefined ? profile.architectures : [own, ...(mapped.subArchitectures ?? [])];
  return {
    defaultAction: profile.defaultAction,
    ...(profile.defaultErrnoRet !== undefined && { defaultErrnoRet: profile.defaultErrnoRet }),
    ...(architectures !== undefined && { architectures }),
    ...(profile.flags !== undefined && { flags: profile.flags }),
    ...(profile.listenerPath !== undefined && { listenerPath: profile.listenerPath }),
    ...(profile.listenerMetadata !== undefined && { listenerMetadata: profile.listenerMetadata }),
    syscalls: (profile.syscalls ?? [])
      .filter((rule) => applies(rule, context))
      .map(({ name, names = [], action, errnoRet, args }) => ({
        names: name === undefined || name === '' ? names : [name],
        action,
        ...(errnoRet !== undefined && { errnoRet }),
        ...(args !== undefined && args !== null && args.length > 0 && { args }),
      })),
  };
}

/** Excluded by any of the one, included by all of the other (Docker's `setupSeccomp`). */
function applies({ includes = {}, excludes = {} }: CustomRule, context: ProfileContext): boolean {
  const { capabilities, architecture = process.arch, kernel = release() } = context;
  const [go = ''] = ARCHITECTURES[architecture] ?? [];
  const held = (name: string) => capabilities.includes(name);
  if (nonEmpty(excludes.arches)?.includes(go) === true) return false;
  if (nonEmpty(excludes.caps)?.some(held) === true) return false;
  if (excludes.minKernel !== undefined && atLeast(kernel, excludes.minKernel)) return false;
  if (nonEmpty(includes.arches)?.includes(go) === false) return false;
  if (nonEmpty(includes.caps)?.every(held) === false) return false;
  return includes.minKernel === undefined || atLeast(kernel, includes.minKernel);
}

function nonEmpty(list: readonly string[] | null | undefined): readonly string[] | undefined {
  return list === null || list?.length === 0 ? undefined : list;
}

function atLeast(kernel: string, wanted: string): boolean {
  const [major = 0, minor = 0] = kernel.split('.').map((part) => parseInt(part, 10));
  const [leastMajor = 0, leastMinor = 0] = wanted.split('.').map((part) => parseInt(part, 10));
  return major > leastMajor || (major === leastMajor && minor >= leastMinor);
}
