import { BerthError } from '@berth/core';
import { logAttributes, type LogEntry } from '@berth/engine';
import type { FastifyRequest } from 'fastify';
import { DEFAULT_DETACH_KEYS, parseDetachKeys } from '../http/detach-keys.js';
import { frame, MULTIPLEXED_STREAM, RAW_STREAM } from '../http/framing.js';
import { hijack, MULTIPLEXED_SINCE } from '../http/hijack.js';
import { Query } from '../http/query.js';
import type { App } from '../http/server.js';
import { sendStream } from '../http/streams.js';
import { compareVersions } from '../http/version.js';
import { openWebSocket, requireWebSocket } from '../http/websocket.js';
import type { ApiContext } from './context.js';
import { IdParameter } from './parameters.js';

/** What containers have written. */
export function outputRoutes(app: App, { engine }: ApiContext): void {
  app.get('/containers/:id/logs', { schema: { params: IdParameter } }, async (request, reply) => {
    const query = new Query(request);
    const { id, spec } = engine.containers.get(request.params.id);
    const [stdout, stderr] = [query.flag('stdout'), query.flag('stderr')];
    if (!stdout && !stderr) {
      throw new BerthError('invalid', 'Bad parameters: you must choose at least one stream');
    }
    const entries = engine.containers.logs(id, {
      stdout,
      stderr,
      follow: query.flag('follow'),
      since: query.instant('since'),
      until: query.instant('until'),
      tail: tailLines(query.text('tail')),
    });
    const stamped = query.flag('timestamps');
    const details = query.flag('details') ? detailsOf(logAttributes(spec)) : '';
    const multiplexed = !spec.tty && compareVersions(request.apiVersion, MULTIPLEXED_SINCE) >= 0;
    const encode = (entry: LogEntry): Buffer => {
      const before = stamped ? `${entry.time} ${details}` : details;
      const data = before === '' ? entry.data : Buffer.concat([Buffer.from(before), entry.data]);
      return spec.tty ? data : frame(entry.stream, data);
    };
    await sendStream(reply, multiplexed ? MULTIPLEXED_STREAM : RAW_STREAM, entries, (batch) =>
      Buffer.concat(batch.map(encode)),
    );
  });
}

/** Joining in a container's own streams. The body of the request, where there is one, is stdin. */
export function attachRoutes(app: App, { engine }: ApiContext): void {
  const attached = (request: FastifyRequest, reference: string) => {
    const query = new Query(request);
    const detachKeys = parseDetachKeys(query.text('detachKeys') ?? DEFAULT_DETACH_KEYS);
    const { id, state } = engine.containers.get(reference);
    if (state.status === 'paused') {
      throw new BerthError('conflict', `container ${id} is paused, unpause the container before attach`);
    }
    if (state.status === 'restarting') {
      throw new BerthError('conflict', `container ${id} is restarting, wait until the container is running`);
    }
    const stream = engine.containers.attach(id, {
      stdin: query.flag('stdin'),
      stdout: query.flag('stdout'),
      stderr: query.flag('stderr'),
      logs: query.flag('logs'),
      stream: query.flag('stream'),
    });
    return { stream, detachKeys };
  };

  app.post('/containers/:id/attach', { schema: { params: IdParameter } }, (request, reply) => {
    const { stream, detachKeys } = attached(request, request.params.id);
    hijack(request, reply, stream, detachKeys);
  });

  app.get('/containers/:id/attach/ws', { schema: { params: IdParameter } }, (request, reply) => {
    requireWebSocket(request);
    const { stream, detachKeys } = attached(request, request.params.id);
    openWebSocket(request, reply, stream, detachKeys);
  });
}

/** Docker's rule: what is no number means all. */
function tailLines(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,9}$/.test(text) ? Number(text) : undefined;
}

/** As dockerd writes them before each line: `key=value,key=value`, escaped as in a URL's query, and a blank. */
function detailsOf(attributes: ReadonlyMap<string, string>): string {
  const escape = (text: string) =>
    encodeURIComponent(text)
      .replace(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`)
      .replaceAll('%20', '+');
  return `${[...attributes].map(([key, value]) => `${escape(key)}=${escape(value)}`).join(',')} `;
}
