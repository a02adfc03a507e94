import type { IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import { BerthError } from '@berth/core';
import type { App } from './server.js';

/** Bytes of a JSON body; a container's whole configuration takes about 2 KiB. */
export const BODY_LIMIT = 1024 * 1024;
/** Milliseconds within which a JSON body must have come. */
const BODY_TIMEOUT = 30_000;

/** JSON bodies, whatever the content type says: clients differ, and Docker has been lenient. */
export function acceptJson(app: App): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', async (_request: unknown, payload: IncomingMessage) =>
    parseJson(await collect(payload)),
  );
}

/** Bodies that are streams, for the route to read. */
export function acceptStreams(app: App): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', (_request, payload, done) => {
    done(null, payload);
  });
}

/** @throws BerthError `invalid` */
export function parseJson(bytes: Buffer): unknown {
  if (bytes.length === 0) return undefined;
  try {
    return JSON.parse(bytes.toString()) as unknown;
  } catch (cause) {
    throw new BerthError('invalid', `invalid JSON: ${(cause as Error).message}`, { cause });
  }
}

/** RFC 9110, section 15.5.14. */
const CONTENT_TOO_LARGE = 413;

/** The refusal of a body that is longer than {@link BODY_LIMIT}. */
export function tooLarge(): Error {
  const message = `the request body is larger than ${BODY_LIMIT} bytes`;
  return Object.assign(new Error(message), { statusCode: CONTENT_TOO_LARGE });
}

async function collect(payload: Readable): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let length = 0;
    // An answer to a body that never ends would come after its client has given up: the connection ends instead.
    const timer = setTimeout(() => {
      const seconds = BODY_TIMEOUT / 1000;
      reject(new BerthError('invalid', `the request body did not come within ${seconds} seconds`));
      payload.destroy();
    }, BODY_TIMEOUT);
    payload.on('data', (chunk: Buffer) => {
      length += chunk.length;
      // What comes after the limit is read and dropped, so that the client gets round to reading the refusal.
      if (length <= BODY_LIMIT) chunks.push(chunk);
      else reject(tooLarge());
    });
    payload.on('error', reject);
    payload.on('close', () => {
      clearTimeout(timer);
      reject(new BerthError('invalid', 'the connection ended within the request body'));
    });
    payload.on('end', () => {
      clearTimeout(timer);
      resolve(Buffer.concat(chunks));
    });
  });
}
