import { BerthError } from '@berth/core';
import type { AttachStream } from '@berth/engine';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { WebSocketServer, type WebSocket } from 'ws';
import { DetachKeys } from './detach-keys.js';

/** Bytes of a message to a container's standard input. */
const LARGEST_MESSAGE = 1024 * 1024;

const server = new WebSocketServer({
  noServer: true,
  clientTracking: false,
  perMessageDeflate: false,
  maxPayload: LARGEST_MESSAGE,
});

/** @throws BerthError `invalid` for a request that does not ask for a WebSocket */
export function requireWebSocket({ headers }: FastifyRequest): void {
  if ((headers.upgrade ?? '').toLowerCase() !== 'websocket')
    throw new BerthError(
      'invalid',
      'this path speaks WebSocket only: the request must have "Upgrade: websocket"',
    );
}

/**
 * Hands the connection to a process as a WebSocket (RFC 6455): messages of the client are its input, its output is sent as
 * binary messages, standard output and error together, as Docker has it.
 */
export function openWebSocket(
  request: FastifyRequest,
  reply: FastifyReply,
  stream: AttachStream,
  detachKeys: Buffer,
): void {
  reply.hijack();
  const { socket } = request.raw;
  reply.raw.detachSocket(socket);
  socket.setTimeout(0);
  // Also for a handshake that is refused.
  socket.once('close', () => stream.close());
  server.handleUpgrade(request.raw, socket, Buffer.alloc(0), (client) => {
    client.on('error', () => {
      client.terminate();
    });
    receive(client, stream, detachKeys);
    void send(client, stream);
  });
}

async function send(client: WebSocket, stream: AttachStream): Promise<void> {
  try {
    for await (const { data } of stream.output) {
      await new Promise<void>((resolve, reject) => {
        client.send(data, { binary: true }, (error) => {
          if (error === undefined) resolve();
          else reject(error);
        });
      });
    }
  } catch {
    // The client has gone, or the process's end of the stream: either way this is the end.
  } finally {
    client.close();
    stream.close();
  }
}

function receive(client: WebSocket, stream: AttachStream, detachKeys: Buffer): void {
  const { stdin } = stream;
  stdin?.on('error', () => undefined);
  const keys = stream.tty && detachKeys.length > 0 ? new DetachKeys(detachKeys) : undefined;
  client.on('message', (message) => {
    if (stdin === undefined) return;
    const { input, detached } = keys?.feed(message) ?? { input: message, detached: false };
    if (input.length > 0 && stdin.writable && !stdin.write(input)) {
      client.pause();
      stdin.once('drain', () => {
        client.resume();
      });
    }
    if (detached) {
      stream.detached?.();
      stream.close();
      client.close();
    }
  });
  client.on('close', () => {
    stdin?.end();
    stream.close();
  });
}
