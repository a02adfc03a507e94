import type { ApiClient } from '../client/api-client.js';
import { connect } from '../client/api-client.js';
import { ApiError } from '../client/api-error.js';
import { print, printError } from '../terminal/output.js';
import { runSession } from '../terminal/session.js';
import { Failure, REFUSED, command, needOperands, parse } from './command.js';
import { addContainerOptions, createBody, type ContainerOptions } from './container-options.js';

interface Created {
  readonly Id: string;
  readonly Warnings: readonly string[] | null;
}

/** `berth create` */
export async function create(argv: readonly string[]): Promise<number> {
  const parser = addContainerOptions(
    command('create', '[OPTIONS] IMAGE [COMMAND] [ARG...]', 'Create a new container'),
  );
  const operands = parse(parser, argv, true);
  if (operands === undefined) return 0;
  needOperands(parser, operands, 1);
  const { Id } = await createContainer(connect(), operands, parser.opts(), true);
  print(`${Id}\n`);
  return 0;
}

/** `berth run` */
export async function run(argv: readonly string[]): Promise<number> {
  const parser = addContainerOptions(
    command('run', '[OPTIONS] IMAGE [COMMAND] [ARG...]', 'Create and run a new container from an image'),
  ).option('-d, --detach', 'leave it running and print its id');
  const operands = parse(parser, argv, true);
  if (operands === undefined) return 0;
  needOperands(parser, operands, 1);
  const options = parser.opts<ContainerOptions & { detach?: boolean }>();
  const attached = options.detach !== true;
  if (attached && options.tty === true && options.interactive === true && !process.stdin.isTTY) {
    throw new Failure('the input device is not a TTY', 1);
  }
  const api = connect();
  const { Id } = await createContainer(api, operands, options, attached);
  if (attached) return runAttached(api, Id, options);
  await startOrDiscard(api, Id, options);
  print(`${Id}\n`);
  return 0;
}

async function createContainer(
  api: ApiClient,
  [image = '', ...words]: readonly string[],
  options: ContainerOptions,
  attach: boolean,
): Promise<Created> {
  const body = createBody(image, words, options, attach);
  try {
    const created = await api.call<Created>('POST', '/containers/create', {
      query: { name: options.name },
      body,
    });
    for (const warning of created.Warnings ?? []) printError(`WARNING: ${warning}\n`);
    return created;
  } catch (error) {
    if (error instanceof ApiError && /^No such image/.test(error.message)) {
      printError(`Unable to find image '${withTag(image)}' locally\n`);
      throw new Failure(
        `${error.message}; there is no registry yet: berth image import FILE ${image}`,
        REFUSED,
      );
    }
    throw error;
  }
}

/** A reference as docker shows it: one without tag or digest means `latest`. */
function withTag(image: string): string {
  return /[:@]/.test(image.slice(image.lastIndexOf('/') + 1)) ? image : `${image}:latest`;
}

async function runAttached(api: ApiClient, id: string, options: ContainerOptions): Promise<number> {
  const stdin = options.interactive ?? false;
  const tty = options.tty ?? false;
  const query = { stream: true, stdout: true, stderr: true, stdin };
  const hijacked = await api.hijack(`/containers/${id}/attach`, { query });
  const ended = new AbortController();
  // Asked for before the start, so that the end is not missed.
  const condition = options.rm === true ? 'removed' : 'next-exit';
  const waiting = await api.stream('POST', `/containers/${id}/wait`, {
    query: { condition },
    signal: ended.signal,
  });
  try {
    await startOrDiscard(api, id, options);
  } catch (error) {
    ended.abort();
    hijacked.socket.destroy();
    throw error;
  }
  const resize = (h: number, w: number) => api.call('POST', `/containers/${id}/resize`, { query: { h, w } });
  const stopForwarding = tty ? () => undefined : forwardSignals(api, id);
  const detached = await runSession(hijacked, { stdin, tty, resize });
  stopForwarding();
  if (detached) {
    ended.abort();
    return 0;
  }
  let text = '';
  for await (const chunk of waiting) text += String(chunk);
  const { StatusCode, Error: failure } = JSON.parse(text) as {
    StatusCode: number;
    Error?: { Message: string } | null;
  };
  if (failure) throw new Failure(failure.Message, REFUSED);
  return StatusCode;
}

/** Starts a container; one that cannot be started and was to be removed at its end is removed. */
async function startOrDiscard(api: ApiClient, id: string, options: ContainerOptions): Promise<void> {
  try {
    await api.call('POST', `/containers/${id}/start`);
  } catch (error) {
    if (options.rm === true)
      await api.call('DELETE', `/containers/${id}`, { query: { force: true } }).catch(() => undefined);
    throw error instanceof ApiError ? startFailure(error) : error;
  }
}

/**
 * A start that failed, with docker's status for it (docker/cli, container/run.go, toStatusError): 127 where there is
 * no such command, 126 where it can't be run, else 125. Docker reads the status out of the whole message; here only
 * what runc says of the command itself counts, so that a folder that is missing is not taken for a command.
 */
export function startFailure(error: ApiError): Failure {
  const message = `Error response from daemon: ${error.message}`;
  const [, said] = /\bexec:? (?:"(?:[^"\\]|\\.)*"|\/\S*): (.*)$/s.exec(error.message) ?? [];
  if (said === undefined) return new Failure(message, REFUSED);
  if (/executable file not found|no such file or directory|system cannot find the file/.test(said))
    return new Failure(message, 127);
  if (/permission denied|is a directory/.test(said)) return new Failure(message, 126);
  return new Failure(message, REFUSED);
}

/** Without a terminal in between, the signals that this command gets are the container's. */
function forwardSignals(api: ApiClient, id: string): () => void {
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2'] as const;
  const forward = (signal: NodeJS.Signals): void => {
    api.call('POST', `/containers/${id}/kill`, { query: { signal } }).catch(() => undefined);
  };
  for (const signal of signals) process.on(signal, forward);
  return () => {
    for (const signal of signals) process.off(signal, forward);
  };
}
