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
    const logger = createLogger(config.logLevel, (line) => {
      writeSync(STDERR, `${line}\n`);
    });
    const ended = endOfProcess();
    const daemon = await startDaemon(config, logger);
    const signal = await ended;
    logger.info('stopping; containers go on', { signal });
    await daemon.close();
    // A descriptor that somebody still holds must not keep a daemon that has stopped.
    process.exit(0);
  } catch (error) {
    const { message, stack } = toError(error);
    writeSync(STDERR, `berth daemon: ${isBerthError(error) ? message : (stack ?? message)}\n`);
    process.exit(1);
  }
}

async function endOfProcess(): Promise<string> {
  return new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => resolve(signal));
  });
}
