import { once } from 'node:events';
import { chmodSync, lstatSync, mkdirSync, rmSync } from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import { dirname } from 'node:path';
import { BerthError } from '@berth/core';
import type { App } from '../http/server.js';

/** For root and the group that the file is given to. */
const SOCKET_MODE = 0o660;

/**
 * Listens on all of `paths`. Files that dead daemons left are replaced, those that are answered are not.
 *
 * @returns the listeners besides the app's own; the app's end is not theirs
 * @throws BerthError `conflict` where something else is at a path
 */
export async function listen(app: App, paths: readonly string[]): Promise<Server[]> {
  const extra: Server[] = [];
  const [first, ...others] = paths;
  if (first === undefined) throw new BerthError('invalid', 'there is no host to listen on');
  for (const path of paths) await clearPath(path);
  // Nobody else may connect in the moment between the file's creation and its mode.
  const umask = process.umask(0o777 & ~SOCKET_MODE);
  try {
    await app.listen({ path: first });
    for (const path of others) {
      // HTTP clients may close their half early: they still want the answer.
      const server = createServer({ allowHalfOpen: true }, (socket) => app.server.emit('connection', socket));
      server.listen(path);
      await once(server, 'listening');
      extra.push(server);
    }
  } finally {
    process.umask(umask);
  }
  for (const path of paths) chmodSync(path, SOCKET_MODE);
  return extra;
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
