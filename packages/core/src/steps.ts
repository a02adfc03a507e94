import { BerthError, isBerthError, toError } from './errors.js';
import type { Logger } from './logger.js';

/** One step of an operation, and how to take it back. */
export interface Step {
  /** In plain words, as it reads in an error: `create veth pair`. */
  readonly name: string;
  do(): void | Promise<void>;
  /** Takes the step back; called only after `do` has succeeded. Must bear being called on a half-gone world. */
  undo?(): void | Promise<void>;
}

/**
 * Runs steps in order. When one fails, the earlier ones are undone in reverse, each undo is tried whatever
 * the others do, and the failure is thrown with the step's name as `op`. Undo failures are logged, since the
 * caller is owed the first cause.
 *
 * @throws BerthError of the failed step's own code (or `internal`), `cause` being what the step threw
 */
export async function runSteps(subject: string, steps: readonly Step[], logger: Logger): Promise<void> {
  const done: Step[] = [];
  for (const step of steps) {
    try {
      // A synchronous step costs no turn of the event loop.
      const pending = step.do();
      if (pending !== undefined) await pending;
      done.push(step);
    } catch (thrown) {
      for (const earlier of done.reverse()) {
        try {
          await earlier.undo?.();
        } catch (undoError) {
          logger.warn('undo failed', { step: earlier.name, subject, error: undoError });
        }
      }
      const error = toError(thrown);
      const code = isBerthError(error) ? error.code : 'internal';
      throw new BerthError(code, error.message, { op: step.name, subject, cause: error });
    }
  }
}
