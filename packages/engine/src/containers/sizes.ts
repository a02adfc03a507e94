import { diskUsage } from '../volumes/disk-usage.js';
import { pathsOf, type ContainerContext } from './context.js';
import type { ContainerRecord } from './table.js';

/** What a container takes of the disk, in bytes. */
export interface ContainerSizes {
  /** What it has written: its own alone. */
  readonly writable: number;
  /** With the layers of its image. */
  readonly total: number;
}

/** Looks at every file that a container has written. */
export async function containerSizes(
  context: ContainerContext,
  record: ContainerRecord,
): Promise<ContainerSizes> {
  const writable = await diskUsage(pathsOf(context, record.id).upper);
  const image = record.diffIds.reduce((sum, diffId) => sum + context.images.layers.sizeOf(diffId), 0);
  return { writable, total: writable + image };
}
