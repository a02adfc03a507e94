import type { Option } from 'commander';

/** Words of a command line that are not understood; the text is docker's. */
export class FlagError extends Error {
  override readonly name = 'FlagError';
}

const TRUE = ['1', 't', 'T', 'true', 'TRUE', 'True'];
const FALSE = ['0', 'f', 'F', 'false', 'FALSE', 'False'];

interface Flags {
  readonly options: readonly Option[];
  /** Whether flags end at the first operand, as those of `run` do: what follows is the container's. */
  readonly endAtOperand: boolean;
  /** What to say of a flag that is none of the options. */
  readonly unknown: (flag: string) => string;
}

/**
 * Brings a command line into the plain form of `--flag value`, reading it by the rules of docker's flags (Go's
 * pflag): `--rm=false`, `-p=80:80`, `-p80:80`, `-itp 80:80`, `--` before the operands. Values that begin with `-`
 * stay joined to their flag. A switch whose being off is told from its not being given, `--ipv4 [on]` to commander, is
 * brought into `--ipv4=true` or `--ipv4=false`; like all switches it never takes the next word.
 *
 * @throws FlagError
 */
export function plainFlags(argv: readonly string[], flags: Flags): string[] {
  const plain: string[] = [];
  const operands: string[] = [];
  const words = [...argv];
  for (;;) {
    const word = words.shift();
    if (word === undefined) break;
    if (word === '--') {
      operands.push(...words);
      break;
    }
    if (word === '-' || !word.startsWith('-')) {
      operands.push(word);
      if (!flags.endAtOperand) continue;
      operands.push(...words);
      break;
    }
    plain.push(...(word.startsWith('--') ? longFlag(word, words, flags) : shortFlags(word, words, flags)));
  }
  return [...plain, '--', ...operands];
}

function longFlag(word: string, rest: string[], { options, unknown }: Flags): string[] {
  const [, name = '', inline] = /^(--[^=]*)(?:=(.*))?$/s.exec(word) ?? [];
  if (name === '--help') return [name];
  const option = options.find(({ long }) => long === name);
  if (option === undefined) throw new FlagError(unknown(name));
  if (!option.required) return switched(option, name, inline);
  const value = inline ?? rest.shift();
  if (value === undefined) throw new FlagError(`flag needs an argument: ${name}`);
  return [`${name}=${value}`];
}

function shortFlags(word: string, rest: string[], { options, unknown }: Flags): string[] {
  const plain: string[] = [];
  for (let at = 1; at < word.length; at++) {
    const letter = word.charAt(at);
    const option = options.find(({ short }) => short === `-${letter}`);
    if (option === undefined) {
      if (letter === 'h') return [...plain, '--help'];
      throw new FlagError(unknown(`-${letter} in ${word}`));
    }
    const name = option.long ?? option.flags;
    const tail = word.slice(at + 1);
    if (!option.required) {
      if (tail.startsWith('=')) return [...plain, ...switched(option, name, tail.slice(1))];
      plain.push(...switched(option, name, undefined));
      continue;
    }
    const value = tail === '' ? rest.shift() : tail.replace(/^=/, '');
    if (value === undefined) throw new FlagError(`flag needs an argument: '${letter}' in ${word}`);
    return [...plain, `${name}=${value}`];
  }
  return plain;
}

/** A switch that is on, or what follows its `=`. */
function switched(option: Option, name: string, inline: string | undefined): string[] {
  const on = inline === undefined || isTrue(option, inline);
  if (option.optional) return [`${name}=${on}`];
  return on ? [name] : [];
}

function isTrue(option: Option, text: string): boolean {
  if (TRUE.includes(text)) return true;
  if (FALSE.includes(text)) return false;
  throw new FlagError(invalidArgument(option, text, 'it should be true or false'));
}

/** Docker's sentence about a value. */
export function invalidArgument(option: Option, value: string, reason: string): string {
  const flag = [option.short, option.long].filter((name) => name !== undefined).join(', ');
  return `invalid argument "${value}" for "${flag}" flag: ${reason}`;
}
