import { BerthError, toError } from '@berth/core';
import { within } from '../clock.js';
import type { WaitResult } from '../model.js';
import { publish, type ContainerContext } from './context.js';
import { unpauseContainer } from './pause.js';
import { signalContainer } from './process.js';
import { signalNumber } from './signals.js';
import { isActive, isRunning, type ContainerRecord } from './table.js';

/** Docker's default stop timeout, in seconds. */
const STOP_TIMEOUT = 10;
/** How long a killed container may take to be gone, in milliseconds. */
const KILL_PATIENCE = 30_000;

export interface StopOptions {
  /** As {@link signalNumber} reads it. */
  readonly signal?: string | undefined;
  /** Negative: for ever. */
  readonly timeoutSeconds?: number | undefined;
}

/**
 * Asks a container to end, and kills it when it does not within its timeout (negative: never).
 *
 * @throws BerthError `not-modified` if it does not run; `invalid` signal; `internal` if it survives SIGKILL
 */
export async function stopContainer(
  context: ContainerContext,
  record: ContainerRecord,
  options: StopOptions,
): Promise<void> {
  const { spec, id } = record;
  if (!isActive(record)) throw new BerthError('not-modified', 'the container is not running');
  const signal = signalNumber(options.signal ?? spec.stopSignal ?? 'SIGTERM');
  markStopped(context, id);
  // It may also have ended while that was tried.
  if ((await cancelRestart(context, id)) || !isRunning(context.table.byId(id))) {
    publish(context, record, 'stop');
    return;
  }
  const timeout = options.timeoutSeconds ?? spec.stopTimeout ?? STOP_TIMEOUT;
  const ended = context.waiters.exit(id);
  sendSignal(context, context.table.byId(id), signal);
  const over = timeout < 0 ? await ended : await within(ended, timeout * 1000);
  if (over === undefined) {
    sendSignal(context, context.table.byId(id), signalNumber('SIGKILL'));
    await gone(record, ended);
  }
  publish(context, record, 'stop');
}

/** @throws BerthError `conflict` if it does not run; `invalid` signal; `internal` if it survives SIGKILL */
export async function killContainer(
  context: ContainerContext,
  record: ContainerRecord,
  signal: string,
  reference: string,
): Promise<void> {
  const number = signalNumber(signal);
  const { id, spec } = record;
  if (!isActive(record)) {
    throw new BerthError('conflict', `cannot kill container: ${reference}: container ${id} is not running`);
  }
  const killing = number === signalNumber('SIGKILL');
  // Docker's rule: where no stop signal is named, any signal may be meant to end the container.
  if (killing || spec.stopSignal === undefined || number === signalNumber(spec.stopSignal))
    markStopped(context, id);
  if (await cancelRestart(context, id)) return;
  // Docker waits for the end after SIGKILL.
  if (killing) await endContainer(context, context.table.byId(id));
  else sendSignal(context, context.table.byId(id), number);
}

/** From now on its restart policy leaves a container alone, until somebody starts it. */
export function markStopped({ table }: ContainerContext, id: ContainerRecord['id']): void {
  if (table.has(id)) table.update(id, { stoppedByHand: true });
}

/** Ends a container's wait for its restart. @returns whether it did wait; if not, it may have been started just now */
export async function cancelRestart(context: ContainerContext, id: ContainerRecord['id']): Promise<boolean> {
  const { table, lock, restarts, waiters } = context;
  if (!table.has(id) || table.byId(id).state.status !== 'restarting') return false;
  return lock.run(id, () => {
    if (!table.has(id) || table.byId(id).state.status !== 'restarting') return Promise.resolve(false);
    restarts.reset(id);
    const { state } = table.updateState(id, { status: 'exited' });
    waiters.exited(id, { exitCode: state.exitCode });
    return Promise.resolve(true);
  });
}

/** Ends a container that runs, at once, and waits until it is at rest. @throws BerthError `internal` if it survives */
export async function endContainer(context: ContainerContext, record: ContainerRecord): Promise<void> {
  const ended = context.waiters.exit(record.id);
  sendSignal(context, record, signalNumber('SIGKILL'));
  await gone(record, ended);
}

function sendSignal(context: ContainerContext, record: ContainerRecord, signal: number): void {
  signalContainer(record, signal);
  // What is frozen takes no signal, not even SIGKILL, until it goes on.
  if (context.table.byId(record.id).state.status === 'paused') void thaw(context, record);
  publish(context, record, 'kill', { signal: String(signal) });
}

async function thaw(context: ContainerContext, { id }: ContainerRecord): Promise<void> {
  try {
    await context.lock.run(id, () => unpauseContainer(context, context.table.byId(id)));
  } catch (error) {
    const fields = { id, error: toError(error) };
    context.logger.debug('cannot resume a container that was sent a signal', fields);
  }
}

async function gone(record: ContainerRecord, ended: Promise<WaitResult>): Promise<void> {
  if ((await within(ended, KILL_PATIENCE)) !== undefined) return;
  throw new BerthError(
    'internal',
    `container ${record.name} does not end: process ${record.state.pid} survives SIGKILL`,
  );
}
