import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { BerthError, toError } from '@berth/core';
import { publish, type ContainerContext } from './context.js';
import type { ContainerRecord } from './table.js';

const run = promisify(execFile);

/** @throws BerthError `conflict` if it does not run, or is paused already */
export async function pauseContainer(context: ContainerContext, record: ContainerRecord): Promise<void> {
  refuseRestarting(record);
  if (record.state.status === 'paused')
    throw new BerthError('conflict', `Container ${record.id} is already paused`);
  if (record.state.status !== 'running')
    throw new BerthError('conflict', `Container ${record.id} is not running`);
  await runc(context, 'pause', record.id);
  context.health.stop(record.id);
  publish(context, context.table.updateState(record.id, { status: 'paused' }), 'pause');
}

/** @throws BerthError `conflict` if it is not paused */
export async function unpauseContainer(context: ContainerContext, record: ContainerRecord): Promise<void> {
  if (record.state.status !== 'paused')
    throw new BerthError('conflict', `Container ${record.id} is not paused`);
  await runc(context, 'resume', record.id);
  const resumed = context.table.updateState(record.id, { status: 'running' });
  context.health.resume(resumed);
  publish(context, resumed, 'unpause');
}

function refuseRestarting({ id, state }: ContainerRecord): void {
  if (state.status !== 'restarting') return;
  throw new BerthError('conflict', `Container ${id} is restarting, wait until the container is running`);
}

async function runc({ options, runcRoot }: ContainerContext, verb: string, id: string): Promise<void> {
  try {
    await run(options.runtimes.runc, ['--root', runcRoot, verb, id]);
  } catch (thrown) {
    throw new BerthError('internal', `runc cannot ${verb} container ${id}: ${toError(thrown).message}`, {
      cause: thrown,
    });
  }
}
