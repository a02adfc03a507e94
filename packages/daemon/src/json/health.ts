import type { Health, Healthcheck } from '@berth/engine';
import { refuseOthers } from './refuse.js';
import { HealthConfig } from './schemas.js';

/**
 * A health check as a client has asked for it; `undefined` for none.
 *
 * @throws BerthError `invalid`
 */
export function healthcheck(asked: HealthConfig | null | undefined): Healthcheck | undefined {
  if (asked === undefined || asked === null) return undefined;
  refuseOthers('Healthcheck.', asked, Object.keys(HealthConfig.properties));
  return {
    test: asked.Test ?? [],
    interval: asked.Interval ?? 0,
    timeout: asked.Timeout ?? 0,
    retries: asked.Retries ?? 0,
    startPeriod: asked.StartPeriod ?? 0,
    startInterval: asked.StartInterval ?? 0,
  };
}

/** `Config.Healthcheck`: what is not set is left out, as Docker does. */
export function healthcheckJson(check: Healthcheck) {
  const fields = {
    Interval: check.interval,
    Timeout: check.timeout,
    StartPeriod: check.startPeriod,
    StartInterval: check.startInterval,
    Retries: check.retries,
  };
  return {
    ...(check.test.length === 0 ? {} : { Test: check.test }),
    ...Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined && value !== 0)),
  };
}

/** `State.Health`. */
export function healthJson({ status, failingStreak, log }: Health) {
  return {
    Status: status,
    FailingStreak: failingStreak,
    Log: log.map(({ start, end, exitCode, output }) => ({
      Start: start,
      End: end,
      ExitCode: exitCode,
      Output: output,
    })),
  };
}
