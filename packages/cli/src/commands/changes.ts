import { connect } from '../client/api-client.js';
import { ago, humanSize, shortIdOf } from '../format/human.js';
import { table } from '../format/table.js';
import { print } from '../terminal/output.js';
import { command, needOperands, parse } from './command.js';

/** `berth diff` */
export async function diff(argv: readonly string[]): Promise<number> {
  const parser = command('diff', 'CONTAINER', "Print what a container has changed of its image's files");
  const operands = parse(parser, argv);
  if (operands === undefined) return 0;
  needOperands(parser, operands, 1, 1);
  const path = `/containers/${encodeURIComponent(operands[0] ?? '')}/changes`;
  const changes = await connect().call<{ Path: string; Kind: number }[] | null>('GET', path);
  for (const { Path, Kind } of changes ?? []) print(`${['C', 'A', 'D'][Kind] ?? '?'} ${Path}\n`);
  return 0;
}

interface Step {
  readonly Id: string;
  readonly Created: number;
  readonly CreatedBy: string;
  readonly Size: number;
  readonly Comment: string;
}

/** `berth history` */
export async function history(argv: readonly string[]): Promise<number> {
  const parser = command('history', '[OPTIONS] IMAGE', 'Print the steps in which an image was made')
    .option('--no-trunc', 'do not shorten')
    .option('-q, --quiet', 'only ids');
  const operands = parse(parser, argv);
  if (operands === undefined) return 0;
  needOperands(parser, operands, 1, 1);
  const { trunc, quiet } = parser.opts<{ trunc: boolean; quiet?: boolean }>();
  const path = `/images/${encodeURIComponent(operands[0] ?? '')}/history`;
  const steps = await connect().call<Step[]>('GET', path);
  const idOf = ({ Id }: Step) => (Id.startsWith('sha256:') && trunc ? shortIdOf(Id) : Id);
  if (quiet === true) {
    print(steps.map((step) => `${idOf(step)}\n`).join(''));
    return 0;
  }
  const short = (text: string) => (trunc && text.length > 45 ? `${text.slice(0, 44)}…` : text);
  const rows = steps.map((step) => [
    idOf(step),
    ago(step.Created),
    short(step.CreatedBy.replaceAll('\t', ' ')),
    humanSize(step.Size),
    step.Comment,
  ]);
  print(table(['IMAGE', 'CREATED', 'CREATED BY', 'SIZE', 'COMMENT'], rows));
  return 0;
}
