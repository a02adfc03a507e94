import type { Readable, Writable } from 'node:stream';
import type { AttachStream } from '@berth/engine';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { DetachKeys, parseDetachKeys, DEFAULT_DETACH_KEYS } from './detach-keys.js';
import { frame, MULTIPLEXED_STREAM, RAW_STREAM } from './framing.js';
import { drained } from './streams.js';
import { compareVersions } from './version.js';

/** From this version on a multiplexed stream is called so (API history, 1.42). */
export const MULTIPLEXED_SINCE = '1.42';

interface Connection {
  readonly input: Readable | undefined;
  readonly output: Writable;
}

/**
 * Hands the connection of a request to a process: its output goes to the client, what the client sends to its stdin.
 * Returns at once; everything ends with the output or with the connection.
 *
 * @param detachKeys the keys that end the connection but not the process; only looked for on a terminal
 */
export function hijack(
  request: FastifyRequest,
  reply: FastifyReply,
  stream: AttachStream,
  detachKeys: Buffer = parseDetachKeys(DEFAULT_DETACH_KEYS),
): void {
  reply.hijack();
  const upgraded = (request.headers.upgrade ?? '') !== '';
  const connection = upgraded ? takeSocket(request, reply, stream.tty) : plainResponse(request, reply);
  connection.output.on('close', () => stream.close());
  connection.output.on('error', () => stream.close());
  sendInput(connection, stream, detachKeys);
  void sendOutput(connection, stream);
}

/** After `101 UPGRADED` the socket carries nothing but the two streams. */
function takeSocket(request: FastifyRequest, reply: FastifyReply, tty: boolean): Connection {
  const socket = request.raw.socket;
  const named = !tty && compareVersions(request.apiVersion, MULTIPLEXED_SINCE) >= 0;
  const head = [
    'HTTP/1.1 101 UPGRADED',
    `Content-Type: ${named ? MULTIPLEXED_STREAM : RAW_STREAM}`,
    'Connection: Upgrade',
    'Upgrade: tcp',
    ...ownHeaders(reply).map(([name, value]) => `${name}: ${value}`),
  ];
  reply.raw.detachSocket(socket);
  socket.setTimeout(0);
  socket.write(`${head.join('\r\n')}\r\n\r\n`);
  return { input: socket, output: socket };
}

/** Without an upgrade: a response that ends with its connection; stdin is the request's body, if it has one. */
function plainResponse(request: FastifyRequest, reply: FastifyReply): Connection {
  const response = reply.raw;
  response.shouldKeepAlive = false;
  response.useChunkedEncodingByDefault = false;
  response.writeHead(200, { 'Content-Type': RAW_STREAM, ...Object.fromEntries(ownHeaders(reply)) });
  response.flushHeaders();
  const streamed = request.headers['transfer-encoding'] !== undefined;
  return { input: streamed ? request.raw : undefined, output: response };
}

function ownHeaders(reply: FastifyReply): [string, string][] {
  return Object.entries(reply.getHeaders()).map(([name, value]) => [name, String(value)]);
}

async function sendOutput({ output }: Connection, stream: AttachStream): Promise<void> {
  try {
    for await (const { stream: name, data } of stream.output) {
      if (output.destroyed) break;
      if (!output.write(stream.tty ? data : frame(name, data))) await drained(output);
    }
  } catch {
    // The process's end of the connection is gone; there is nobody left to tell but the client, by its end.
  } finally {
    output.end();
    stream.close();
  }
}

function sendInput({ input, output }: Connection, stream: AttachStream, detachKeys: Buffer): void {
  const stdin = stream.stdin;
  if (input === undefined) return;
  if (stdin === undefined) {
    // What comes is not wanted, but must be read: else the client's end is never seen.
    input.resume();
    return;
  }
  stdin.on('error', () => undefined);
  const keys = stream.tty && detachKeys.length > 0 ? new DetachKeys(detachKeys) : undefined;
  input.on('data', (chunk: Buffer) => {
    const { input: typed, detached } = keys?.feed(chunk) ?? { input: chunk, detached: false };
    if (typed.length > 0 && stdin.writable && !stdin.write(typed)) {
      input.pause();
      stdin.once('drain', () => input.resume());
    }
    if (detached) {
      stream.detached?.();
      stream.close();
      output.end();
    }
  });
  input.on('end', () => stdin.end());
  // The socket may have been paused while the request's body was read from it.
  input.resume();
}
