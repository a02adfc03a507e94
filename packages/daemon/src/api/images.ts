import { PassThrough, type Readable } from 'node:stream';
import { BerthError } from '@berth/core';
import { notSupported } from '../http/errors.js';
import { Query } from '../http/query.js';
import type { App } from '../http/server.js';
import { filterImages, IMAGE_FILTERS, imageInspect, imageSummary } from '../json/images.js';
import type { ApiContext } from './context.js';
import { NameParameter } from './parameters.js';

/** How an image gets here while there are no registries. */
const IMPORT_INSTEAD =
  'import a root file system with "berth image import FILE NAME[:TAG]" or "docker import"';

export function imageRoutes(app: App, { engine }: ApiContext): void {
  const { images } = engine;

  app.get('/images/json', (request) => {
    const query = new Query(request);
    for (const name of ['shared-size', 'manifests']) if (query.flag(name)) throw notSupported(name);
    const filters = query.filters(IMAGE_FILTERS);
    const used = new Map<string, number>();
    for (const { imageId } of engine.containers.list()) used.set(imageId, (used.get(imageId) ?? 0) + 1);
    return filterImages(images.list(), filters, (name) => images.get(name)).map((image) =>
      imageSummary(image, used.get(image.id) ?? 0),
    );
  });

  app.get('/images/:name/json', { schema: { params: NameParameter } }, (request) =>
    imageInspect(images.get(request.params.name)),
  );

  app.post('/images/:name/tag', { schema: { params: NameParameter } }, async (request, reply) => {
    const query = new Query(request);
    const repository = query.text('repo');
    if (repository === undefined)
      throw new BerthError('invalid', 'query parameter repo must name the new name');
    images.tag(request.params.name, repository, query.text('tag'));
    return reply.code(201).send();
  });

  app.delete('/images/:name', { schema: { params: NameParameter } }, async (request) => {
    const query = new Query(request);
    const { untagged, deleted } = await images.remove(request.params.name, {
      force: query.flag('force'),
      noPrune: query.flag('noprune'),
    });
    return [...untagged.map((Untagged) => ({ Untagged })), ...deleted.map((Deleted) => ({ Deleted }))];
  });
}

/** Making images. The body is a tar, read as it comes. */
export function importRoutes(app: App, { engine }: ApiContext): void {
  app.post('/images/create', async (request, reply) => {
    const query = new Query(request);
    const source = query.text('fromSrc');
    if (source === undefined) {
      const image = query.text('fromImage');
      if (image === undefined)
        throw new BerthError('invalid', 'query parameter fromSrc must be - (the body is the tar)');
      const name = [image, query.text('tag')].filter((part) => part !== undefined).join(':');
      throw new BerthError(
        'unsupported',
        `cannot pull ${name}: Berth has no registries yet: ${IMPORT_INSTEAD}`,
        { subject: name },
      );
    }
    if (source !== '-') throw notSupported(`fromSrc=${source}`, 'send the tar as the body, with fromSrc=-');
    const body = request.body as Readable | undefined;
    if (body === undefined) throw new BerthError('invalid', 'the request has no body: it must be the tar');
    const archive = separate(body);
    const id = await engine.images
      .import(archive, {
        ...nameAndTag(query.text('repo'), query.text('tag')),
        message: query.text('message'),
        changes: query.list('changes'),
      })
      .finally(() => {
        // Whatever of the body is left is read and dropped, so that the client gets round to reading the answer.
        body.unpipe(archive);
        body.resume();
      });
    return reply.type('application/json').send(`${JSON.stringify({ status: id })}\n`);
  });

  for (const [path, what] of [
    ['/images/load', 'loading image archives'],
    ['/build', 'building images'],
  ] as const) {
    app.post(path, () => {
      throw notSupported(what, IMPORT_INSTEAD);
    });
  }
}

/** The bytes of a request's body, as a stream that may be destroyed without ending the connection. */
function separate(body: Readable): PassThrough {
  const archive = new PassThrough();
  body.on('error', (error) => archive.destroy(error));
  body.on('close', () => {
    if (!body.readableEnded)
      archive.destroy(new BerthError('invalid', 'the connection ended within the archive'));
  });
  body.pipe(archive);
  return archive;
}

/** Docker clients send `repo=name:tag` or both apart. */
function nameAndTag(repo: string | undefined, tag: string | undefined) {
  const match = /^(.+):([^:/]+)$/.exec(repo ?? '');
  if (match === null || tag !== undefined) return { repository: repo, tag };
  return { repository: match[1], tag: match[2] };
}
