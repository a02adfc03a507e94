import { errnoText, isErrno, KernelError } from '@berth/kernel';

/** A command that could not be done: what to write to the standard error, and the exit status. */
export class IpFailure extends Error {
  constructor(
    message: string,
    readonly status: number,
  ) {
    super(message);
  }
}

/** A malformed command line: `ip` ends with 255 (-1). */
export function usage(message: string): IpFailure {
  return new IpFailure(message, 255);
}

/** A value that does not fit its keyword. */
export function wrongArgument(value: string, why: string): IpFailure {
  return usage(`Error: argument "${value}" is wrong: ${why}`);
}

/** The same where `why` is written on a line of its own in `ip`'s output. */
export function wrongValue(value: string, why: string): IpFailure {
  return usage(`Error: argument "${value}" is wrong: ${why}\n`);
}

/** Something of `ip` that is not here, by name. */
export function notCovered(what: string): IpFailure {
  return usage(
    `berth ip does not have ${what}. It covers link, address, route, neigh and netns; see "berth ip help".`,
  );
}

/** Runs a kernel call; its failure becomes what `ip` writes, with status 2. */
export function kernelCall<T>(call: () => T): T {
  try {
    return call();
  } catch (error) {
    throw kernelFailure(error);
  }
}

/** A failure of rtnetlink as `ip` writes it; anything else unchanged. */
export function kernelFailure(error: unknown): unknown {
  if (!(error instanceof KernelError)) return error;
  if (error.extack !== undefined) {
    const text = error.extack.endsWith('.') ? error.extack : `${error.extack}.`;
    return new IpFailure(`Error: ${text}`, 2);
  }
  const hint = isErrno(error, 'EPERM') ? ' (this needs root rights)' : '';
  return new IpFailure(`RTNETLINK answers: ${errnoText(error.errno)}${hint}`, 2);
}
