import { BerthError } from '@berth/core';

/** How it is found out whether a container does its work. Times are nanoseconds; 0, or none, is the default. */
export interface Healthcheck {
  /** `[]`: as the image says; `['NONE']`; `['CMD', program, …]`; `['CMD-SHELL', line]`. */
  readonly test: readonly string[];
  /** From the end of one check to the beginning of the next. */
  readonly interval?: number;
  readonly timeout?: number;
  /** How many failures in a row make it unhealthy. */
  readonly retries?: number;
  /** For so long after its start failures do not count. */
  readonly startPeriod?: number;
  /** The interval during the start period, as long as no check has gone well. */
  readonly startInterval?: number;
}

export type HealthStatus = 'starting' | 'healthy' | 'unhealthy';

/** One check. */
export interface HealthResult {
  /** RFC 3339 with nanoseconds, UTC. */
  readonly start: string;
  readonly end: string;
  /** 0: healthy; -1: it could not be run, or took too long. */
  readonly exitCode: number;
  readonly output: string;
}

export interface Health {
  readonly status: HealthStatus;
  readonly failingStreak: number;
  /** The last five. */
  readonly log: readonly HealthResult[];
}

// The numbers are those of moby's daemon/health.go.
const SECOND = 1_000;
const MILLION = 1_000_000;
const DEFAULT_INTERVAL = 30 * SECOND;
const DEFAULT_TIMEOUT = 30 * SECOND;
const DEFAULT_START_INTERVAL = 5 * SECOND;
const DEFAULT_RETRIES = 3;
const LOG_LENGTH = 5;
/** The shortest time that can be asked for, in nanoseconds (api/types/container: MinimumDuration). */
const MINIMUM = MILLION;

export const STARTING: Health = { status: 'starting', failingStreak: 0, log: [] };

/** How long a check may take, in milliseconds. */
export function timeoutOf({ timeout = 0 }: Healthcheck): number {
  return timeout === 0 ? DEFAULT_TIMEOUT : timeout / MILLION;
}

/** The command to run; `undefined` where there is nothing to check. */
export function probeCommand(check: Healthcheck | undefined): readonly string[] | undefined {
  const [kind, ...words] = check?.test ?? [];
  if (kind === 'CMD') return words;
  if (kind === 'CMD-SHELL') return ['/bin/sh', '-c', ...words];
  return undefined;
}

/**
 * The time to the next check, in milliseconds.
 *
 * @param up how long the container has been up, in milliseconds
 */
export function nextCheck(check: Healthcheck, status: HealthStatus, up: number): number {
  const { interval = 0, startPeriod = 0, startInterval = 0 } = check;
  if (status === 'starting' && up < startPeriod / MILLION)
    return startInterval === 0 ? DEFAULT_START_INTERVAL : startInterval / MILLION;
  return interval === 0 ? DEFAULT_INTERVAL : interval / MILLION;
}

/**
 * What a check's result makes of a container's health.
 *
 * @param up how long the container had been up when the check began, in milliseconds
 */
export function afterCheck(check: Healthcheck, before: Health, result: HealthResult, up: number): Health {
  const log = [...before.log, result].slice(-LOG_LENGTH);
  if (result.exitCode === 0) return { status: 'healthy', failingStreak: 0, log };
  const { startPeriod = 0, retries = 0 } = check;
  if (before.status === 'starting' && up < startPeriod / MILLION) return { ...before, log };
  const failingStreak = before.failingStreak + 1;
  const most = retries === 0 ? DEFAULT_RETRIES : retries;
  return { status: failingStreak >= most ? 'unhealthy' : before.status, failingStreak, log };
}

/** What a container's check is: what it says itself, and the image's where it says nothing. */
export function mergeHealthcheck(
  own: Healthcheck | undefined,
  image: Healthcheck | undefined,
): Healthcheck | undefined {
  if (own === undefined || image === undefined) return own ?? image;
  return {
    test: own.test.length === 0 ? image.test : own.test,
    interval: own.interval || image.interval,
    timeout: own.timeout || image.timeout,
    retries: own.retries || image.retries,
    startPeriod: own.startPeriod || image.startPeriod,
    startInterval: own.startInterval || image.startInterval,
  };
}

/** @throws BerthError `invalid`, in Docker's wording */
export function checkHealthcheck(check: Healthcheck): void {
  const times = {
    Interval: check.interval,
    Timeout: check.timeout,
    StartPeriod: check.startPeriod,
    StartInterval: check.startInterval,
  };
  for (const [name, nanoseconds = 0] of Object.entries(times)) {
    if (nanoseconds !== 0 && nanoseconds < MINIMUM)
      throw new BerthError('invalid', `${name} in Healthcheck cannot be less than 1ms`);
  }
  if ((check.retries ?? 0) < 0) throw new BerthError('invalid', 'Retries in Healthcheck cannot be negative');
  const [kind] = check.test;
  if (kind !== undefined && !['NONE', 'CMD', 'CMD-SHELL'].includes(kind)) {
    throw new BerthError(
      'invalid',
      `Unknown healthcheck type '${kind}': Healthcheck.Test begins with CMD, CMD-SHELL or NONE`,
      { subject: kind },
    );
  }
}
