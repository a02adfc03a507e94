import { BerthError } from '@berth/core';
import { hasLabels, Query } from '../http/query.js';
import type { App } from '../http/server.js';
import { compareVersions } from '../http/version.js';
import { VolumeCreate } from '../json/schemas/volumes.js';
import { filterVolumes, truth, VOLUME_FILTERS, volumeJson, volumeSpec } from '../json/volumes.js';
import type { ApiContext } from './context.js';
import { NameParameter } from './parameters.js';

export function volumeRoutes(app: App, { engine }: ApiContext): void {
  const { volumes } = engine;

  app.get('/volumes', (request) => {
    const found = filterVolumes(volumes.list(), new Query(request).filters(VOLUME_FILTERS));
    return { Volumes: found.map(volumeJson), Warnings: [] };
  });

  app.post('/volumes/create', { schema: { body: VolumeCreate } }, (request, reply) =>
    reply.code(201).send(volumeJson(volumes.create(volumeSpec(request.body)))),
  );

  app.get('/volumes/:name', { schema: { params: NameParameter } }, (request) =>
    volumeJson(volumes.get(request.params.name)),
  );

  app.put('/volumes/:name', { schema: { params: NameParameter } }, () => {
    // Docker's own answer where swarm mode is off.
    throw new BerthError(
      'unavailable',
      'volume update only valid for cluster volumes, but swarm is unavailable',
    );
  });

  app.delete('/volumes/:name', { schema: { params: NameParameter } }, async (request, reply) => {
    await volumes.remove(request.params.name, { force: new Query(request).flag('force') });
    return reply.code(204).send();
  });

  app.post('/volumes/prune', async (request) => {
    const filters = new Query(request).filters(['label', 'label!', 'all']);
    const unwanted = filters.get('label!') ?? [];
    // Before API 1.42 there was no difference between volumes with and without a name.
    const old = compareVersions(request.apiVersion, '1.42') < 0;
    const all = old || (filters.get('all') ?? []).map((value) => truth('all', value)).includes(true);
    const { removed, bytes } = await volumes.prune(
      { all },
      ({ labels }) =>
        !hasLabels(labels, filters.get('label')) || unwanted.some((label) => hasLabels(labels, [label])),
    );
    return { VolumesDeleted: removed, SpaceReclaimed: bytes };
  });
}
