import { isBerthError, toError } from '@berth/core';
import type { ContainerId } from '../model.js';
import type { ContainerContext } from './context.js';
import { finishContainer, noteOutOfMemory } from './finish.js';
import { processAlive } from './process.js';
import { conmonAlive } from './recover.js';
import { removeContainer } from './remove.js';
import { startContainer } from './start.js';
import { isRunning, type ContainerRecord } from './table.js';

/** To be called when conmon has written a container's exit file. */
export async function containerExited(context: ContainerContext, id: string): Promise<void> {
  const { table, lock, exits } = context;
  if (!table.has(id)) {
    exits.forget(id);
    return;
  }
  const finished = { autoRemove: false };
  await lock.run(id, async () => {
    if (!table.has(id)) return;
    const record = table.byId(id as ContainerId);
    const report = exits.read(id);
    if (report === undefined) return;
    if (!isRunning(record)) {
      exits.forget(id);
      return;
    }
    await finishContainer(context, record, report);
    finished.autoRemove = record.spec.host.autoRemove && !context.restarts.isByHand(id);
  });
  if (finished.autoRemove) await removeEnded(context, id);
}

/** Finishes containers that have ended and of which no conmon is left to tell; notes which have run out of memory. */
export async function finishForgotten(context: ContainerContext): Promise<void> {
  const { table, lock, exits } = context;
  for (const record of table.all().filter(isRunning)) noteOutOfMemory(context, record.id);
  const lost = (record: ContainerRecord): boolean =>
    isRunning(record) && !processAlive(record) && !conmonAlive(context, record.id);
  for (const { id } of table.all().filter(lost)) {
    await lock.run(id, async () => {
      if (!table.has(id) || !lost(table.byId(id)) || exits.read(id) !== undefined) return;
      await finishContainer(context, table.byId(id));
    });
    if (table.has(id) && table.byId(id).spec.host.autoRemove) await removeEnded(context, id);
  }
}

async function removeEnded(context: ContainerContext, id: string): Promise<void> {
  const { table } = context;
  if (table.has(id)) await removeContainer(context, table.byId(id as ContainerId), { volumes: true });
}

/** Starts a container again whose pause is over. What fails ends its restarts, as with Docker. */
export async function restartEnded(context: ContainerContext, id: string): Promise<void> {
  const { table, lock, logger } = context;
  await lock.run(id, async () => {
    if (!table.has(id)) return;
    const record = table.byId(id as ContainerId);
    if (record.state.status !== 'restarting') return;
    if (record.stoppedByHand === true) {
      table.updateState(record.id, { status: 'exited' });
      return;
    }
    try {
      await startContainer(context, record);
    } catch (error) {
      logger.warn('cannot start a container again', { id, error: toError(error) });
      if (!isBerthError(error, 'not-found') || table.has(id))
        table.updateState(record.id, { status: 'exited' });
    }
  });
}
