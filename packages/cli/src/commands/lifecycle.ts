import type { Command } from 'commander';
import { connect } from '../client/api-client.js';
import { ApiError } from '../client/api-error.js';
import type { ContainerInspect } from '../client/api-types.js';
import { print } from '../terminal/output.js';
import { runSession } from '../terminal/session.js';
import { Failure, checked, command, forEach, notInteger, needOperands, parse } from './command.js';
import { startFailure } from './run.js';

const path = (container: string, verb: string): string =>
  `/containers/${encodeURIComponent(container)}/${verb}`;

/** `berth start` */
export async function start(argv: readonly string[]): Promise<number> {
  const parser = command('start', '[OPTIONS] CONTAINER [CONTAINER...]', 'Start stopped containers')
    .option('-a, --attach', 'follow its output')
    .option('-i, --interactive', 'and hand over this input');
  const operands = parse(parser, argv);
  if (operands === undefined) return 0;
  const { attach, interactive } = parser.opts<{ attach?: boolean; interactive?: boolean }>();
  const attached = attach === true || interactive === true;
  needOperands(parser, operands, 1, attached ? 1 : Infinity);
  const api = connect();
  const [container = ''] = operands;
  if (!attached) {
    return forEach(operands, async (name) => {
      await api.call('POST', path(name, 'start'));
      print(`${name}\n`);
    });
  }
  const { Config } = await api.call<ContainerInspect>('GET', path(container, 'json'), {
    query: { ranges: 1 },
  });
  const query = { stream: true, stdout: true, stderr: true, stdin: interactive ?? false };
  const hijacked = await api.hijack(path(container, 'attach'), { query });
  const waiting = api.call<{ StatusCode: number }>('POST', path(container, 'wait'), {
    query: { condition: 'next-exit' },
  });
  waiting.catch(() => undefined);
  try {
    await api.call('POST', path(container, 'start'));
  } catch (error) {
    hijacked.socket.destroy();
    throw error instanceof ApiError ? startFailure(error) : error;
  }
  const resize = (h: number, w: number) => api.call('POST', path(container, 'resize'), { query: { h, w } });
  const detached = await runSession(hijacked, { stdin: interactive ?? false, tty: Config.Tty, resize });
  return detached ? 0 : (await waiting).StatusCode;
}

/** `berth attach` */
export async function attach(argv: readonly string[]): Promise<number> {
  const parser = command('attach', 'CONTAINER', 'Attach this terminal to a running container').option(
    '--no-stdin',
    'do not hand over this input',
  );
  const operands = parse(parser, argv);
  if (operands === undefined) return 0;
  needOperands(parser, operands, 1, 1);
  const [container = ''] = operands;
  const api = connect();
  const { Config, State } = await api.call<ContainerInspect>('GET', path(container, 'json'), {
    query: { ranges: 1 },
  });
  if (!State.Running) throw new ApiError(409, 'You cannot attach to a stopped container, start it first');
  const stdin = Config.OpenStdin && parser.opts<{ stdin: boolean }>().stdin;
  const waiting = api.call<{ StatusCode: number }>('POST', path(container, 'wait'));
  waiting.catch(() => undefined);
  const hijacked = await api.hijack(path(container, 'attach'), {
    query: { stream: true, stdout: true, stderr: true, stdin },
  });
  const resize = (h: number, w: number) => api.call('POST', path(container, 'resize'), { query: { h, w } });
  const detached = await runSession(hijacked, { stdin, tty: Config.Tty, resize });
  return detached ? 0 : (await waiting).StatusCode;
}

/** `berth stop` */
export async function stop(argv: readonly string[]): Promise<number> {
  const parser = command('stop', '[OPTIONS] CONTAINER [CONTAINER...]', 'Stop running containers');
  return end(parser, argv, 'stop');
}

/** `berth restart` */
export async function restart(argv: readonly string[]): Promise<number> {
  const parser = command(
    'restart',
    '[OPTIONS] CONTAINER [CONTAINER...]',
    'Stop containers and start them again',
  );
  return end(parser, argv, 'restart');
}

/** Ends containers, to start them again or not. */
async function end(parser: Command, argv: readonly string[], verb: 'stop' | 'restart'): Promise<number> {
  addEndOptions(parser);
  const operands = parse(parser, argv);
  if (operands === undefined) return 0;
  needOperands(parser, operands, 1);
  return each(operands, verb, endQuery(parser.opts()));
}

