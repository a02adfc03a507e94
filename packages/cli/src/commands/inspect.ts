import { connect, type ApiClient, type Query } from '../client/api-client.js';
import { ApiError } from '../client/api-error.js';
import { fillTemplate } from '../format/template.js';
import { print, printError } from '../terminal/output.js';
import { Failure, command, needOperands, parse } from './command.js';

type Kind = 'container' | 'image' | 'network' | 'volume';

/** Ranges of ports are asked for as such: an entry a port may be sixty thousand of them. */
const QUERIES: Readonly<Record<Kind, Query>> = {
  container: { ranges: 1 },
  image: {},
  network: {},
  volume: {},
};

const PATHS: Readonly<Record<Kind, (reference: string) => string>> = {
  container: (reference) => `/containers/${encodeURIComponent(reference)}/json`,
  image: (reference) => `/images/${encodeURIComponent(reference)}/json`,
  network: (reference) => `/networks/${encodeURIComponent(reference)}`,
  volume: (reference) => `/volumes/${encodeURIComponent(reference)}`,
};

/** `berth inspect`, and the `inspect` of one kind of thing. */
export async function inspect(argv: readonly string[], kind?: Kind): Promise<number> {
  const name = kind === undefined ? 'inspect' : `${kind} inspect`;
  const parser = command(
    name,
    '[OPTIONS] NAME|ID [NAME|ID...]',
    'Print all that is known of containers, images, networks or volumes',
  )
    .option('-f, --format <template>', 'template, or json')
    .option('--type <kind>', 'container, image, network or volume');
  if (kind === 'network') parser.option('-v, --verbose', 'also what other hosts know of it');
  const operands = parse(parser, argv);
  if (operands === undefined) return 0;
  needOperands(parser, operands, 1);
  const { format, type, verbose } = parser.opts<{ format?: string; type?: string; verbose?: boolean }>();
  const queries = { ...QUERIES, network: { verbose } };
  const kinds =
    kind !== undefined ? [kind] : type === undefined ? (Object.keys(PATHS) as Kind[]) : [kindOf(type)];
  const api = connect();
  const found: unknown[] = [];
  let status = 0;
  for (const operand of operands) {
    const thing = await find(api, kinds, operand, queries);
    if (thing instanceof ApiError) {
      printError(
        `Error: ${kinds.length > 1 && thing.status === 404 ? `No such object: ${operand}` : thing.message}\n`,
      );
      status = 1;
    } else found.push(thing);
  }
  if (format === undefined) print(`${JSON.stringify(found, undefined, 4)}\n`);
  else
    for (const thing of found)
      print(`${format === 'json' ? JSON.stringify(thing) : fillTemplate(format, thing)}\n`);
  return status;
}

function kindOf(type: string): Kind {
  if (type in PATHS) return type as Kind;
  throw new Failure(`"${type}" is not a type that can be inspected: container, image, network, volume`);
}

/** The first thing of that name, or the refusal: only where there is no such thing is the next kind asked for. */
async function find(
  api: ApiClient,
  kinds: readonly Kind[],
  reference: string,
  queries: Readonly<Record<Kind, Query>>,
): Promise<unknown> {
  let refusal: ApiError | undefined;
  for (const kind of kinds) {
    try {
      return await api.call<unknown>('GET', PATHS[kind](reference), { query: queries[kind] });
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (error.status !== 404) return error;
      refusal ??= error;
    }
  }
  return refusal;
}
