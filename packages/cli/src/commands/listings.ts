import { connect } from '../client/api-client.js';
import type { ContainerSummary, ImageSummary, NetworkSummary, VolumeSummary } from '../client/api-types.js';
import { ago, humanSize, shortIdOf } from '../format/human.js';
import { portsColumn } from '../format/ports.js';
import { table } from '../format/table.js';
import { fillTemplate } from '../format/template.js';
import { print } from '../terminal/output.js';
import { checked, collect, command, notInteger, needOperands, parse } from './command.js';
import { filtersOf } from './logs.js';

interface ListOptions {
  readonly all?: boolean;
  readonly quiet?: boolean;
  /** `--no-trunc` */
  readonly trunc: boolean;
  readonly filter?: string[];
  readonly format?: string;
}

function listing(name: string, description: string) {
  return command(name, '[OPTIONS]', description)
    .option('-q, --quiet', 'only ids')
    .option('--no-trunc', 'do not shorten')
    .option('-f, --filter <filter>', 'NAME=VALUE', collect)
    .option('--format <template>', 'template, json, or table');
}

/** Prints rows as a table, as ids, or by a template whose fields are the columns' names as Docker has them. */
function show(
  rows: readonly Record<string, string>[],
  headings: readonly (readonly [string, string])[],
  options: ListOptions,
): void {
  const { format } = options;
  if (options.quiet === true) print(rows.map((row) => `${row['ID'] ?? ''}\n`).join(''));
  else if (format === undefined || format === 'table') {
    print(
      table(
        headings.map(([heading]) => heading),
        rows.map((row) => headings.map(([, name]) => row[name] ?? '')),
      ),
    );
  } else if (format === 'json') print(rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
  else if (format.startsWith('table ')) {
    const fields = format.slice('table '.length).split('\\t');
    const titles = fields.map((field) => titleOf(field, headings));
    print(
      table(
        titles,
        rows.map((row) => fields.map((field) => fillTemplate(field, row))),
      ),
    );
  } else print(rows.map((row) => `${fillTemplate(format, row)}\n`).join(''));
}

function titleOf(field: string, headings: readonly (readonly [string, string])[]): string {
  const name = /\.(\w+)/.exec(field)?.[1] ?? field;
  return headings.find(([, column]) => column === name)?.[0] ?? name.toUpperCase();
}

/** `berth ps` */
export async function ps(argv: readonly string[]): Promise<number> {
  const parser = listing('ps', 'List containers')
    .option('-a, --all', 'also those that do not run')
    .option('-n, --last <number>', 'the last ones made, running or not', checked(notInteger))
    .option('-l, --latest', 'the last one made');
  const operands = parse(parser, argv);
  if (operands === undefined) return 0;
  needOperands(parser, operands, 0, 0);
  const options = parser.opts<ListOptions & { last?: string; latest?: boolean }>();
  const query = {
    all: options.all,
    limit: options.latest === true ? 1 : options.last,
    filters: options.filter === undefined ? undefined : filtersOf(options.filter),
    ranges: 1,
  };
  const containers = await connect().call<ContainerSummary[]>('GET', '/containers/json', { query });
  const shorten = (text: string): string =>
    options.trunc && text.length > 20 ? `${text.slice(0, 19)}…` : text;
  const rows = containers.map((container) => ({
    ID: options.trunc ? shortIdOf(container.Id) : container.Id,
    Image: container.Image,
    Command: `"${shorten(container.Command)}"`,
    RunningFor: ago(container.Created),
    Status: container.Status,
    Ports: portsColumn(container.Ports),
    Names: container.Names.map((name) => name.replace(/^\//, '')).join(','),
    State: container.State,
    Labels: Object.entries(container.Labels)
      .map(([name, value]) => `${name}=${value}`)
      .join(','),
    Networks: Object.keys(container.NetworkSettings?.Networks ?? {}).join(','),
  }));
  const headings = [
    ['CONTAINER ID', 'ID'],
    ['IMAGE', 'Image'],
    ['COMMAND', 'Command'],
    ['CREATED', 'RunningFor'],
    ['STATUS', 'Status'],
    ['PORTS', 'Ports'],
    ['NAMES', 'Names'],
  ] as const;
  show(rows, headings, options);
  return 0;
}

/** `berth network ls` */
export async function networkLs(argv: readonly string[]): Promise<number> {
  const parser = listing('network ls', 'List networks');
  const operands = parse(parser, argv);
  if (operands === undefined) return 0;
  needOperands(parser, operands, 0, 0);
  const options = parser.opts<ListOptions>();
  const query = { filters: options.filter === undefined ? undefined : filtersOf(options.filter) };
  const networks = await connect().call<NetworkSummary[]>('GET', '/networks', { query });
  const sorted = [...networks].sort((a, b) => (a.Name < b.Name ? -1 : 1));
  const rows = sorted.map(({ Id, Name, Driver, Scope }) => ({
    ID: options.trunc ? shortIdOf(Id) : Id,
    Name,
    Driver,
    Scope,
  }));
  show(
    rows,
    [
      ['NETWORK ID', 'ID'],
      ['NAME', 'Name'],
      ['DRIVER', 'Driver'],
      ['SCOPE', 'Scope'],
    ],
    options,
  );
  return 0;
}

/** `berth image ls` */
export async function imageLs(argv: readonly string[]): Promise<number> {
  const parser = listing('image ls', 'List images').option('-a, --all', 'all images');
  const operands = parse(parser, argv);
  if (operands === undefined) return 0;
  needOperands(parser, operands, 0, 1);
  const options = parser.opts<ListOptions>();
  const [reference] = operands;
  const filters = [...(options.filter ?? []), ...(reference === undefined ? [] : [`reference=${reference}`])];
  const query = { all: options.all, filters: filters.length === 0 ? undefined : filtersOf(filters) };
  const images = await connect().call<ImageSummary[]>('GET', '/images/json', { query });
  const rows = images.flatMap(({ Id, RepoTags, Created, Size }) =>
    (RepoTags === null || RepoTags.length === 0 ? ['<none>:<none>'] : RepoTags).map((tag) => ({
      ID: options.trunc ? shortIdOf(Id) : Id,
      Repository: tag.slice(0, tag.lastIndexOf(':')),
      Tag: tag.slice(tag.lastIndexOf(':') + 1),
      CreatedSince: ago(Created),
      Size: humanSize(Size),
    })),
  );
  show(
    rows,
    [
      ['REPOSITORY', 'Repository'],
      ['TAG', 'Tag'],
      ['IMAGE ID', 'ID'],
      ['CREATED', 'CreatedSince'],
      ['SIZE', 'Size'],
    ],
    options,
  );
  return 0;
}

/** `berth volume ls` */
export async function volumeLs(argv: readonly string[]): Promise<number> {
  const parser = listing('volume ls', 'List volumes');
  const operands = parse(parser, argv);
  if (operands === undefined) return 0;
  needOperands(parser, operands, 0, 0);
  const options = parser.opts<ListOptions>();
  const query = { filters: options.filter === undefined ? undefined : filtersOf(options.filter) };
  const { Volumes } = await connect().call<{ Volumes: VolumeSummary[] | null }>('GET', '/volumes', { query });
  const rows = [...(Volumes ?? [])]
    .sort((a, b) => (a.Name < b.Name ? -1 : 1))
    .map(({ Name, Driver, Mountpoint, Scope }) => ({ ID: Name, Name, Driver, Mountpoint, Scope }));
  const headings = [
    ['DRIVER', 'Driver'],
    ['VOLUME NAME', 'Name'],
  ] as const;
  show(rows, headings, options);
  return 0;
}
