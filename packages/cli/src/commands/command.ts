import { Command, CommanderError, InvalidArgumentError, type Help } from 'commander';
import { ApiError, DaemonUnreachable } from '../client/api-error.js';
import { printError } from '../terminal/output.js';
import { FlagError, invalidArgument, plainFlags } from './flags.js';
import { unknownFlag } from './not-yet.js';

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
    .configureHelp({ formatHelp })
    .exitOverride()
    .configureOutput({ writeErr: () => undefined })
    .allowExcessArguments(true);
}

/** The page of `--help`, laid out as docker's. */
function formatHelp(parser: Command, help: Help): string {
  const rows = help.visibleOptions(parser).map(({ short, long, flags, description }) => {
    const value = flags.replace(/^.*?(?=<)|^[^<]*$/, '').replace(/[<>]/g, '');
    const names = short === undefined ? `    ${long ?? ''}` : `${short}, ${long ?? ''}`;
    return [`  ${names}${value === '' ? '' : ` ${value}`}`, description] as const;
  });
  const width = Math.max(...rows.map(([names]) => names.length)) + 3;
  const options = rows.map(([names, description]) => `${names.padEnd(width)}${description}\n`).join('');
  return `Usage:  ${parser.name()} ${parser.usage()}\n\n${parser.description()}\n\nOptions:\n${options}`;
}

/** An option that may be given several times. */
export function collect(value: string, earlier: readonly string[] = []): string[] {
  return [...earlier, value];
}

/** An option whose value is checked by a function that tells what is wrong with it. */
export function checked(reasonAgainst: (value: string) => string | undefined): (value: string) => string {
  return (value) => {
    const reason = reasonAgainst(value);
    if (reason !== undefined) throw new InvalidArgumentError(reason);
    return value;
  };
}

/** The same for one that may be given several times. */
export function checkedList(
  reasonAgainst: (value: string) => string | undefined,
): (value: string, earlier?: readonly string[]) => string[] {
  const check = checked(reasonAgainst);
  return (value, earlier) => collect(check(value), earlier);
}

/** For a switch whose being off differs from its not being given: `--ipv4 [on]`. */
export function onOrOff(value: string): boolean {
  return value === 'true';
}

/** For {@link checked}: a number of seconds, lines or things. */
export function notInteger(value: string): string | undefined {
  return /^-?\d+$/.test(value) ? undefined : 'it should be a whole number';
}

/**
 * Reads a command line.
 *
 * @param endAtOperand whether flags end at the first operand, as those of `run` do
 * @returns its operands, or undefined where help was asked for and printed
 * @throws Failure 125 for flags that are not understood
 */
export function parse(parser: Command, argv: readonly string[], endAtOperand = false): string[] | undefined {
  const name = parser.name().replace(/^berth /, '');
  const { options } = parser;
  try {
    const unknown = (flag: string): string => unknownFlag(name, flag);
    parser.parse(plainFlags(argv, { options, endAtOperand, unknown }), { from: 'user' });
    return parser.args;
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return undefined;
    const reason = error instanceof FlagError ? error.message : reasonOf(error, parser);
    throw new Failure(`${reason}\nSee '${parser.name()} --help'.`, REFUSED);
  }
}

/** Commander's refusal of a value, in docker's words. */
function reasonOf(error: unknown, { options }: Command): string {
  if (!(error instanceof CommanderError)) throw error;
  const [, flags, value = '', reason = ''] =
    /^error: option '(.*)' argument '(.*)' is invalid\. (.*)$/s.exec(error.message) ?? [];
  const option = options.find((candidate) => candidate.flags === flags);
  if (option === undefined) return error.message.replace(/^error: /, '');
  return invalidArgument(option, value, reason);
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
