import { spawn, type ChildProcess } from 'node:child_process';
import { constants } from 'node:os';
import { errnoName, inNamespace, type Errno, type NetworkNamespace } from '@berth/kernel';

/** How a program ended, or why it could not be started. */
export type Outcome = { readonly status: number } | { readonly errno: Errno };

/** Signals for the program, where they reach this process alone; ^C and ^\ reach both through the terminal. */
const forwarded = ['SIGTERM', 'SIGHUP', 'SIGUSR1', 'SIGUSR2'] as const;
const ofTerminal = ['SIGINT', 'SIGQUIT'] as const;

/**
 * Runs a program of this host in a network namespace, on this process's terminal, and waits for its end.
 * A program killed by a signal counts as 128 + the signal's number, as in a shell.
 */
export async function runProgram(
  namespace: NetworkNamespace,
  command: string,
  args: readonly string[],
): Promise<Outcome> {
  // fork(2) happens inside the call, on this thread: the child is born in the namespace.
  const child = inNamespace(namespace, (): ChildProcess => spawn(command, args, { stdio: 'inherit' }));
  const pass = (signal: NodeJS.Signals) => void child.kill(signal);
  const ignore = () => undefined;
  for (const signal of forwarded) process.on(signal, pass);
  for (const signal of ofTerminal) process.on(signal, ignore);
  try {
    return await new Promise<Outcome>((resolve) => {
      child.once('error', (error: NodeJS.ErrnoException) =>
        resolve({ errno: errnoName(Math.abs(error.errno ?? 0)) }),
      );
      child.once('exit', (code, signal) => {
        resolve({ status: code ?? 128 + (signal === null ? 0 : constants.signals[signal]) });
      });
    });
  } finally {
    for (const signal of forwarded) process.off(signal, pass);
    for (const signal of ofTerminal) process.off(signal, ignore);
  }
}
