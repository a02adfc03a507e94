import { Query } from '../http/query.js';
import type { App } from '../http/server.js';
import { dropBody, withUpload } from '../http/uploads.js';
import { buildOptions } from '../json/build.js';
import type { ApiContext } from './context.js';
import { sendProgress } from './progress.js';

/** Filters of `POST /build/prune` that the Engine API names. */
const CACHE_FILTERS = [
  ...['until', 'id', 'parent', 'type', 'description', 'inuse', 'shared', 'private'],
  ...['label', 'label!'],
];

/** Building images. The body is a tar, read as it comes. */
export function buildRoutes(app: App, { engine, logger }: ApiContext): void {
  // There is no cache: `docker system prune` goes on, and nothing was reclaimed.
  app.post('/build/prune', (request) => {
    dropBody(request);
    new Query(request).filters(CACHE_FILTERS);
    return { CachesDeleted: [], SpaceReclaimed: 0 };
  });

  app.post('/build', async (request, reply) => {
    const header = request.headers['x-registry-config'];
    let options;
    try {
      options = buildOptions(
        new Query(request),
        Object.keys(request.query as object),
        Array.isArray(header) ? header.at(-1) : header,
      );
    } catch (error) {
      dropBody(request);
      throw error;
    }
    await sendProgress(reply, logger, async (report, signal) => {
      await withUpload(request, (context) => engine.build(context, { ...options, signal }, report));
    });
    return reply;
  });
}
