/**
 * What went wrong, in terms that a caller can act on. The HTTP layer maps each code to a status in one
 * table; nothing below it knows a status.
 */
export type ErrorCode =
  /** The request itself is wrong: malformed, out of range, contradictory. */
  | 'invalid'
  /** The named thing does not exist. */
  | 'not-found'
  /** The thing exists already, or its state does not allow the operation. */
  | 'conflict'
  /** The operation is never allowed on this thing (a predefined network, …). */
  | 'forbidden'
  /** Nothing to do: the thing is in the wanted state already. */
  | 'not-modified'
  /** Berth, or this host's kernel, does not have what was asked for. */
  | 'unsupported'
  /** No address, port or other finite thing is left. */
  | 'exhausted'
  /** Something needed (daemon, kernel feature, program) is not there or does not answer. */
  | 'unavailable'
  /** Everything else: a failure that the caller could not have avoided. */
  | 'internal';

export interface BerthErrorDetails {
  /** What was being done, in plain words: `create veth pair`. */
  readonly op?: string;
  /** To what: an interface, a network, a container. */
  readonly subject?: string;
  readonly cause?: unknown;
}

/** The one error family of Berth. `message` is a whole sentence for the user. */
export class BerthError extends Error {
  override readonly name: string = 'BerthError';
  readonly code: ErrorCode;
  readonly op: string | undefined;
  readonly subject: string | undefined;

  constructor(code: ErrorCode, message: string, details: BerthErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.op = details.op;
    this.subject = details.subject;
  }
}

/** Several failures of one teardown, which runs to its end whatever fails on the way. */
export class TeardownError extends BerthError {
  override readonly name = 'TeardownError';
  readonly errors: readonly Error[];

  constructor(op: string, errors: readonly Error[]) {
    const flat = errors.flatMap((error) => (error instanceof TeardownError ? error.errors : [error]));
    super('internal', `${op}: ${flat.map((error) => error.message).join('; ')}`, { op });
    this.errors = flat;
  }
}

/** Whether `error` is of Berth's family and, if `code` is given, of that code. */
export function isBerthError(error: unknown, code?: ErrorCode): error is BerthError {
  return error instanceof BerthError && (code === undefined || error.code === code);
}

/** Any thrown value as an `Error`. */
export function toError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}
