import { BerthError } from '@berth/core';
import { parsePlatform } from '@berth/engine';
import { notSupported } from '../http/errors.js';
import { Query } from '../http/query.js';
import type { App } from '../http/server.js';
import { dropBody, withUpload } from '../http/uploads.js';
import { registryAuth } from '../json/registry-auth.js';
import type { ApiContext } from './context.js';
import { sendProgress } from './progress.js';

/** Making images. Bodies are tars, read as they come. */
export function importRoutes(app: App, { engine, logger }: ApiContext): void {
  app.post('/images/create', async (request, reply) => {
    const query = new Query(request);
    const source = query.text('fromSrc');
    const image = query.text('fromImage');
    if (image !== undefined) {
      dropBody(request);
      const platform = query.text('platform');
      const options = {
        credentials: registryAuth(request.headers['x-registry-auth']),
        platform: platform === undefined ? undefined : parsePlatform(platform),
      };
      await sendProgress(reply, logger, (report, signal) =>
        engine.registry.pull(image, query.text('tag'), { ...options, signal }, report),
      );
      return reply;
    }
    if (source === undefined)
      throw new BerthError(
        'invalid',
        'query parameter fromImage must name an image, or fromSrc be - (the body is the tar)',
      );
    if (source !== '-') throw notSupported(`fromSrc=${source}`, 'send the tar as the body, with fromSrc=-');
    if (query.text('platform') !== undefined) throw notSupported('platform of an imported image');
    const id = await withUpload(request, (archive) =>
      engine.images.import(archive, {
        ...nameAndTag(query.text('repo'), query.text('tag')),
        message: query.text('message'),
        changes: query.list('changes'),
      }),
    );
    return reply.type('application/json').send(`${JSON.stringify({ status: id })}\n`);
  });

  app.post('/images/load', async (request, reply) => {
    const query = new Query(request);
    if (query.text('platform') !== undefined) throw notSupported('loading one platform of an image');
    const quiet = query.flag('quiet');
    await sendProgress(reply, logger, (report) =>
      withUpload(request, (archive) =>
        engine.images.load(archive, (progress) => {
          if (!quiet || progress.stream !== undefined) report(progress);
        }),
      ),
    );
    return reply;
  });
}

/** Docker clients send `repo=name:tag` or both apart. */
function nameAndTag(repo: string | undefined, tag: string | undefined) {
  const match = /^(.+):([^:/]+)$/.exec(repo ?? '');
  if (match === null || tag !== undefined) return { repository: repo, tag };
  return { repository: match[1], tag: match[2] };
}
