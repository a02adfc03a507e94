/** Runs jobs of one key one after the other; jobs of different keys don't wait for each other. */
export class Serial<Key> {
  readonly #tails = new Map<Key, Promise<unknown>>();

  async run<T>(key: Key, job: () => Promise<T>): Promise<T> {
    const before = this.#tails.get(key);
    const turn = before === undefined ? job() : before.then(job, job);
    this.#tails.set(key, turn);
    try {
      return await turn;
    } finally {
      if (this.#tails.get(key) === turn) this.#tails.delete(key);
    }
  }
}
