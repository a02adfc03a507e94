import type { Writable } from 'node:stream';
import { toError } from '@berth/core';
import type { FastifyReply } from 'fastify';

/**
 * Answers with what `items` yields, as it comes; the header goes out at once. The iteration is stopped when the client
 * goes away. A failure after the header can only end the response: `onError` may write a last piece.
 */
export async function sendStream<T>(
  reply: FastifyReply,
  contentType: string,
  items: AsyncIterable<T>,
  encode: (item: T) => Buffer | string,
  onError: (error: Error) => string = () => '',
): Promise<void> {
  reply.hijack();
  const response = reply.raw;
  const headers = Object.fromEntries(
    Object.entries(reply.getHeaders()).map(([name, value]) => [name, String(value)]),
  );
  response.writeHead(200, { ...headers, 'content-type': contentType });
  response.flushHeaders();
  const iterator = items[Symbol.asyncIterator]();
  // A quiet stream would otherwise be waited on for ever after its reader has left.
  response.on('close', () => void iterator.return?.().catch(() => undefined));
  response.on('error', () => undefined);
  try {
    for (let next = await iterator.next(); next.done !== true; next = await iterator.next()) {
      if (response.destroyed) break;
      if (!response.write(encode(next.value))) {
        await drained(response);
      }
    }
  } catch (error) {
    if (!response.destroyed) response.write(onError(toError(error)));
  }
  response.end();
}

/**
 * Answers with bytes that must not be taken for whole when they are not: if they end early, so does the connection.
 *
 * @param source closed in any case
 */
export async function sendBytes(
  reply: FastifyReply,
  contentType: string,
  source: { readonly content: AsyncIterable<Buffer>; close(): Promise<void> },
): Promise<void> {
  reply.hijack();
  const response = reply.raw;
  const headers = Object.fromEntries(
    Object.entries(reply.getHeaders()).map(([name, value]) => [name, String(value)]),
  );
  response.on('error', () => undefined);
  try {
    response.writeHead(200, { ...headers, 'content-type': contentType });
    for await (const piece of source.content) {
      if (response.destroyed) break;
      if (!response.write(piece)) await drained(response);
    }
    response.end();
  } catch {
    response.destroy();
  } finally {
    await source.close();
  }
}

/** Resolves when more can be written, or never will be. Leaves no listener: a stream may be waited for a million times. */
export async function drained(output: Writable): Promise<void> {
  if (output.destroyed || !output.writableNeedDrain) return;
  await new Promise<void>((resolve) => {
    const goOn = () => {
      output.off('drain', goOn).off('close', goOn);
      resolve();
    };
    output.on('drain', goOn).on('close', goOn);
  });
}
