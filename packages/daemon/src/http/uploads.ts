import { PassThrough, type Readable } from 'node:stream';
import { BerthError } from '@berth/core';
import type { FastifyRequest } from 'fastify';

/**
 * Reads a body that is a stream. What `read` leaves of it is read and dropped, so that the client gets round to reading
 * the answer.
 *
 * @throws BerthError `invalid` where there is no body
 */
export async function withUpload<T>(
  request: FastifyRequest,
  read: (archive: Readable) => Promise<T>,
): Promise<T> {
  const body = request.body as Readable | undefined;
  if (body === undefined) throw new BerthError('invalid', 'the request has no body: it must be the tar');
  const archive = separate(body);
  try {
    return await read(archive);
  } finally {
    body.unpipe(archive);
    body.resume();
  }
}

/** A body that nobody wants is read and dropped, so that the connection can go on. */
export function dropBody(request: FastifyRequest): void {
  (request.body as Readable | undefined)?.resume();
}

/** The bytes of a request's body, as a stream that may be destroyed without ending the connection. */
function separate(body: Readable): PassThrough {
  const archive = new PassThrough();
  body.on('error', (error) => archive.destroy(error));
  body.on('close', () => {
    if (!body.readableEnded)
      archive.destroy(new BerthError('invalid', 'the connection ended within the archive'));
  });
  body.pipe(archive);
  return archive;
}
