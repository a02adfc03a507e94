import { once } from 'node:events';
import { chmodSync, chownSync, lstatSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { dirname } from 'node:path';
import { createServer as createTlsServer } from 'node:tls';
import { BerthError, toError } from '@berth/core';
import type { DaemonConfig, HostAddress, TlsFiles } from '../config/config.js';
import type { App } from '../http/server.js';

/** For root and the group that the file is given to. */
const SOCKET_MODE = 0o660;
/** Whose members may use a container engine, by Docker's convention. */
const SOCKET_GROUP = 'docker';
/** Milliseconds for the handshake of TLS. */
const HANDSHAKE_TIMEOUT = 10_000;

/**
 * Listens on all of the configuration's hosts. Files that dead daemons left are replaced, those that are answered are not.
 *
 * @returns the listeners besides the app's own; the app's end is not theirs
 * @throws BerthError `conflict` where something else is at a path; `invalid` for an address or a file that cannot be used
 */
export async function listen(
  app: App,
  { sockets, tcp, tls }: Pick<DaemonConfig, 'sockets' | 'tcp' | 'tls'>,
): Promise<Server[]> {
  const [first, ...others] = sockets;
  const opened: Server[] = [];
  try {
    for (const path of sockets) await clearPath(path);
    // Nobody else may connect in the moment between the file's creation and its mode.
    const umask = process.umask(0o777 & ~SOCKET_MODE);
    try {
      if (first === undefined) await app.ready();
      else await app.listen({ path: first });
      for (const path of others)
        opened.push(await listenOn(createServer({ allowHalfOpen: true }, pass(app)), { path }));
    } finally {
      process.umask(umask);
    }
    const group = groupId(SOCKET_GROUP);
    for (const path of sockets) {
      if (group !== undefined) chownSync(path, 0, group);
      chmodSync(path, SOCKET_MODE);
    }
    for (const { address, port } of tls === undefined ? [] : tcp) {
      opened.push(await listenOn(tlsServer(app, tls as TlsFiles), { host: address, port }));
    }
    return opened;
  } catch (error) {
    for (const server of opened) server.close();
    throw error;
  }
}

/** HTTP clients may close their half early: they still want the answer. */
function pass(app: App): (socket: Socket) => void {
  return (socket) => void app.server.emit('connection', socket);
}

function tlsServer(app: App, { authority, certificate, key }: TlsFiles): Server {
  try {
    const server = createTlsServer(
      {
        ca: pem('tlscacert', authority),
        cert: pem('tlscert', certificate),
        key: pem('tlskey', key),
        requestCert: true,
        rejectUnauthorized: true,
        minVersion: 'TLSv1.2',
        ALPNProtocols: ['http/1.1'],
        handshakeTimeout: HANDSHAKE_TIMEOUT,
        allowHalfOpen: true,
      },
      pass(app),
    );
    server.on('tlsClientError', (_error, socket) => socket.destroy());
    return server;
  } catch (cause) {
    if (cause instanceof BerthError) throw cause;
    const why = toError(cause).message;
    throw new BerthError('invalid', `the certificates for TLS cannot be used: ${why}`, { cause });
  }
}

function pem(setting: string, path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (cause) {
    throw new BerthError('invalid', `cannot read ${setting} ${path}: ${toError(cause).message}`, { cause });
  }
}

async function listenOn(
  server: Server,
  at: { path: string } | { host: string; port: number },
): Promise<Server> {
  server.listen(at);
  try {
    await once(server, 'listening');
  } catch (cause) {
    throw new BerthError('conflict', `cannot listen: ${toError(cause).message}`, { cause });
  }
  return server;
}

/** `tcp://192.0.2.1:2376`. */
export function hostOf({ address, port }: HostAddress): string {
  return `tcp://${address.includes(':') ? `[${address}]` : address}:${port}`;
}

/** From group(5); undefined where there is none of that name. */
function groupId(name: string): number | undefined {
  try {
    const entry = readFileSync('/etc/group', 'utf8')
      .split('\n')
      .map((line) => line.split(':'))
      .find(([group]) => group === name);
    const id = Number(entry?.[2]);
    return entry !== undefined && Number.isInteger(id) ? id : undefined;
  } catch {
    return undefined;
  }
}

async function clearPath(path: string): Promise<void> {
  mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return;
  if (!stat.isSocket())
    throw new BerthError('conflict', `${path} exists and is not a socket: remove it, or use another -H`);
  if (await answers(path)) {
    throw new BerthError('conflict', `another daemon listens on ${path}: stop it, or use another -H`);
  }
  rmSync(path, { force: true });
}

async function answers(path: string): Promise<boolean> {
  const socket = connect(path);
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
