import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { toError } from '@berth/core';
import { now, parseInstant } from '../clock.js';
import type { ExitReport } from '../conmon/exit-watch.js';
import { pathsOf, publish, type ContainerContext } from './context.js';
import { releaseMounts } from './mounts.js';
import { publishNetwork } from './network-events.js';
import { sharedContainer } from './network-mode.js';
import { NO_RESTART, restartsAfterEnd } from './restart-policy.js';
import { runcDelete } from './runc.js';
import { asSandboxId } from './snapshot.js';
import { unmountRoot } from './root.js';
import type { ContainerRecord } from './table.js';

/** For a container whose end nobody has seen: conmon was killed with it. */
const UNKNOWN_EXIT = 255;

/**
 * Brings a container that has ended to rest: takes away what its run needed, tells everybody, and has its restart policy
 * start it again. The caller holds its lock.
 */
export async function finishContainer(
  context: ContainerContext,
  record: ContainerRecord,
  report: ExitReport = { exitCode: UNKNOWN_EXIT, finishedAt: now() },
): Promise<void> {
  const { table, exits, waiters, health, restarts } = context;
  health.stop(record.id);
  context.rotation.stop(record.id);
  noteOutOfMemory(context, record.id);
  const { restartCount = 0, stoppedByHand = false } = table.byId(record.id);
  const again = restartsAfterEnd(record.spec.host.restartPolicy ?? NO_RESTART, {
    exitCode: report.exitCode,
    restartCount,
    stoppedByHand,
  });
  const status = again ? 'restarting' : 'exited';
  const ended = table.update(record.id, {
    restartCount: again ? restartCount + 1 : restartCount,
    health: health.of(record.id),
    state: { ...table.byId(record.id).state, status, pid: 0, ...report },
  });
  await clearRun(context, record);
  exits.forget(record.id);
  const up = (parseInstant(report.finishedAt) ?? 0n) - (parseInstant(record.state.startedAt) ?? 0n);
  const seconds = up / 1_000_000_000n;
  publish(context, ended, 'die', {
    exitCode: String(report.exitCode),
    execDuration: String(seconds < 0n ? 0n : seconds),
  });
  for (const { networkId } of Object.values(record.networks))
    publishNetwork(context, networkId, 'disconnect', record.id);
  waiters.exited(record.id, { exitCode: report.exitCode });
  if (again) restarts.schedule(record.id, Number(up / 1_000_000n));
}

/** Tells, once, that the kernel has killed a process of a container for want of memory: conmon leaves a file then. */
export function noteOutOfMemory(context: ContainerContext, id: ContainerRecord['id']): void {
  const { table } = context;
  if (table.byId(id).state.oomKilled || !existsSync(join(pathsOf(context, id).bundle, 'oom'))) return;
  publish(context, table.updateState(id, { oomKilled: true }), 'oom');
}

/** Takes away whatever there is of a run. What cannot be taken away is logged: the rest must go on. */
export async function clearRun(
  context: ContainerContext,
  record: Pick<ContainerRecord, 'id' | 'networkMode' | 'mounts'>,
): Promise<void> {
  const { network, logger } = context;
  const work = [
    runcDelete(context, record.id),
    sharedContainer(record.networkMode) === undefined
      ? network.deleteSandbox(asSandboxId(record.id))
      : Promise.resolve(),
  ];
  for (const result of await Promise.allSettled(work)) {
    if (result.status === 'rejected') {
      logger.warn('cannot clear a container', { id: record.id, error: toError(result.reason) });
    }
  }
  await releaseMounts(context, record);
  try {
    unmountRoot(pathsOf(context, record.id));
  } catch (error) {
    logger.warn('cannot unmount a container', { id: record.id, error: toError(error) });
  }
}
