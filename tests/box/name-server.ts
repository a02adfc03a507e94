import type { ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { eventually } from './command.js';
import type { HostInABox } from './host-in-a-box.js';
import { REPOSITORY } from './paths.js';

/** A name server that a test has started: it gives one address for every name. */
export interface NameServer {
  /** What it was asked, a line each: `asked A name by 10.0.0.2`. */
  readonly log: () => string;
  stop(): Promise<void>;
}

/**
 * Starts a name server on the host, or in a container's network.
 *
 * @param listen the address that it has there
 * @param address what it answers
 */
export async function startNameServer(
  box: HostInABox,
  listen: string,
  address: string,
  container?: string,
): Promise<NameServer> {
  const script = join(REPOSITORY, 'tests/box/name-server-process.mjs');
  const command = [process.execPath, script, listen, address];
  const child: ChildProcess =
    container === undefined
      ? box.startOnHost(...command)
      : box.startOnHost(box.berthCommand, 'nsexec', container, '--', ...command);
  let log = '';
  child.stdout?.on('data', (chunk: Buffer) => (log += chunk.toString()));
  child.stderr?.on('data', (chunk: Buffer) => (log += chunk.toString()));
  await eventually('the name server is ready', () => {
    if (child.exitCode !== null) throw new Error(`the name server ended:\n${log}`);
    return log.includes('ready');
  });
  return {
    log: () => log,
    stop: async () => {
      const ended = new Promise((resolve) => child.once('close', resolve));
      child.kill('SIGTERM');
      await ended;
    },
  };
}
