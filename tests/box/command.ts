import { spawn, type ChildProcess } from 'node:child_process';

/** What a finished command printed, and how it ended. */
export interface CommandResult {
  readonly command: readonly string[];
  readonly stdout: string;
  readonly stderr: string;
  /** Exit status; 128 + the signal's number is not used: a command ended by a signal has status -1. */
  readonly status: number;
}

export interface CommandOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** What the command reads; nothing by default. `open`: nothing, but no end either, as at an idle terminal. */
  readonly input?: string | Buffer | { readonly open: true };
  /** Milliseconds after which the command is killed and the call throws. */
  readonly timeout?: number;
}

const DEFAULT_TIMEOUT_MS = 30_000;

/** Starts a command with its streams piped. */
export function start(command: readonly string[], options: CommandOptions = {}): ChildProcess {
  const [program, ...args] = command;
  if (program === undefined) throw new Error('an empty command');
  return spawn(program, args, { env: { ...process.env, ...options.env }, stdio: ['pipe', 'pipe', 'pipe'] });
}

/** Runs a command to its end, whatever its exit status. */
export function run(command: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
  const child = start(command, options);
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  child.stdout?.on('data', (chunk: Buffer) => stdout.push(chunk));
  child.stderr?.on('data', (chunk: Buffer) => stderr.push(chunk));
  child.stdin?.on('error', () => undefined);
  const { input = '' } = options;
  if (typeof input === 'string' || Buffer.isBuffer(input)) child.stdin?.end(input);
  return new Promise((resolve, reject) => {
    const text = (chunks: Buffer[]): string => Buffer.concat(chunks).toString();
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      reject(new Error(`timed out: ${command.join(' ')}\n${text(stdout)}${text(stderr)}`));
    }, options.timeout ?? DEFAULT_TIMEOUT_MS);
    child.on('error', (error) => {
      clearTimeout(timer);
      reject(error);
    });
    child.on('close', (code) => {
      clearTimeout(timer);
      child.stdin?.destroy();
      resolve({ command, stdout: text(stdout), stderr: text(stderr), status: code ?? -1 });
    });
  });
}

/** Runs a command that must succeed, and returns what it printed on its standard output. */
export async function output(command: readonly string[], options: CommandOptions = {}): Promise<string> {
  const result = await run(command, options);
  if (result.status !== 0) {
    throw new Error(`exit status ${result.status}: ${command.join(' ')}\n${result.stdout}${result.stderr}`);
  }
  return result.stdout;
}

/** Asks `condition` every 20 ms until it answers with something, at most `timeout` milliseconds long. */
export async function eventually<T>(
  what: string,
  condition: () => T | undefined | false | Promise<T | undefined | false>,
  timeout = 10_000,
): Promise<T> {
  const deadline = Date.now() + timeout;
  for (;;) {
    const answer = await condition();
    if (answer !== undefined && answer !== false) return answer;
    if (Date.now() > deadline) throw new Error(`did not happen within ${timeout} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
