import { BerthError } from '@berth/core';

/** When a container that has ended is started again, without anybody asking. */
export interface RestartPolicy {
  readonly name: 'no' | 'always' | 'unless-stopped' | 'on-failure';
  /** For `on-failure`: how often; 0 is without end. */
  readonly maximumRetryCount: number;
}

export const NO_RESTART: RestartPolicy = { name: 'no', maximumRetryCount: 0 };

/** The first pause before a restart, and the longest, in milliseconds (moby's restartmanager: defaultTimeout, maxRestartTimeout). */
const FIRST_PAUSE = 100;
const LONGEST_PAUSE = 60_000;
/** A container that was up for so long, in milliseconds, counts as one that works: its next pause is the first again. */
const LONG_ENOUGH = 10_000;

/** What of a container decides whether it is started again. */
export interface Ended {
  readonly exitCode: number;
  /** How often it was started again since somebody started it. */
  readonly restartCount: number;
  /** Somebody stopped or killed it. */
  readonly stoppedByHand: boolean;
}

/** Whether a container that has just ended is to be started again. */
export function restartsAfterEnd(policy: RestartPolicy, ended: Ended): boolean {
  if (ended.stoppedByHand) return false;
  switch (policy.name) {
    case 'no':
      return false;
    case 'always':
    case 'unless-stopped':
      return true;
    case 'on-failure': {
      const { maximumRetryCount: most } = policy;
      return ended.exitCode !== 0 && (most === 0 || ended.restartCount < most);
    }
  }
}

/**
 * Whether a container that did not run when the last daemon ended is started by the next one: Docker's rule is that
 * `always` means also one that was stopped by hand, and that a failure of long ago is none of now.
 */
export function startsWithDaemon(policy: RestartPolicy, stoppedByHand: boolean): boolean {
  return policy.name === 'always' || (policy.name === 'unless-stopped' && !stoppedByHand);
}

/**
 * The pause before the next restart, in milliseconds: twice the last one, from 100 ms to a minute.
 *
 * @param last the pause before; `undefined` for the first restart
 * @param up how long the container was up, in milliseconds
 */
export function nextPause(last: number | undefined, up: number): number {
  if (last === undefined || up >= LONG_ENOUGH) return FIRST_PAUSE;
  return Math.min(last * 2, LONGEST_PAUSE);
}

/**
 * What a client has written, as a policy.
 *
 * @throws BerthError `invalid`, in Docker's wording
 */
export function restartPolicy(name: string, maximumRetryCount: number): RestartPolicy {
  switch (name) {
    case '':
      // Clients of before API version 1.44 leave the name empty, with any count.
      return NO_RESTART;
    case 'no':
    case 'always':
    case 'unless-stopped':
      if (maximumRetryCount !== 0) {
        const negative = maximumRetryCount < 0 ? ' and cannot be negative' : '';
        throw new BerthError(
          'invalid',
          `invalid restart policy: maximum retry count can only be used with 'on-failure'${negative}`,
        );
      }
      return { name, maximumRetryCount };
    case 'on-failure':
      if (maximumRetryCount < 0) {
        throw new BerthError('invalid', 'invalid restart policy: maximum retry count cannot be negative');
      }
      return { name, maximumRetryCount };
    default:
      throw new BerthError(
        'invalid',
        `invalid restart policy: unknown policy '${name}'; use one of 'no', 'always', 'on-failure', or 'unless-stopped'`,
        { subject: name },
      );
  }
}
