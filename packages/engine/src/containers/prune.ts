import { isBerthError } from '@berth/core';
import type { ContainerId } from '../model.js';
import type { ContainerContext } from './context.js';
import { removeContainer } from './remove.js';
import { containerSizes } from './sizes.js';
import { isActive, type ContainerRecord } from './table.js';

/**
 * Removes all containers that do not run.
 *
 * @param keep those that stay all the same
 * @returns ids, and the bytes that were theirs alone
 */
export async function pruneContainers(
  context: ContainerContext,
  keep: (record: ContainerRecord) => boolean,
): Promise<{ removed: ContainerId[]; bytes: number }> {
  const removed: ContainerId[] = [];
  let bytes = 0;
  for (const record of context.table.all()) {
    if (isActive(record) || keep(record)) continue;
    try {
      const { writable } = await containerSizes(context, record);
      await removeContainer(context, record, {});
      removed.push(record.id);
      bytes += writable;
    } catch (error) {
      // Somebody has just started it, or removed it.
      if (!isBerthError(error)) throw error;
    }
  }
  const attributes = { reclaimed: String(bytes) };
  context.events.publish({ type: 'container', action: 'prune', actor: { id: '', attributes } });
  return { removed, bytes };
}
