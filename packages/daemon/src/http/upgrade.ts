import { ServerResponse, type IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import type { Socket } from 'node:net';
import { BODY_LIMIT } from './body.js';
import { malformedRequest } from './errors.js';
import type { App } from './server.js';

/** Milliseconds within which the body of an upgrade request must have come. */
const BODY_TIMEOUT = 30_000;

/**
 * Requests with `Upgrade: tcp` (attach, exec start). Node gives up such a connection right after the headers: the
 * body, if there is one, is still on the socket. It is read here, and the request then goes through the same
 * routes as any other; what follows on the socket is the container's.
 */
export function acceptUpgrades(app: App): void {
  const bodies = new WeakMap<IncomingMessage, Buffer>();
  app.addHook('preParsing', (request, _reply, payload, done) => {
    const body = bodies.get(request.raw);
    done(null, body === undefined ? payload : Readable.from(body.length === 0 ? [] : [body]));
  });
  // Node no longer knows of these connections, and would wait for them at the end.
  const sockets = new Set<Socket>();
  app.addHook('preClose', (done) => {
    for (const socket of sockets) socket.destroy();
    done();
  });
  app.server.on('upgrade', (request: IncomingMessage, socket: Socket, head: Buffer) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => socket.destroy());
    readBody(request, socket, head).then(
      (body) => {
        bodies.set(request, body);
        const response = new ServerResponse(request);
        response.shouldKeepAlive = false;
        response.assignSocket(socket);
        response.on('finish', () => {
          if (response.socket === null) return;
          response.detachSocket(socket);
          socket.end();
        });
        app.routing(request, response);
      },
      () => socket.end(malformedRequest({})),
    );
  });
}

async function readBody(request: IncomingMessage, socket: Socket, head: Buffer): Promise<Buffer> {
  const length = Number(request.headers['content-length'] ?? 0);
  if (request.headers['transfer-encoding'] !== undefined || !(length <= BODY_LIMIT)) {
    throw new Error('the body of an upgrade request must have a content-length');
  }
  let bytes = head;
  if (bytes.length < length) {
    const timer = setTimeout(() => socket.destroy(), BODY_TIMEOUT);
    bytes = await new Promise<Buffer>((resolve, reject) => {
      const onData = (chunk: Buffer) => {
        bytes = Buffer.concat([bytes, chunk]);
        if (bytes.length < length) return;
        socket.off('data', onData).off('close', onClose).pause();
        resolve(bytes);
      };
      const onClose = () => reject(new Error('the connection ended within the request body'));
      socket.on('data', onData).on('close', onClose);
    });
    clearTimeout(timer);
  }
  if (bytes.length > length) socket.unshift(bytes.subarray(length));
  return bytes.subarray(0, length);
}
