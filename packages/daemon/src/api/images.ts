import { BerthError } from '@berth/core';
import { notSupported } from '../http/errors.js';
import { hasLabels, Query } from '../http/query.js';
import type { App } from '../http/server.js';
import { sendBytes } from '../http/streams.js';
import {
  committedConfig,
  deletions,
  filterImages,
  historyItem,
  IMAGE_FILTERS,
  imageInspect,
  imageSummary,
} from '../json/images.js';
import { parseUntil } from '../json/until.js';
import type { ApiContext } from './context.js';
import { NameParameter } from './parameters.js';

/** What is done with images that are here. */
export function imageRoutes(app: App, { engine }: ApiContext): void {
  const { images } = engine;

  app.get('/images/json', (request) => {
    const query = new Query(request);
    if (query.flag('manifests')) throw notSupported('manifests');
    const filters = query.filters(IMAGE_FILTERS);
    const shared = query.flag('shared-size');
    const used = new Map<string, number>();
    for (const { imageId } of engine.containers.list()) used.set(imageId, (used.get(imageId) ?? 0) + 1);
    return filterImages(images.list(), filters, (name) => images.get(name)).map((image) =>
      imageSummary(image, used.get(image.id) ?? 0, shared ? images.sharedSize(image) : -1),
    );
  });

  app.get('/images/:name/json', { schema: { params: NameParameter } }, (request) => {
    refusePlatforms(new Query(request));
    return imageInspect(images.get(request.params.name));
  });

  app.get('/images/:name/history', { schema: { params: NameParameter } }, (request) => {
    refusePlatforms(new Query(request));
    return images.history(request.params.name).map(historyItem);
  });

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
    if (query.text('platforms') !== undefined) throw notSupported('removing one platform of an image');
    const removal = await images.remove(request.params.name, {
      force: query.flag('force'),
      noPrune: query.flag('noprune'),
    });
    return deletions(removal);
  });

  app.post('/images/prune', async (request) => {
    const filters = new Query(request).filters(['dangling', 'label', 'label!', 'until']);
    const dangling = filters.get('dangling') ?? ['true'];
    const until = (filters.get('until') ?? []).map(parseUntil);
    const unwanted = filters.get('label!') ?? [];
    const removal = await images.prune(
      dangling.every((value) => ['1', 'true'].includes(value)),
      ({ created, config: { labels } }) =>
        hasLabels(labels, filters.get('label')) &&
        !unwanted.some((label) => hasLabels(labels, [label])) &&
        until.every((instant) => Date.parse(created) < instant),
    );
    const gone = deletions(removal);
    return { ImagesDeleted: gone.length === 0 ? null : gone, SpaceReclaimed: removal.reclaimed };
  });

  app.post('/commit', async (request, reply) => {
    const query = new Query(request);
    const container = query.text('container');
    if (container === undefined) throw new BerthError('invalid', 'query parameter container must name one');
    const id = await engine.commit(container, {
      repository: query.text('repo'),
      tag: query.text('tag'),
      message: query.text('comment'),
      author: query.text('author'),
      changes: query
        .list('changes')
        .flatMap((change) => change.split('\n').filter((line) => line.trim() !== '')),
      pause: query.text('pause') === undefined || query.flag('pause'),
      config: committedConfig(request.body),
    });
    return reply.code(201).send({ Id: id });
  });

  app.get('/images/get', async (request, reply) => {
    const query = new Query(request);
    await sendBytes(reply, 'application/x-tar', archiveOf(query.list('names'), query));
  });

  app.get('/images/:name/get', { schema: { params: NameParameter } }, async (request, reply) => {
    await sendBytes(reply, 'application/x-tar', archiveOf([request.params.name], new Query(request)));
  });

  function archiveOf(names: readonly string[], query: Query) {
    if (query.text('platform') !== undefined) throw notSupported('saving one platform of an image');
    const content = images.save(names);
    return {
      content,
      close: () => {
        content.destroy();
        return Promise.resolve();
      },
    };
  }
}

/** An image has one platform here. */
function refusePlatforms(query: Query): void {
  if (query.flag('manifests')) throw notSupported('manifests');
  if (query.text('platform') !== undefined) throw notSupported('looking at one platform of an image');
}