interface EndOptions {
  readonly timeout?: string;
  readonly time?: string;
  readonly signal?: string;
}

/** Declares the flags of `stop` and `restart`. */
export function addEndOptions(parser: Command): Command {
  return parser
    .option('-t, --timeout <seconds>', 'seconds until it is killed', checked(notInteger))
    .option('--time <seconds>', 'the same', checked(notInteger))
    .option('-s, --signal <signal>', 'signal to send');
}

/** The query of ContainerStop and ContainerRestart. @throws Failure for two times */
export function endQuery({ timeout, time, signal }: EndOptions): Record<string, string | undefined> {
  if (timeout !== undefined && time !== undefined)
    throw new Failure('conflicting options: cannot specify both --timeout and --time');
  return { t: timeout ?? time, signal };
}

/** `berth pause` */
export async function pause(argv: readonly string[]): Promise<number> {
  return hold(
    command('pause', 'CONTAINER [CONTAINER...]', 'Hold all processes of containers'),
    argv,
    'pause',
  );
}

/** `berth unpause` */
export async function unpause(argv: readonly string[]): Promise<number> {
  return hold(command('unpause', 'CONTAINER [CONTAINER...]', 'Let paused containers go on'), argv, 'unpause');
}

async function hold(parser: Command, argv: readonly string[], verb: 'pause' | 'unpause'): Promise<number> {
  const operands = parse(parser, argv);
  if (operands === undefined) return 0;
  needOperands(parser, operands, 1);
  return each(operands, verb, {});
}

/** `berth kill` */
export async function kill(argv: readonly string[]): Promise<number> {
  const parser = command('kill', '[OPTIONS] CONTAINER [CONTAINER...]', 'Kill running containers').option(
    '-s, --signal <signal>',
    'signal to send',
  );
  const operands = parse(parser, argv);
  if (operands === undefined) return 0;
  needOperands(parser, operands, 1);
  return each(operands, 'kill', { signal: parser.opts<{ signal?: string }>().signal });
}

/** The operands are dealt with side by side: stopping takes its time. */
async function each(
  operands: readonly string[],
  verb: string,
  query: Record<string, string | undefined>,
): Promise<number> {
  const api = connect();
  const calls = operands.map((name) => api.call('POST', path(name, verb), { query }));
  for (const call of calls) call.catch(() => undefined);
  return forEach([...operands.keys()].map(String), async (index) => {
    await calls[Number(index)];
    print(`${operands[Number(index)] ?? ''}\n`);
  });
}

/** `berth rm` */
export async function rm(argv: readonly string[]): Promise<number> {
  const parser = command('rm', '[OPTIONS] CONTAINER [CONTAINER...]', 'Remove containers')
    .option('-f, --force', 'kill it if it runs')
    .option('-v, --volumes', 'and its anonymous volumes');
  const operands = parse(parser, argv);
  if (operands === undefined) return 0;
  needOperands(parser, operands, 1);
  const { force, volumes } = parser.opts<{ force?: boolean; volumes?: boolean }>();
  const api = connect();
  const calls = operands.map((name) =>
    api.call('DELETE', `/containers/${encodeURIComponent(name)}`, { query: { force, v: volumes } }),
  );
  for (const call of calls) call.catch(() => undefined);
  return forEach([...operands.keys()].map(String), async (index) => {
    await calls[Number(index)];
    print(`${operands[Number(index)] ?? ''}\n`);
  });
}

/** `berth wait` */
export async function wait(argv: readonly string[]): Promise<number> {
  const parser = command(
    'wait',
    'CONTAINER [CONTAINER...]',
    'Wait until containers end and print their exit codes',
  );
  const operands = parse(parser, argv);
  if (operands === undefined) return 0;
  needOperands(parser, operands, 1);
  const api = connect();
  return forEach(operands, async (name) => {
    const { StatusCode } = await api.call<{ StatusCode: number }>('POST', path(name, 'wait'));
    print(`${StatusCode}\n`);
  });
}

/** `berth rename` */
export async function rename(argv: readonly string[]): Promise<number> {
  const parser = command('rename', 'CONTAINER NEW_NAME', 'Rename a container');
  const operands = parse(parser, argv);
  if (operands === undefined) return 0;
  needOperands(parser, operands, 2, 2);
  const [container = '', name = ''] = operands;
  await connect().call('POST', path(container, 'rename'), { query: { name } });
  return 0;
}
