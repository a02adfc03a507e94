import { nextPause } from './restart-policy.js';

interface Pause {
  /** The last one, in milliseconds. */
  length: number | undefined;
  timer?: NodeJS.Timeout;
}

/** The pauses of containers that are to be started again, and who is being restarted by hand. */
export class Restarts {
  readonly #pauses = new Map<string, Pause>();
  readonly #byHand = new Set<string>();
  readonly #restart: (id: string) => void;
  #closed = false;

  /** @param restart told an id when its pause is over */
  constructor(restart: (id: string) => void) {
    this.#restart = restart;
  }

  /**
   * A container has ended and is to be started again.
   *
   * @param up how long it was up, in milliseconds
   */
  schedule(id: string, up: number): void {
    if (this.#closed) return;
    const pause: Pause = this.#pauses.get(id) ?? { length: undefined };
    clearTimeout(pause.timer);
    pause.length = nextPause(pause.length, up);
    pause.timer = setTimeout(() => {
      this.#restart(id);
    }, pause.length);
    this.#pauses.set(id, pause);
  }

  /** Forgets a container's pauses: it was started or stopped by hand, or removed. */
  reset(id: string): void {
    clearTimeout(this.#pauses.get(id)?.timer);
    this.#pauses.delete(id);
  }

  /** Somebody restarts a container: its end in between is not its last, even where it is to be removed then. */
  async byHand(id: string, restart: () => Promise<void>): Promise<void> {
    this.#byHand.add(id);
    try {
      await restart();
    } finally {
      this.#byHand.delete(id);
    }
  }

  isByHand(id: string): boolean {
    return this.#byHand.has(id);
  }

  /** Restarts nothing any more. */
  close(): void {
    this.#closed = true;
    for (const id of [...this.#pauses.keys()]) this.reset(id);
  }
}
