import type { Progress, Report } from '@berth/engine';
import { toError, type Logger } from '@berth/core';
import type { FastifyReply } from 'fastify';
import { httpError } from '../http/errors.js';

/**
 * Answers with news of work as JSON lines, as it goes on. The header goes out with the first news: what fails earlier is
 * an ordinary refusal, what fails later is a last line, as Docker has it. When the client goes away, the work is told.
 *
 * @throws what `work` throws before its first news
 */
export async function sendProgress(
  reply: FastifyReply,
  logger: Logger,
  work: (report: Report, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const response = reply.raw;
  const gone = new AbortController();
  response.on('close', () => {
    if (!response.writableFinished) gone.abort(new Error('the client has gone away'));
  });
  response.on('error', () => undefined);
  const answer = { begun: false };
  const begin = () => {
    answer.begun = true;
    reply.hijack();
    const headers = Object.fromEntries(
      Object.entries(reply.getHeaders()).map(([name, value]) => [name, String(value)]),
    );
    response.writeHead(200, { ...headers, 'content-type': 'application/json' });
  };
  const write = (line: object) => {
    if (!answer.begun) begin();
    if (!response.destroyed) response.write(`${JSON.stringify(line)}\r\n`);
  };
  try {
    await work((progress) => {
      write(progressLine(progress));
    }, gone.signal);
    if (!answer.begun) begin();
  } catch (error) {
    if (!answer.begun) throw error;
    const { status, message } = httpError(error);
    logger.debug('work failed under way', { status, error: toError(error) });
    write({ errorDetail: { message }, error: message });
  }
  response.end();
}

/** A line as the docker command reads it. */
function progressLine({ current, total, ...progress }: Progress): object {
  if (current === undefined && progress.id === undefined) return progress;
  return { ...progress, progressDetail: current === undefined ? {} : { current, total } };
}
