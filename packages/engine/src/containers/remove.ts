import { rm } from 'node:fs/promises';
import { BerthError } from '@berth/core';
import { pathsOf, publish, type ContainerContext } from './context.js';
import { releaseAddresses } from './reservations.js';
import { endContainer } from './stop.js';
import { isRunning, type ContainerRecord } from './table.js';

export interface RemoveOptions {
  /** Kill it if it runs. */
  readonly force?: boolean;
  /** Its anonymous volumes, too. */
  readonly volumes?: boolean;
}

/** @throws BerthError `conflict` if it runs and `force` is not given */
export async function removeContainer(
  context: ContainerContext,
  record: ContainerRecord,
  { force = false }: RemoveOptions,
): Promise<void> {
  const { table, lock, waiters, streams } = context;
  if (isRunning(record)) {
    if (!force) {
      throw new BerthError(
        'conflict',
        `cannot remove container "${record.name}": container is running: stop the container before removing or force remove`,
      );
    }
    await endContainer(context, record);
  }
  await lock.run(record.id, async () => {
    // With autoRemove the end itself may have removed it.
    if (!table.has(record.id)) return;
    if (isRunning(table.byId(record.id)))
      throw new BerthError('conflict', `container ${record.name} was started again`);
    const last = table.byId(record.id);
    await rm(pathsOf(context, record.id).data, { recursive: true, force: true });
    table.delete(record.id);
    releaseAddresses(context, record.id);
    streams.end(record.id);
    publish(context, last, 'destroy');
    waiters.removed(record.id, { exitCode: last.state.exitCode });
  });
}
