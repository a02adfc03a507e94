import { writeSync } from 'node:fs';
import { createLogger, isBerthError, toError } from '@berth/core';
import { parseArguments } from '../config/arguments.js';
import { startDaemon } from './daemon.js';

/** Standard error. */
const STDERR = 2;

/**
 * `berth daemon`: runs until SIGTERM or SIGINT. What stands in the way goes to standard error, and the exit status is 1.
 *
 * @param argv what follows `daemon` on the command line
 */
export async function daemonCommand(argv: readonly string[]): Promise<void> {
  try {
    const config = parseArguments(argv);
    const logger = createLogger(config.logLevel, writeLine);
    const ended = endOfProcess();
    const daemon = await startDaemon(config, logger);
    const signal = await ended;
    logger.info('stopping; containers go on', { signal });
    await daemon.close();
    // A descriptor that somebody still holds must not keep a daemon that has stopped.
    process.exit(0);
  } catch (error) {
    const { message, stack } = toError(error);
    writeLine(`berth daemon: ${isBerthError(error) ? message : (stack ?? message)}`);
    process.exit(1);
  }
}

/** Whoever read the log may have gone, or be slow: a line is no reason for a daemon to end. */
function writeLine(line: string): void {
  try {
    writeSync(STDERR, `${line}\n`);
  } catch {
    // EPIPE, EAGAIN: there is nowhere to tell it.
  }
}

async function endOfProcess(): Promise<string> {
  return new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => resolve(signal));
  });
}
