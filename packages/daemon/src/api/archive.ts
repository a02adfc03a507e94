import { BerthError } from '@berth/core';
import type { FileChange } from '@berth/engine';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Query } from '../http/query.js';
import type { App } from '../http/server.js';
import { sendBytes } from '../http/streams.js';
import { withUpload } from '../http/uploads.js';
import { pathStatHeader } from '../json/path-stat.js';
import type { ApiContext } from './context.js';
import { IdParameter } from './parameters.js';

const STAT_HEADER = 'X-Docker-Container-Path-Stat';
/** Milliseconds that a client may keep a container at rest from being started without reading or sending anything. */
const STALL = 60_000;
/** The description of the Engine API, FilesystemChange. */
const KIND: Readonly<Record<FileChange['kind'], number>> = { modified: 0, added: 1, deleted: 2 };

/** Files of containers. */
export function archiveRoutes(app: App, { engine }: ApiContext): void {
  const { archives } = engine;

  app.head('/containers/:id/archive', { schema: { params: IdParameter } }, async (request, reply) => {
    const stat = await archives.stat(request.params.id, pathOf(request));
    return reply.header(STAT_HEADER, pathStatHeader(stat)).type('application/octet-stream').send();
  });

  app.get('/containers/:id/archive', { schema: { params: IdParameter } }, async (request, reply) => {
    const archive = await archives.get(request.params.id, pathOf(request));
    void reply.header(STAT_HEADER, pathStatHeader(archive.stat));
    if (archive.resting) endStalled(request, reply);
    await sendBytes(reply, 'application/x-tar', archive);
  });

  app.get('/containers/:id/export', { schema: { params: IdParameter } }, async (request, reply) => {
    const archive = await archives.export(request.params.id);
    if (archive.resting) endStalled(request, reply);
    await sendBytes(reply, 'application/octet-stream', archive);
  });

  app.get('/containers/:id/changes', { schema: { params: IdParameter } }, async (request) => {
    const changes = await archives.changes(request.params.id);
    // Docker's answer for none.
    if (changes.length === 0) return null;
    return changes.map(({ path, kind }) => ({ Path: path, Kind: KIND[kind] }));
  });
}

/** Uploads; the body is a tar, read as it comes. */
export function uploadRoutes(app: App, { engine }: ApiContext): void {
  app.put('/containers/:id/archive', { schema: { params: IdParameter } }, async (request, reply) => {
    const query = new Query(request);
    const path = pathOf(request);
    endStalled(request, reply);
    await withUpload(request, (archive) =>
      engine.archives.put(request.params.id, path, archive, {
        copyUidGid: query.flag('copyUIDGID'),
        noOverwriteDirNonDir: query.flag('noOverwriteDirNonDir'),
      }),
    );
    return reply.send();
  });
}

function pathOf(request: FastifyRequest): string {
  const path = new Query(request).text('path');
  if (path === undefined)
    throw new BerthError('invalid', 'bad parameter: query parameter path must name a file or folder');
  return path;
}

/** Ends the connection of a client that has stopped, until the request has been answered. */
function endStalled({ raw: { socket } }: FastifyRequest, reply: FastifyReply): void {
  const end = () => socket.destroy();
  socket.setTimeout(STALL, end);
  reply.raw.once('close', () => socket.off('timeout', end));
}
