import type { Logger } from '@berth/core';
import type { SandboxState } from './sandbox-state.js';

/** Milliseconds between two warnings about one sandbox. */
const INTERVAL_MS = 10_000;

/** Says in the log that something is wrong with a sandbox's questions, but not for each of them. */
export class BoundedWarning {
  readonly #logger: Logger;
  readonly #last = new WeakMap<SandboxState, number>();

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  warn(message: string, state: SandboxState): void {
    const now = performance.now();
    if (now - (this.#last.get(state) ?? -INTERVAL_MS) < INTERVAL_MS) return;
    this.#last.set(state, now);
    this.#logger.warn(message, { sandbox: state.sandboxId, ...state.counters });
  }
}
