import { Arguments, matches } from './arguments.js';
import { notCovered, usage } from './failure.js';
import type { Family } from './internet.js';

/** What stands before the object: `ip -j -4 …`. */
export interface Options {
  readonly family: Family | undefined;
  readonly json: boolean;
  readonly pretty: boolean;
  readonly brief: boolean;
  /** Each thing on a line of its own, its lines joined by backslashes. */
  readonly oneLine: boolean;
  /** How often `-s` was given; the second one adds kinds of errors. */
  readonly statistics: number;
  readonly explain: boolean;
  /** `-n`: a name below /run/netns, or a path. */
  readonly namespace: string | undefined;
  readonly container: string | undefined;
}

export interface CommandLine {
  readonly options: Options;
  /** The object and what follows it. */
  readonly words: readonly string[];
}

/** Switches of iproute2 that this does not have, by their whole names. */
const uncovered = [
  'details',
  'loops',
  'resolve',
  'timestamp',
  'tshort',
  'batch',
  'force',
  'human-readable',
  'iec',
  'rcvbuf',
  'color',
  'all',
  'Numeric',
  'echo',
];

/**
 * Splits `ip`'s command line.
 *
 * @throws IpFailure for an option that `ip` or this does not have
 */
export function parseOptions(argv: readonly string[]): CommandLine {
  const args = new Arguments(argv);
  let family: Family | undefined;
  let json = false;
  let pretty = false;
  let brief = false;
  let oneLine = false;
  let statistics = 0;
  let explain = false;
  let namespace: string | undefined;
  let container: string | undefined;
  while (args.peek?.startsWith('-') === true) {
    const word = args.take();
    if (word === '--') break;
    const option = word.startsWith('--') ? word.slice(2) : word.slice(1);
    if (option === 'explain') explain = true;
    else if (option === 'container') container = args.take();
    else if (option.startsWith('container=')) container = option.slice('container='.length);
    else if (option === '4') family = 'inet';
    else if (option === '6') family = 'inet6';
    else if (matches(option, 'family')) family = familyNamed(args.take());
    else if (matches(option, 'stats', 'statistics')) statistics += 1;
    else if (matches(option, 'brief')) brief = true;
    else if (matches(option, 'oneline')) oneLine = true;
    else if (matches(option, 'json')) json = true;
    else if (matches(option, 'pretty')) pretty = true;
    else if (matches(option, 'netns')) namespace = args.take();
    else if (matches(option, 'help')) return { options: noOptions, words: ['help'] };
    else if (matches(option, 'Version')) return { options: noOptions, words: ['-V'] };
    else if (/^[0BMD]$/.test(option)) throw notCovered(`the option "-${option}"`);
    else {
      const whole = uncovered.find((name) => matches(option, name));
      if (whole !== undefined) throw notCovered(`the option "-${option}" (-${whole})`);
      throw usage(`Option "${word}" is unknown, try "ip -help".`);
    }
  }
  const { words, asked } = takeExplain(args.rest());
  const options: Options = {
    family,
    json,
    pretty,
    brief,
    oneLine,
    statistics,
    explain: explain || asked,
    namespace,
    container,
  };
  if (namespace !== undefined && container !== undefined) {
    throw usage('Both -n and --container name a network namespace: give one of them.');
  }
  if (options.explain && (json || brief || oneLine)) {
    throw usage('--explain writes words under the full text output: it does not go with -j, -br or -o.');
  }
  return { options, words };
}

const noOptions: Options = {
  family: undefined,
  json: false,
  pretty: false,
  brief: false,
  oneLine: false,
  statistics: 0,
  explain: false,
  namespace: undefined,
  container: undefined,
};

/** `--explain` may also come last, where people add it; behind `netns exec` it belongs to the program. */
function takeExplain(words: readonly string[]): { words: readonly string[]; asked: boolean } {
  const foreign = words[0] !== undefined && words[0].startsWith('net');
  if (foreign || !words.includes('--explain')) return { words, asked: false };
  return { words: words.filter((word) => word !== '--explain'), asked: true };
}

function familyNamed(name: string): Family {
  if (name === 'inet' || name === 'inet6') return name;
  throw notCovered(`the protocol family "${name}"`);
}
