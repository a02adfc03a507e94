import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { toError } from '@berth/core';
import { processState } from '@berth/kernel';
import { CONMON_PID_FILE } from '../conmon/conmon.js';
import { pathsOf, type ContainerContext } from './context.js';
import { clearRun, finishContainer } from './finish.js';
import { processAlive } from './process.js';
import type { ContainerRecord } from './table.js';

/** How long a conmon may take to write the status of a container that is gone, in milliseconds. */
const CONMON_PATIENCE = 2_000;

/**
 * Brings the record of each container in line with what is there: finds running ones again, ends those that died
 * meanwhile, and removes what interrupted operations have left.
 *
 * @returns ids of containers that ended meanwhile and are to be removed
 */
export async function recoverContainers(context: ContainerContext): Promise<string[]> {
  const { table, logger, options } = context;
  const removable: string[] = [];
  for (const record of table.all()) {
    try {
      if (record.state.status === 'running' || record.state.status === 'paused') {
        if (processAlive(record)) continue;
        await finishContainer(context, record, await exitReport(context, record));
        if (record.spec.host.autoRemove) removable.push(record.id);
      } else {
        if (existsSync(pathsOf(context, record.id).bundle)) await clearRun(context, record);
        // It ended, and the removal that was to follow did not happen.
        if (record.state.status === 'exited' && record.spec.host.autoRemove) removable.push(record.id);
      }
    } catch (error) {
      logger.error('cannot recover a container', { id: record.id, error: toError(error) });
    }
  }
  for (const id of entries(join(options.execRoot, 'containers'))) {
    if (!table.has(id)) await clearRun(context, { id: id as ContainerRecord['id'], networkMode: 'none' });
  }
  for (const id of entries(join(options.dataRoot, 'containers'))) {
    if (!table.has(id)) await rm(join(options.dataRoot, 'containers', id), { recursive: true, force: true });
  }
  return removable;
}

async function exitReport(context: ContainerContext, record: ContainerRecord) {
  const deadline = Date.now() + CONMON_PATIENCE;
  for (;;) {
    const report = context.exits.read(record.id);
    if (report !== undefined || Date.now() > deadline || !conmonAlive(context, record.id)) return report;
    await delay(10);
  }
}

export function conmonAlive(context: ContainerContext, id: string): boolean {
  try {
    const pid = Number(readFileSync(join(pathsOf(context, id).bundle, CONMON_PID_FILE), 'utf8'));
    return processState(pid) === 'running';
  } catch {
    return false;
  }
}

function entries(directory: string): string[] {
  return existsSync(directory) ? readdirSync(directory) : [];
}
