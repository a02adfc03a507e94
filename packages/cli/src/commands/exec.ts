import { connect } from '../client/api-client.js';
import { ApiError } from '../client/api-error.js';
import { print } from '../terminal/output.js';
import { runSession } from '../terminal/session.js';
import { Failure, collect, command, needOperands, parse } from './command.js';
import { startFailure } from './run.js';
import { environment } from './words.js';

interface ExecOptions {
  readonly interactive?: boolean;
  readonly tty?: boolean;
  readonly detach?: boolean;
  readonly env?: string[];
  readonly envFile?: string[];
  readonly detachKeys?: string;
  readonly user?: string;
  readonly workdir?: string;
  readonly privileged?: boolean;
}

/** `berth exec` */
export async function exec(argv: readonly string[]): Promise<number> {
  const parser = command(
    'exec',
    '[OPTIONS] CONTAINER COMMAND [ARG...]',
    'Run a command in a running container',
  )
    .option('-i, --interactive', 'hand over this input')
    .option('-t, --tty', 'give it a terminal')
    .option('-d, --detach', 'leave it running')
    .option('-e, --env <variable>', 'NAME=VALUE, or NAME of a variable of this shell', collect)
    .option('--env-file <file>', 'file of NAME=VALUE lines', collect)
    .option('--detach-keys <keys>', 'keys that leave it running (ctrl-p,ctrl-q)')
    .option('-u, --user <user>', 'user (and :group)')
    .option('-w, --workdir <folder>', 'working directory')
    .option('--privileged', 'all capabilities');
  const operands = parse(parser, argv, true);
  if (operands === undefined) return 0;
  needOperands(parser, operands, 2);
  const options = parser.opts<ExecOptions>();
  const { interactive = false, tty = false, detach = false } = options;
  if (tty && interactive && !detach && !process.stdin.isTTY)
    throw new Failure('the input device is not a TTY', 1);
  const [container = '', ...words] = operands;
  const api = connect();
  const body = {
    Cmd: words,
    Tty: tty,
    AttachStdin: interactive && !detach,
    AttachStdout: !detach,
    AttachStderr: !detach,
    Env: environment(options.env ?? [], options.envFile ?? []),
    User: options.user ?? '',
    WorkingDir: options.workdir ?? '',
    Privileged: options.privileged ?? false,
  };
  const created = await api.call<{ Id: string }>(
    'POST',
    `/containers/${encodeURIComponent(container)}/exec`,
    { body },
  );
  const path = `/exec/${created.Id}`;
  try {
    if (detach) {
      await api.call('POST', `${path}/start`, { body: { Detach: true, Tty: tty } });
      return 0;
    }
    const hijacked = await api.hijack(`${path}/start`, { body: { Detach: false, Tty: tty } });
    const resize = (h: number, w: number) => api.call('POST', `${path}/resize`, { query: { h, w } });
    if (await runSession(hijacked, { stdin: interactive, tty, resize, detachKeys: options.detachKeys }))
      return 0;
  } catch (error) {
    throw error instanceof ApiError ? startFailure(error) : error;
  }
  const { ExitCode } = await api.call<{ ExitCode: number | null }>('GET', `${path}/json`);
  return ExitCode ?? 0;
}

/** `berth port` */
export async function port(argv: readonly string[]): Promise<number> {
  const parser = command(
    'port',
    'CONTAINER [PRIVATE_PORT[/PROTO]]',
    'List the published ports of a container',
  );
  const operands = parse(parser, argv);
  if (operands === undefined) return 0;
  needOperands(parser, operands, 1, 2);
  const [container = '', wanted] = operands;
  const { portLines, publishedAt } = await import('../format/ports.js');
  const shown = await connect().call<{ NetworkSettings: { Ports: Parameters<typeof portLines>[0] } }>(
    'GET',
    `/containers/${encodeURIComponent(container)}/json`,
    { query: { ranges: 1 } },
  );
  const { Ports } = shown.NetworkSettings;
  if (wanted === undefined) {
    print(
      portLines(Ports)
        .map((line) => `${line}\n`)
        .join(''),
    );
    return 0;
  }
  const key = wanted.includes('/') ? wanted : `${wanted}/tcp`;
  const found = publishedAt(Ports, key);
  if (found.length === 0) throw new Failure(`Error: No public port '${key}' published for ${container}`);
  print(found.map((line) => `${line}\n`).join(''));
  return 0;
}
