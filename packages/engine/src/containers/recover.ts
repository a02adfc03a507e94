import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { toError } from '@berth/core';
import { processState } from '@berth/kernel';
import { CONMON_PID_FILE } from '../conmon/conmon.js';
import { pathsOf, type ContainerContext } from './context.js';
import { clearRun, finishContainer } from './finish.js';
import { sharedContainer } from './network-mode.js';
import { processAlive } from './process.js';
import { NO_RESTART, startsWithDaemon } from './restart-policy.js';
import { rotateLog } from './streaming.js';
import type { ContainerRecord } from './table.js';

/** How long a conmon may take to write the status of a container that is gone, in milliseconds. */
const CONMON_PATIENCE = 2_000;

/**
 * Brings the record of each container in line with what is there: finds running ones again, ends those that died
 * meanwhile, and removes what interrupted operations have left. What its restart policy wants started is `restarting` then.
 *
 * @returns ids of containers that ended meanwhile and are to be removed; and of those that are to be started now: what is
 *   in one list can be started side by side, but after the list before
 */
export async function recoverContainers(
  context: ContainerContext,
): Promise<{ removable: string[]; restartable: string[][] }> {
  const { table, logger, options, health } = context;
  const removable: string[] = [];
  for (const record of table.all()) {
    try {
      if (record.state.status === 'running' || record.state.status === 'paused') {
        if (processAlive(record)) {
          // Its health is not known any more.
          health.start(record);
          rotateLog(context, record);
          if (record.state.status === 'paused') health.stop(record.id);
          continue;
        }
        await finishContainer(context, record, await exitReport(context, record));
        if (record.spec.host.autoRemove) removable.push(record.id);
      } else {
        if (existsSync(pathsOf(context, record.id).bundle)) await clearRun(context, record);
        if (wantsStart(record)) {
          const state: ContainerRecord['state'] = { ...record.state, status: 'restarting' };
          table.update(record.id, { state, restartCount: 0, stoppedByHand: false });
        }
        // It ended, and the removal that was to follow did not happen.
        if (record.state.status === 'exited' && record.spec.host.autoRemove) removable.push(record.id);
      }
    } catch (error) {
      logger.error('cannot recover a container', { id: record.id, error: toError(error) });
    }
  }
  for (const id of entries(join(options.execRoot, 'containers'))) {
    if (!table.has(id))
      await clearRun(context, { id: id as ContainerRecord['id'], networkMode: 'none', mounts: [] });
  }
  for (const id of entries(join(options.dataRoot, 'containers'))) {
    if (!table.has(id)) await rm(join(options.dataRoot, 'containers', id), { recursive: true, force: true });
  }
  const waiting = table.all().filter(({ state }) => state.status === 'restarting');
  const [free, bound] = [waiting.filter((record) => !needsOthers(record)), waiting.filter(needsOthers)];
  bound.sort((a, b) => (a.created < b.created ? -1 : 1));
  return { removable, restartable: [free.map(({ id }) => id), ...bound.map(({ id }) => [id])] };
}

function wantsStart({ state, spec, stoppedByHand = false }: ContainerRecord): boolean {
  return state.status === 'exited' && startsWithDaemon(spec.host.restartPolicy ?? NO_RESTART, stoppedByHand);
}

/** Whether other containers must run before it: one whose network it shares, or to which it is linked. */
function needsOthers({ networkMode, spec }: ContainerRecord): boolean {
  return sharedContainer(networkMode) !== undefined || (spec.host.links ?? []).length > 0;
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
