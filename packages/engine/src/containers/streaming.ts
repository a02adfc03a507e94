import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { BerthError } from '@berth/core';
import { CONTROL_FIFO } from '../conmon/conmon.js';
import { readLog } from '../logs/read.js';
import type { AttachOptions, AttachStream, LogEntry, LogOptions, TerminalSize } from '../model.js';
import { pathsOf, publish, type ContainerContext } from './context.js';
import { isRunning, type ContainerRecord } from './table.js';

/** What a container has written, and goes on to write until it ends. */
export function containerLogs(
  context: ContainerContext,
  { id }: ContainerRecord,
  options: LogOptions,
): AsyncIterable<LogEntry> {
  const { table, events } = context;
  const ended = () => !table.has(id) || !isRunning(table.byId(id));
  return readLog(pathsOf(context, id).log, options, ended, (call) => {
    const filters = { type: ['container'], event: ['die', 'destroy'], container: [id] };
    const deaths = events.subscribe({ filters });
    void deaths.next().then(call);
    return () => void deaths.return?.();
  });
}

/** May be called before the container is started; the output then begins with its first byte. */
export async function attachContainer(
  context: ContainerContext,
  record: ContainerRecord,
  options: AttachOptions,
): Promise<AttachStream> {
  const { spec, id } = record;
  const past: LogEntry[] = [];
  if (options.logs) {
    for await (const entry of containerLogs(context, record, { ...options, follow: false })) past.push(entry);
  }
  const bundle = isRunning(record) ? pathsOf(context, id).bundle : undefined;
  const stream = context.streams.join(id, bundle, spec.tty, spec.stdinOnce, {
    ...options,
    stdin: options.stdin && spec.openStdin,
  });
  for (const { stream: name, data } of past) stream.output.push({ stream: name, data });
  if (!options.stream) stream.close();
  publish(context, record, 'attach');
  return stream;
}

/** @throws BerthError `conflict` if it does not run */
export async function resizeContainer(
  context: ContainerContext,
  record: ContainerRecord,
  { rows, columns }: TerminalSize,
): Promise<void> {
  if (!isRunning(record)) throw new BerthError('conflict', `container ${record.id} is not running`);
  if (!record.spec.tty) return;
  const path = join(pathsOf(context, record.id).bundle, CONTROL_FIFO);
  // Non-blocking: with conmon gone nobody reads, and the open fails instead of waiting.
  const fifo = await open(path, constants.O_WRONLY | constants.O_NONBLOCK);
  try {
    // conmon's src/ctrl.c: message 1 is a resize, then height and width.
    await fifo.write(`1 ${rows} ${columns}\n`);
  } finally {
    await fifo.close();
  }
  publish(context, record, 'resize', { height: String(rows), width: String(columns) });
}
