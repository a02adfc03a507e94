import { chooseHost } from './client/api-client.js';
import { ALIASES, COMMANDS } from './commands/index.js';
import { endOnClosedPipe, print, printError } from './terminal/output.js';

const NOUNS = ['container', 'image', 'network', 'system'];

/** Runs one command line and sets the exit status. */
async function main(argv: readonly string[]): Promise<number> {
  endOnClosedPipe();
  const words = takeGlobalOptions(argv);
  if (typeof words === 'number') return words;
  const found = findCommand(words);
  if (found === undefined) return unknownCommand(words);
  const { name, rest } = found;
  const entry = COMMANDS[name];
  if (entry === undefined) return unknownCommand(words);
  try {
    const run = await entry.load();
    return await run(rest);
  } catch (error) {
    const { explain } = await import('./commands/command.js');
    const { text, status } = explain(error, entry.refused ?? 1);
    printError(text);
    return status;
  }
}

/** Options before the command. @returns the words behind them, or an exit status */
function takeGlobalOptions(argv: readonly string[]): readonly string[] | number {
  let words = argv;
  for (;;) {
    const [word = '', value] = words;
    const inline = /^(?:--host=|-H=?)(.+)$/.exec(word)?.[1];
    if (inline !== undefined) {
      chooseHost(inline);
      words = words.slice(1);
    } else if (word === '-H' || word === '--host') {
      if (value === undefined) {
        printError(`berth: flag needs an argument: ${word}\n`);
        return 125;
      }
      chooseHost(value);
      words = words.slice(2);
    } else if (word === '--') return words.slice(1);
    else if (word === '' || word === '-h' || word === '--help' || word === 'help') {
      print(help());
      return 0;
    } else if (word === '-v' || word === '--version') return ['version'];
    else if (word.startsWith('-')) {
      printError(`unknown flag: ${word}\nSee 'berth --help'.\n`);
      return 125;
    } else return words;
  }
}

function findCommand(words: readonly string[]): { name: string; rest: readonly string[] } | undefined {
  const [first = '', second = ''] = words;
  const two = `${first} ${second}`;
  const long = ALIASES[two] ?? two;
  if (long in COMMANDS) return { name: long, rest: words.slice(2) };
  if (first === 'container' && second in COMMANDS) return { name: second, rest: words.slice(2) };
  const short = ALIASES[first] ?? first;
  return short in COMMANDS ? { name: short, rest: words.slice(1) } : undefined;
}

function unknownCommand([first = '', second = '']: readonly string[]): number {
  if (NOUNS.includes(first)) {
    if (second === '' || second === '--help') {
      print(help(first));
      return 0;
    }
    printError(`berth: '${first} ${second}' is not a berth command.\nSee 'berth ${first} --help'\n`);
    return 1;
  }
  printError(`berth: '${first}' is not a berth command.\nSee 'berth --help'\n`);
  return 1;
}

function help(noun?: string): string {
  const rows = Object.entries(COMMANDS)
    .filter(
      ([name]) =>
        noun === undefined || name.startsWith(`${noun} `) || (noun === 'container' && !name.includes(' ')),
    )
    .map(([name, { summary }]) => `  ${name.padEnd(20)}${summary}\n`);
  return (
    `Usage:  berth [-H unix:///PATH] COMMAND\n\nContainer networking for one Linux host\n\nCommands:\n${rows.join('')}\n` +
    "Run 'berth COMMAND --help' for more about a command. The daemon is found at BERTH_HOST,\nelse at unix:///run/berth/berth.sock.\n"
  );
}

void main(process.argv.slice(2)).then((status) => {
  process.exitCode = status;
});
