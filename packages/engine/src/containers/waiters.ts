import type { ContainerId, WaitResult } from '../model.js';

type Settle = (result: WaitResult) => void;

/** Who waits for which container to end or to be removed. */
export class Waiters {
  readonly #exit = new Map<ContainerId, Settle[]>();
  readonly #removal = new Map<ContainerId, Settle[]>();

  exit(id: ContainerId): Promise<WaitResult> {
    return enlist(this.#exit, id);
  }

  removal(id: ContainerId): Promise<WaitResult> {
    return enlist(this.#removal, id);
  }

  exited(id: ContainerId, result: WaitResult): void {
    settle(this.#exit, id, result);
  }

  /** Also wakes those who wait for an exit that will never come. */
  removed(id: ContainerId, result: WaitResult): void {
    settle(this.#exit, id, result);
    settle(this.#removal, id, result);
  }
}

function enlist(all: Map<ContainerId, Settle[]>, id: ContainerId): Promise<WaitResult> {
  return new Promise((resolve) => all.set(id, [...(all.get(id) ?? []), resolve]));
}

function settle(all: Map<ContainerId, Settle[]>, id: ContainerId, result: WaitResult): void {
  const waiting = all.get(id) ?? [];
  all.delete(id);
  for (const resolve of waiting) resolve(result);
}
