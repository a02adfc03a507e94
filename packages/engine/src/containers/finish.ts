import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { toError } from '@berth/core';
import { now, parseInstant } from '../clock.js';
import type { ExitReport } from '../conmon/exit-watch.js';
import { pathsOf, publish, type ContainerContext } from './context.js';
import { publishNetwork } from './network-events.js';
import { sharedContainer } from './network-mode.js';
import { runcDelete } from './runc.js';
import { asSandboxId } from './snapshot.js';
import { unmountRoot } from './start.js';
import type { ContainerRecord } from './table.js';

/** For a container whose end nobody has seen: conmon was killed with it. */
const UNKNOWN_EXIT = 255;

/** Brings a container that has ended to rest: takes away what its run needed, and tells everybody. The caller holds its lock. */
export async function finishContainer(
  context: ContainerContext,
  record: ContainerRecord,
  report: ExitReport = { exitCode: UNKNOWN_EXIT, finishedAt: now() },
): Promise<void> {
  const { table, exits, waiters } = context;
  const oomKilled = existsSync(join(pathsOf(context, record.id).bundle, 'oom'));
  const ended = table.updateState(record.id, { status: 'exited', pid: 0, ...report, oomKilled });
  await clearRun(context, record);
  exits.forget(record.id);
  const seconds =
    ((parseInstant(report.finishedAt) ?? 0n) - (parseInstant(record.state.startedAt) ?? 0n)) / 1_000_000_000n;
  publish(context, ended, 'die', {
    exitCode: String(report.exitCode),
    execDuration: String(seconds < 0n ? 0n : seconds),
  });
  for (const { networkId } of Object.values(record.networks))
    publishNetwork(context, networkId, 'disconnect', record.id);
  waiters.exited(record.id, { exitCode: report.exitCode });
}

/** Takes away whatever there is of a run. What cannot be taken away is logged: the rest must go on. */
export async function clearRun(
  context: ContainerContext,
  record: Pick<ContainerRecord, 'id' | 'networkMode'>,
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
  try {
    unmountRoot(pathsOf(context, record.id));
  } catch (error) {
    logger.warn('cannot unmount a container', { id: record.id, error: toError(error) });
  }
}
