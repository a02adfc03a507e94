import { isErrno, linkRequests, type RouteSocket } from '@berth/kernel';

/** The interface group of links that are to be deleted: "BRTH", so that it is nobody else's. */
const DOOMED_GROUP = 0x42525448;

/**
 * Deletes links together and off the main thread: the kernel's grace periods make the deletion of one veth pair take
 * about 20 ms, and that of fifty no longer.
 */
export class LinkReaper {
  readonly #routes: RouteSocket;
  #waiting: { name: string; resolve: () => void; reject: (error: unknown) => void }[] = [];
  #running = false;

  constructor(routes: RouteSocket) {
    this.#routes = routes;
  }

  /** Has a link deleted and resolves when it is gone. One that isn't there is no error. */
  reap(name: string): Promise<void> {
    try {
      this.#routes.run(linkRequests.set({ name }, { group: DOOMED_GROUP }));
    } catch (error) {
      if (isErrno(error, 'ENODEV')) return Promise.resolve();
      throw error;
    }
    return new Promise((resolve, reject) => {
      this.#waiting.push({ name, resolve, reject });
      if (this.#running) return;
      this.#running = true;
      // What else is to be deleted in this turn of the event loop goes along.
      setImmediate(() => void this.#run());
    });
  }

  async #run(): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#waiting;
      this.#waiting = [];
      try {
        await this.#routes.runAsync(linkRequests.deleteGroup(DOOMED_GROUP));
        for (const { resolve } of batch) resolve();
      } catch (error) {
        // ENODEV: the group is empty, for an earlier batch or somebody else has deleted them.
        if (isErrno(error, 'ENODEV')) for (const { resolve } of batch) resolve();
        else for (const { reject } of batch) reject(error);
      }
    }
    this.#running = false;
  }
}
