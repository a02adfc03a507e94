import { connect } from '../client/api-client.js';
import { humanSize } from '../format/human.js';
import { print, printError } from '../terminal/output.js';
import { collect, command, forEach, needOperands, parse } from './command.js';
import { confirmed } from './confirm.js';
import { filtersOf } from './logs.js';
import { pairs } from './words.js';

/** `berth volume create` */
export async function volumeCreate(argv: readonly string[]): Promise<number> {
  const parser = command('volume create', '[OPTIONS] [VOLUME]', 'Create a volume')
    .option('-d, --driver <driver>', 'local', 'local')
    .option('--label <label>', 'NAME=VALUE', collect)
    .option('-o, --opt <option>', 'NAME=VALUE for the driver', collect)
    .option('--name <name>', 'its name');
  const operands = parse(parser, argv);
  if (operands === undefined) return 0;
  needOperands(parser, operands, 0, 1);
  const options = parser.opts<{ driver: string; label?: string[]; opt?: string[]; name?: string }>();
  const body = {
    Name: operands[0] ?? options.name ?? '',
    Driver: options.driver,
    Labels: pairs('label', options.label ?? []),
    DriverOpts: pairs('option', options.opt ?? []),
  };
  const { Name } = await connect().call<{ Name: string }>('POST', '/volumes/create', { body });
  print(`${Name}\n`);
  return 0;
}

/** `berth volume rm` */
export async function volumeRm(argv: readonly string[]): Promise<number> {
  const parser = command('volume rm', '[OPTIONS] VOLUME [VOLUME...]', 'Remove volumes').option(
    '-f, --force',
    'no error for one that is not there',
  );
  const operands = parse(parser, argv);
  if (operands === undefined) return 0;
  needOperands(parser, operands, 1);
  const { force } = parser.opts<{ force?: boolean }>();
  const api = connect();
  return forEach(operands, async (name) => {
    await api.call('DELETE', `/volumes/${encodeURIComponent(name)}`, { query: { force } });
    print(`${name}\n`);
  });
}

/** `berth volume prune`, `berth container prune`, `berth image prune` */
export function prune(kind: 'volume' | 'container' | 'image') {
  const questions = {
    volume: 'This will remove anonymous local volumes not used by at least one container.',
    container: 'This will remove all stopped containers.',
    image: 'This will remove all dangling images.',
  } as const;
  const answers = {
    volume: 'VolumesDeleted',
    container: 'ContainersDeleted',
    image: 'ImagesDeleted',
  } as const;
  return async (argv: readonly string[]): Promise<number> => {
    const parser = command(`${kind} prune`, '[OPTIONS]', `Remove ${kind}s that are not used`)
      .option('-a, --all', 'not only anonymous or dangling ones')
      .option('-f, --force', 'do not ask')
      .option('--filter <filter>', 'NAME=VALUE', collect);
    const operands = parse(parser, argv);
    if (operands === undefined) return 0;
    needOperands(parser, operands, 0, 0);
    const { all, force, filter = [] } = parser.opts<{ all?: boolean; force?: boolean; filter?: string[] }>();
    if (force !== true && !(await confirmed(`WARNING! ${questions[kind]}`))) {
      printError(`${kind} prune has been cancelled\n`);
      return 1;
    }
    const more =
      all !== true || kind === 'container' ? [] : [kind === 'image' ? 'dangling=false' : 'all=true'];
    const filters = [...filter, ...more];
    const answer = await connect().call<Record<string, unknown>>('POST', `/${kind}s/prune`, {
      query: { filters: filters.length === 0 ? undefined : filtersOf(filters) },
    });
    const removed = (answer[answers[kind]] ?? []) as (string | { Untagged?: string; Deleted?: string })[];
    if (removed.length > 0) {
      print(`Deleted ${kind === 'volume' ? 'Volumes' : kind === 'image' ? 'Images' : 'Containers'}:\n`);
      for (const one of removed) {
        if (typeof one === 'string') print(`${one}\n`);
        else
          print(
            one.Untagged === undefined ? `deleted: ${one.Deleted ?? ''}\n` : `untagged: ${one.Untagged}\n`,
          );
      }
      print('\n');
    }
    print(`Total reclaimed space: ${humanSize(Number(answer['SpaceReclaimed'] ?? 0))}\n`);
    return 0;
  };
}
