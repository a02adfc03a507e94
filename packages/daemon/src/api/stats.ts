import { setTimeout as delay } from 'node:timers/promises';
import { BerthError } from '@berth/core';
import type { ContainerStats } from '@berth/engine';
import { Query } from '../http/query.js';
import type { App } from '../http/server.js';
import { sendStream } from '../http/streams.js';
import { statsJson } from '../json/stats.js';
import type { ApiContext } from './context.js';
import { IdParameter } from './parameters.js';

/** Between the two samples of an answer that is no stream, in milliseconds. */
const PERIOD = 1_000;

/** What containers use, and their processes. */
export function statsRoutes(app: App, { engine }: ApiContext): void {
  const { containers, stats } = engine;

  app.get('/containers/:id/stats', { schema: { params: IdParameter } }, async (request, reply) => {
    const query = new Query(request);
    const container = containers.get(request.params.id);
    const streaming = query.text('stream') === undefined || query.flag('stream');
    const oneShot = query.flag('one-shot');
    if (streaming && oneShot) throw new BerthError('invalid', 'cannot have stream=true and one-shot=true');
    if (!streaming) {
      const before = oneShot ? undefined : stats.now(container.id);
      if (before !== undefined) await delay(PERIOD);
      return statsJson(container, stats.now(container.id), before);
    }
    let before: ContainerStats | undefined;
    await sendStream(reply, 'application/json', stats.watch(container.id), (sample) => {
      const line = `${JSON.stringify(statsJson(container, sample, before))}\n`;
      before = sample;
      return line;
    });
    return undefined;
  });

  app.get('/containers/:id/top', { schema: { params: IdParameter } }, (request) => {
    const args = new Query(request).text('ps_args') ?? '-ef';
    const { titles, processes } = stats.processes(request.params.id, args);
    return { Titles: titles, Processes: processes };
  });
}
