import { rm } from 'node:fs/promises';
import { BerthError } from '@berth/core';
import { pathsOf, publish, type ContainerContext } from './context.js';
import { removeAnonymousVolumes } from './mounts.js';
import { releaseAddresses } from './reservations.js';
import { cancelRestart, endContainer, markStopped } from './stop.js';
import { isActive, isRunning, type ContainerRecord } from './table.js';

export interface RemoveOptions {
  /** Kill it if it runs. */
  readonly force?: boolean;
  /** Its anonymous volumes, too. */
  readonly volumes?: boolean;
}

/** @throws BerthError `conflict` if it runs, is paused or restarting, and `force` is not given */
export async function removeContainer(
  context: ContainerContext,
  record: ContainerRecord,
  { force = false, volumes = false }: RemoveOptions,
): Promise<void> {
  const { table, lock, waiters, streams } = context;
  if (isActive(record)) {
    const { status } = record.state;
    if (!force) {
      const how =
        status === 'paused'
          ? 'container is paused and must be unpaused first'
          : `container is ${status}: stop the container before removing or force remove`;
      throw new BerthError('conflict', `cannot remove container "${record.name}": ${how}`);
    }
    markStopped(context, record.id);
    await cancelRestart(context, record.id);
    const now = table.has(record.id) ? table.byId(record.id) : undefined;
    if (now !== undefined && isRunning(now)) await endContainer(context, now);
  }
  await lock.run(record.id, async () => {
    // With autoRemove the end itself may have removed it.
    if (!table.has(record.id)) return;
    if (isActive(table.byId(record.id)))
      throw new BerthError('conflict', `container ${record.name} was started again`);
    const last = table.byId(record.id);
    await rm(pathsOf(context, record.id).data, { recursive: true, force: true });
    table.delete(record.id);
    if (volumes) await removeAnonymousVolumes(context, last);
    context.restarts.reset(record.id);
    context.health.forget(record.id);
    releaseAddresses(context, record.id);
    streams.end(record.id);
    publish(context, last, 'destroy');
    waiters.removed(record.id, { exitCode: last.state.exitCode });
  });
}
