/** The daemon's refusal: an HTTP status and its message. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** Nobody answers at the daemon's socket. */
export class DaemonUnreachable extends Error {
  override readonly name = 'DaemonUnreachable';

  constructor(host: string, cause: unknown) {
    super(`Cannot connect to the Berth daemon at ${host}: is it running? Start it with: berth daemon`, {
      cause,
    });
  }
}
