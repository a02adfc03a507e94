import { STATUS_CODES } from 'node:http';
import { BerthError, isBerthError, toError, type ErrorCode, type Logger } from '@berth/core';
import type { FastifyReply, FastifyRequest } from 'fastify';

/** The one place where a kind of failure becomes an HTTP status, as the Engine API has them. */
const STATUS: Readonly<Record<ErrorCode, number>> = {
  invalid: 400,
  'not-found': 404,
  conflict: 409,
  forbidden: 403,
  'not-modified': 304,
  unsupported: 501,
  exhausted: 500,
  unavailable: 503,
  internal: 500,
};

/** The status and the message that a client sees for `error`. */
export function httpError(error: unknown): { readonly status: number; readonly message: string } {
  if (isBerthError(error)) return { status: STATUS[error.code], message: error.message };
  const thrown = toError(error);
  // Fastify's own refusals (schema, router) carry the status that they mean.
  const status = (thrown as { statusCode?: unknown }).statusCode;
  return { status: typeof status === 'number' && status >= 400 ? status : 500, message: thrown.message };
}

/** Answers every failed request: `{"message": …}`, and a log line for what is our own fault. */
export function errorHandler(logger: Logger) {
  return (error: unknown, request: FastifyRequest, reply: FastifyReply): void => {
    const { status, message } = httpError(error);
    const fields = { method: request.method, path: request.url, status, error: message };
    if (status >= 500 && status !== 501) {
      logger.error('request failed', { ...fields, stack: toError(error).stack });
    } else {
      logger.debug('request refused', fields);
    }
    if (status === 304) void reply.code(304).send();
    else void reply.code(status).send({ message });
  };
}

/** Docker's answer to a path, or a method of a path, that it does not have. */
export function notFoundHandler(_request: FastifyRequest, reply: FastifyReply): void {
  void reply.code(404).send({ message: 'page not found' });
}

/** What is written to a connection whose bytes are no HTTP request, as a whole response. */
export function malformedRequest(error: { readonly code?: string }): string {
  const status =
    error.code === 'HPE_HEADER_OVERFLOW' ? 431 : error.code === 'ERR_HTTP_REQUEST_TIMEOUT' ? 408 : 400;
  const reason = STATUS_CODES[status] ?? 'Bad Request';
  const body = JSON.stringify({ message: reason });
  const head = ['Content-Type: application/json', `Content-Length: ${body.length}`, 'Connection: close'];
  return `HTTP/1.1 ${status} ${reason}\r\n${head.join('\r\n')}\r\n\r\n${body}`;
}

/** The refusal of a request or a field that Berth knows of but does not have. */
export function notSupported(what: string, instead?: string): BerthError {
  const message = `${what} is not supported by Berth yet${instead === undefined ? '' : `: ${instead}`}`;
  return new BerthError('unsupported', message, { subject: what });
}
