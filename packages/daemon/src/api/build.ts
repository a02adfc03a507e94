import { Query } from '../http/query.js';
import type { App } from '../http/server.js';
import { buildOptions } from '../json/build.js';
import type { ApiContext } from './context.js';
import { dropBody, withBody } from './image-uploads.js';
import { sendProgress } from './progress.js';

/** Building images. The body is a tar, read as it comes. */
export function buildRoutes(app: App, { engine, logger }: ApiContext): void {
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
      dropBody(request.body);
      throw error;
    }
    await sendProgress(reply, logger, async (report, signal) => {
      await withBody(request.body, (context) => engine.build(context, { ...options, signal }, report));
    });
    return reply;
  });
}
