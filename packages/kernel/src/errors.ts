import { BerthError, type ErrorCode } from '@berth/core';
import { errnoText, type Errno } from './libc/errno.js';

const CODES: Partial<Record<Errno, ErrorCode>> = {
  ENOENT: 'not-found',
  ENODEV: 'not-found',
  ESRCH: 'not-found',
  EEXIST: 'conflict',
  EBUSY: 'conflict',
  EADDRINUSE: 'conflict',
  EPERM: 'forbidden',
  EACCES: 'forbidden',
  EINVAL: 'invalid',
  ERANGE: 'invalid',
  EOPNOTSUPP: 'unsupported',
  ENOTSUPP: 'unsupported',
  EAFNOSUPPORT: 'unsupported',
  ENOSYS: 'unsupported',
};

export interface KernelErrorDetails {
  /** What was being done, in plain words: `add link`. */
  readonly op: string;
  /** To what: an interface, an address, a path. */
  readonly subject?: string | undefined;
  /** The kernel's own explanation, from an extended acknowledgement. */
  readonly extack?: string | undefined;
  readonly cause?: unknown;
}

/** A refusal by the kernel. `message` reads `add link veth0: File exists` and carries the kernel's own words where it sent any. */
export class KernelError extends BerthError {
  override readonly name = 'KernelError';
  readonly errno: Errno;
  /** The kernel's own explanation (NLMSGERR_ATTR_MSG), without a full stop. */
  readonly extack: string | undefined;

  constructor(errno: Errno, { op, subject, extack, cause }: KernelErrorDetails) {
    const what = subject === undefined ? op : `${op} ${subject}`;
    const why = extack === undefined ? errnoText(errno) : `${errnoText(errno)} (${extack})`;
    super(CODES[errno] ?? 'internal', `${what}: ${why}`, {
      op,
      ...(subject === undefined ? {} : { subject }),
      ...(cause === undefined ? {} : { cause }),
    });
    this.errno = errno;
    this.extack = extack;
  }
}

/** Whether `error` is the kernel's refusal and, if any are given, for one of these reasons. */
export function isErrno(error: unknown, ...errnos: readonly Errno[]): error is KernelError {
  return error instanceof KernelError && (errnos.length === 0 || errnos.includes(error.errno));
}
