import { Command, CommanderError } from 'commander';
import { ApiError, DaemonUnreachable } from '../client/api-error.js';
import { printError } from '../terminal/output.js';

/** A command line that is not understood, or a refusal: docker's own status for it. */
export const REFUSED = 125;

/** Ends the command with a message and an exit status. */
export class Failure extends Error {
  override readonly name = 'Failure';
  readonly status: number;

  constructor(message: string, status = 1) {
    super(message);
    this.status = status;
  }
}

/** A command of Docker's manner: usage `berth NAME …`, errors that point to its help. */
export function command(name: string, usage: string, description: string): Command {
  return new Command(`berth ${name}`)
    .usage(usage)
    .description(description)
    .helpOption('--help', 'print usage')
    .exitOverride()
    .configureOutput({ writeErr: () => undefined })
    .allowExcessArguments(true);
}

/** An option that may be given several times. */
export function collect(value: string, earlier: readonly string[] = []): string[] {
  return [...earlier, value];
}

/**
 * Reads a command line.
 *
 * @returns its operands, or undefined where help was asked for and printed
 * @throws Failure 125 for flags that are not understood
 */
export function parse(parser: Command, argv: readonly string[]): string[] | undefined {
  try {
    parser.parse(argv, { from: 'user' });
    return parser.args;
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return undefined;
    const reason = error.message
      .replace(/^error: /, '')
      .replace(/^unknown option '(.*)'$/, 'unknown flag: $1');
    throw new Failure(`${reason}\nSee '${parser.name()} --help'.`, REFUSED);
  }
}

/** @throws Failure in Docker's words */
export function needOperands(
  parser: Command,
  operands: readonly string[],
  least: number,
  most = Infinity,
): void {
  if (operands.length >= least && operands.length <= most) return;
  const many = (count: number): string => `${count} argument${count === 1 ? '' : 's'}`;
  const wanted =
    least === most
      ? `exactly ${many(least)}`
      : operands.length < least
        ? `at least ${many(least)}`
        : `at most ${many(most)}`;
  throw new Failure(
    `"${parser.name()}" requires ${wanted}.\nSee '${parser.name()} --help'.\n\nUsage:  ${parser.name()} ${parser.usage()}`,
  );
}

/**
 * Does something for each operand, whatever becomes of the others; refusals are printed as they come.
 *
 * @returns 0, or 1 if any was refused
 */
export async function forEach(
  operands: readonly string[],
  action: (operand: string) => Promise<void>,
): Promise<number> {
  let status = 0;
  for (const operand of operands) {
    try {
      await action(operand);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      printError(`Error response from daemon: ${error.message}\n`);
      status = 1;
    }
  }
  return status;
}

/** What an error means for the user: the text for standard error, and the exit status. */
export function explain(error: unknown, refusedStatus: number): { text: string; status: number } {
  if (error instanceof Failure) return { text: `berth: ${error.message}\n`, status: error.status };
  if (error instanceof ApiError)
    return { text: `Error response from daemon: ${error.message}\n`, status: refusedStatus };
  if (error instanceof DaemonUnreachable) return { text: `berth: ${error.message}\n`, status: refusedStatus };
  const message = error instanceof Error ? error.message : String(error);
  return { text: `berth: ${message}\n`, status: refusedStatus };
}
