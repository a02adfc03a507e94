import { connect } from '../client/api-client.js';
import type { ContainerInspect } from '../client/api-types.js';
import { copy, demultiplex } from '../client/frames.js';
import { print } from '../terminal/output.js';
import { Failure, REFUSED, collect, command, needOperands, parse } from './command.js';

/** `berth logs` */
export async function logs(argv: readonly string[]): Promise<number> {
  const parser = command('logs', '[OPTIONS] CONTAINER', 'Print the output of a container')
    .option('-f, --follow', 'go on until it ends')
    .option('-n, --tail <lines>', 'only the last lines', 'all')
    .option('-t, --timestamps', 'each line with its time')
    .option('--since <time>', 'from then on: a time, or how long ago (10m)')
    .option('--until <time>', 'up to then');
  const operands = parse(parser, argv);
  if (operands === undefined) return 0;
  needOperands(parser, operands, 1, 1);
  const { follow, tail, timestamps, since, until } = parser.opts<{
    follow?: boolean;
    tail: string;
    timestamps?: boolean;
    since?: string;
    until?: string;
  }>();
  const api = connect();
  const path = `/containers/${encodeURIComponent(operands[0] ?? '')}`;
  const { Config } = await api.call<ContainerInspect>('GET', `${path}/json`, { query: { ranges: 1 } });
  const query = {
    stdout: true,
    stderr: true,
    follow,
    tail,
    timestamps,
    since: since === undefined ? undefined : instant(since),
    until: until === undefined ? undefined : instant(until),
  };
  const stream = await api.stream('GET', `${path}/logs`, { query });
  if (Config.Tty) await copy(stream, process.stdout);
  else await demultiplex(stream, process.stdout, process.stderr);
  return 0;
}

interface EngineEvent {
  readonly Type: string;
  readonly Action: string;
  readonly Actor: { readonly ID: string; readonly Attributes: Readonly<Record<string, string>> };
  readonly timeNano: number;
}

/** `berth events` */
export async function events(argv: readonly string[]): Promise<number> {
  const parser = command('events', '[OPTIONS]', 'Print what happens, as it happens')
    .option('-f, --filter <filter>', 'NAME=VALUE', collect)
    .option('--since <time>', 'from then on')
    .option('--until <time>', 'up to then')
    .option('--format <template>', 'template, or json');
  const operands = parse(parser, argv);
  if (operands === undefined) return 0;
  needOperands(parser, operands, 0, 0);
  const { filter, since, until, format } = parser.opts<{
    filter?: string[];
    since?: string;
    until?: string;
    format?: string;
  }>();
  const query = {
    filters: filter === undefined ? undefined : filtersOf(filter),
    since: since === undefined ? undefined : instant(since),
    until: until === undefined ? undefined : instant(until),
  };
  const stream = await connect().stream('GET', '/events', { query });
  const { fillTemplate } = await import('../format/template.js');
  let pending = '';
  for await (const chunk of stream) {
    const lines = (pending + String(chunk)).split('\n');
    pending = lines.pop() ?? '';
    for (const line of lines.filter((text) => text !== '')) {
      if (format === undefined) print(`${eventLine(JSON.parse(line) as EngineEvent)}\n`);
      else print(`${format === 'json' ? line : fillTemplate(format, JSON.parse(line))}\n`);
    }
  }
  return 0;
}

function eventLine({ Type, Action, Actor, timeNano }: EngineEvent): string {
  const attributes = Object.entries(Actor.Attributes).map(([name, value]) => `${name}=${value}`);
  const time = new Date(timeNano / 1e6)
    .toISOString()
    .replace('Z', `${String(timeNano % 1e6).padStart(6, '0')}Z`);
  return `${time} ${Type} ${Action} ${Actor.ID} (${attributes.sort().join(', ')})`;
}

/** Filters as the API takes them: JSON of name → values. @throws Failure */
export function filtersOf(words: readonly string[]): string {
  const filters: Record<string, string[]> = {};
  for (const word of words) {
    const [, name = '', value] = /^([^=]+)=(.*)$/s.exec(word) ?? [];
    if (value === undefined) throw new Failure(`invalid filter "${word}": it should be NAME=VALUE`, REFUSED);
    (filters[name] ??= []).push(value);
  }
  return JSON.stringify(filters);
}

/** Seconds since 1970, from a time, a number of seconds, or how long ago (`1h30m`). @throws Failure */
function instant(text: string): string {
  if (/^\d+(\.\d+)?$/.test(text)) return text;
  const units: Readonly<Record<string, number>> = { h: 3600, m: 60, s: 1, ms: 0.001 };
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ms|h|m|s)/g)];
  if (parts.length > 0 && parts.map(([part]) => part).join('') === text) {
    const ago = parts.reduce((sum, [, number, unit = 's']) => sum + Number(number) * (units[unit] ?? 1), 0);
    return String(Date.now() / 1000 - ago);
  }
  const time = Date.parse(text);
  if (Number.isNaN(time))
    throw new Failure(`invalid time "${text}": give a date, seconds since 1970, or how long ago (10m)`);
  return String(time / 1000);
}
