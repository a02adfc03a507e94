import { afterAll, beforeAll } from 'vitest';
import type { BoxedDaemon, DaemonOptions } from './daemon.js';
import { HostInABox } from './host-in-a-box.js';

export interface BoxFixture {
  readonly box: HostInABox;
  readonly daemon: BoxedDaemon;
}

/** One box with a running daemon for all tests of a file; at its end nothing may be left in it. */
export function useBox(options: DaemonOptions = {}): BoxFixture {
  let box: HostInABox | undefined;
  let daemon: BoxedDaemon | undefined;
  beforeAll(async () => {
    box = await HostInABox.create();
    daemon = await box.startDaemon(options);
  });
  afterAll(() => box?.[Symbol.asyncDispose]());
  return {
    get box() {
      if (box === undefined) throw new Error('the box is not there yet');
      return box;
    },
    get daemon() {
      if (daemon === undefined) throw new Error('the daemon is not there yet');
      return daemon;
    },
  };
}
