import { constants, existsSync } from 'node:fs';
import { open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { BerthError } from '@berth/core';

/** How long a created container's process may take to notice that it shall go on, in milliseconds. */
const PATIENCE = 10_000;

/**
 * Lets a created container's process go on. It waits, in opening runc's fifo, for a reader; `runc start` is no more
 * than this reader (libcontainer: container_linux.go, Exec and handleFifoResult), but takes 8 ms to come up.
 *
 * @throws BerthError `internal` if the process is gone
 */
export async function releaseStartFifo(runcRoot: string, id: string, alive: () => boolean): Promise<void> {
  const path = join(runcRoot, id, 'exec.fifo');
  // Non-blocking, since an open that waits for a writer that has died would hold a thread for ever.
  const fifo = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const byte = Buffer.alloc(1);
    for (const deadline = Date.now() + PATIENCE; ;) {
      // Before the read: a process that has gone on, and ended, since then has left its byte in the fifo.
      const gone = !alive() || !existsSync(path);
      const count = await fifo.read(byte, 0, 1, null).then(({ bytesRead }) => bytesRead, again);
      if (count > 0) break;
      if (gone) throw new BerthError('internal', 'the container ended before it was started');
      if (Date.now() > deadline)
        throw new BerthError('internal', 'the container does not take its start signal');
      await delay(1);
    }
  } finally {
    await fifo.close();
  }
  // Its absence is how runc tells a running container from a created one.
  await rm(path, { force: true });
}

function again(error: NodeJS.ErrnoException): number {
  if (error.code === 'EAGAIN') return 0;
  throw error;
}
