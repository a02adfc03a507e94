import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { BerthError } from '@berth/core';

export interface ConmonOptions {
  readonly conmon: string;
  readonly runc: string;
  /** runc's state directory. */
  readonly runcRoot: string;
  readonly id: string;
  readonly name: string;
  readonly bundle: string;
  /** None: what the container writes is kept nowhere. */
  readonly logPath: string | undefined;
  readonly exitDirectory: string;
  readonly tty: boolean;
  readonly stdin: boolean;
  /** Whether stdin is closed when the one client that was attached goes away. */
  readonly stdinOnce: boolean;
}

/** Files that conmon and runc leave in the bundle. */
export const CONMON_PID_FILE = 'conmon.pid';
export const CONTROL_FIFO = 'ctl';
const RUNC_LOG = 'runc.log';

/** The descriptor at which conmon finds its sync pipe. */
const SYNC_FD = 3;

/**
 * Has conmon make a container (`runc create`): its first process then waits for the start. conmon leaves the
 * daemon's session, holds the container's standard streams, writes the log and, at the end, the exit status.
 *
 * @returns the host's number of the first process
 * @throws BerthError with runc's message, in dockerd's wording
 */
export async function createWithConmon(options: ConmonOptions): Promise<number> {
  const child = spawn(options.conmon, conmonArguments(options), {
    cwd: options.bundle,
    // Stdio of its own, so that nothing of the daemon's is kept open by a container. UTC makes log times comparable.
    stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
    detached: true,
    env: { PATH: process.env['PATH'], TZ: 'UTC', _OCI_SYNCPIPE: String(SYNC_FD) },
  });
  let complaint = '';
  child.stderr
    ?.setEncoding('utf8')
    .on('data', (text: string) => (complaint = (complaint + text).slice(0, 4096)));
  const failed = new Promise<never>((_, reject) => {
    child.on('error', (cause) => {
      reject(new BerthError('unavailable', `cannot run ${options.conmon}: ${cause.message}`, { cause }));
    });
  });
  const answer = await Promise.race([firstLine(child.stdio[SYNC_FD] as Readable), failed]);
  const { data, message } = parseAnswer(answer);
  if (data !== undefined && data > 0) return data;
  throw runcFailure(options.bundle, message ?? (complaint.trim() || 'conmon ended without an answer'));
}

function conmonArguments(options: ConmonOptions): string[] {
  const { id, name, bundle } = options;
  const runtimeArguments = [
    '--root',
    options.runcRoot,
    '--log',
    join(bundle, RUNC_LOG),
    '--log-format',
    'json',
  ];
  return [
    ...['--api-version', '1', '--cid', id, '--cuuid', id, '--name', name],
    ...['--runtime', options.runc, '--bundle', bundle, '--full-attach'],
    ...['--container-pidfile', join(bundle, 'pid'), '--conmon-pidfile', join(bundle, CONMON_PID_FILE)],
    ...['--log-path', options.logPath === undefined ? 'none' : `k8s-file:${options.logPath}`],
    ...['--exit-dir', options.exitDirectory, '--no-sync-log'],
    ...runtimeArguments.flatMap((argument) => ['--runtime-arg', argument]),
    ...(options.tty ? ['--terminal'] : []),
    ...(options.stdin ? ['--stdin'] : []),
    ...(options.stdin && !options.stdinOnce ? ['--leave-stdin-open'] : []),
  ];
}

async function firstLine(stream: Readable): Promise<string> {
  let text = '';
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    text += chunk.toString();
    if (text.includes('\n')) break;
  }
  return text;
}

function parseAnswer(text: string): { data?: number; message?: string } {
  try {
    return JSON.parse(text) as { data?: number; message?: string };
  } catch {
    return {};
  }
}

/** dockerd's sentence around what runc said; clients read 126 and 127 out of it. */
export function runcFailure(bundle: string, fallback: string): BerthError {
  const said = lastRuncError(join(bundle, RUNC_LOG)) ?? fallback;
  return new BerthError(
    'invalid',
    `failed to create task for container: failed to create shim task: OCI runtime create failed: ${said}: unknown`,
  );
}

/** The last error in a JSON log of runc. */
export function lastRuncError(log: string): string | undefined {
  try {
    const errors = readFileSync(log, 'utf8')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as { level: string; msg: string })
      .filter(({ level }) => level === 'error' || level === 'fatal');
    return errors.at(-1)?.msg;
  } catch {
    return undefined;
  }
}
