import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { BerthError } from '@berth/core';
import { CONTROL_FIFO } from '../conmon/conmon.js';
import { logPlan } from '../logs/driver.js';
import { logSize, readLog } from '../logs/read.js';
import type {
  AttachOptions,
  AttachStream,
  LogEntry,
  LogOptions,
  OutputChunk,
  TerminalSize,
} from '../model.js';
import { pathsOf, publish, type ContainerContext } from './context.js';
import { isRunning, type ContainerRecord } from './table.js';

/**
 * What a container has written, and goes on to write until it ends.
 *
 * @throws BerthError `unsupported` where nothing is kept, in Docker's wording
 */
export function containerLogs(
  context: ContainerContext,
  { id, spec }: ContainerRecord,
  options: LogOptions,
  bytes?: number,
): AsyncGenerator<LogEntry[]> {
  if (logPlan(spec.host).driver === 'none')
    throw new BerthError('unsupported', 'configured logging driver does not support reading');
  const { table, events } = context;
  const ended = () => !table.has(id) || !isRunning(table.byId(id));
  const onEnd = (call: () => void) => {
    const filters = { type: ['container'], event: ['die', 'destroy'], container: [id] };
    const deaths = events.subscribe({ filters });
    void deaths.next().then(call);
    return () => void deaths.return?.();
  };
  return readLog(pathsOf(context, id).log, options, ended, onEnd, bytes);
}

/** Has the log of a running container put aside whenever it has grown to the size that its options say. */
export function rotateLog(context: ContainerContext, { id, spec }: ContainerRecord): void {
  const { maxSize, maxFiles } = logPlan(spec.host);
  if (maxSize === undefined) return;
  const { log, bundle } = pathsOf(context, id);
  context.rotation.start(id, { path: log, bundle, maxSize, maxFiles });
}

/** May be called before the container is started; the output then begins with its first byte. */
export function attachContainer(
  context: ContainerContext,
  record: ContainerRecord,
  options: AttachOptions,
): AttachStream {
  const { spec, id } = record;
  const running = isRunning(record);
  const bundle = running ? pathsOf(context, id).bundle : undefined;
  // conmon writes everything to the log before it passes it on, to the byte. So whoever wants what was before goes on
  // reading the log: of what comes nothing is missed, and nothing is there twice.
  const fromLog = options.logs && (running || !options.stream);
  // One at rest may be started before the log is read; what it writes then comes as a stream.
  const bytes = fromLog || !options.logs ? undefined : logSize(pathsOf(context, id).log);
  const follow = fromLog && options.stream;
  const past = options.logs ? containerLogs(context, record, { ...options, follow }, bytes) : undefined;
  const hub = context.streams.join(id, bundle, spec.tty, spec.stdinOnce, {
    stdout: options.stdout && !fromLog,
    stderr: options.stderr && !fromLog,
    stdin: options.stdin && spec.openStdin,
  });
  const stream = { ...hub, detached: () => publish(context, record, 'detach') };
  publish(context, record, 'attach');
  if (past === undefined) {
    if (!options.stream) stream.close();
    return stream;
  }
  return afterLog(stream, past, fromLog);
}

/** What comes from one stream without a break is one chunk. */
function joined(entries: readonly LogEntry[]): OutputChunk[] {
  const chunks: { stream: OutputChunk['stream']; parts: Buffer[] }[] = [];
  for (const { stream, data } of entries) {
    const last = chunks.at(-1);
    if (last?.stream === stream) last.parts.push(data);
    else chunks.push({ stream, parts: [data] });
  }
  return chunks.map(({ stream, parts }) => ({ stream, data: Buffer.concat(parts) }));
}

/** The output of a stream, after or instead of which the log is given. */
function afterLog(stream: AttachStream, past: AsyncGenerator<LogEntry[]>, instead: boolean): AttachStream {
  async function* chunks(): AsyncGenerator<OutputChunk> {
    for await (const entries of past) yield* joined(entries);
    if (!instead) yield* stream.output;
  }
  const output = Readable.from(chunks()) as AttachStream['output'];
  return {
    ...stream,
    output,
    close: () => {
      stream.close();
      output.destroy();
    },
  };
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
