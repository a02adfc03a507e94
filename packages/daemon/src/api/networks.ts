import { BerthError } from '@berth/core';
import { hasLabels, Query } from '../http/query.js';
import type { App } from '../http/server.js';
import { endpointConfig } from '../json/endpoints.js';
import {
  filterNetworks,
  NETWORK_FILTERS,
  networkChange,
  networkJson,
  networkSpec,
} from '../json/networks.js';
import { NetworkConnect, NetworkCreate, NetworkDisconnect, NetworkUpdate } from '../json/schemas.js';
import { parseUntil } from '../json/until.js';
import type { ApiContext } from './context.js';
import { IdParameter } from './parameters.js';

export function networkRoutes(app: App, { engine }: ApiContext): void {
  const { networks } = engine;

  app.get('/networks', (request) => {
    const filters = new Query(request).filters(NETWORK_FILTERS);
    return filterNetworks(networks.list(), filters).map((network) => networkJson(network, false));
  });

  app.post('/networks/create', { schema: { body: NetworkCreate } }, async (request, reply) => {
    const network = await networks.create(networkSpec(request.body));
    return reply.code(201).send({ Id: network.id, Warning: networks.warnings(network).join('\n') });
  });

  app.post('/networks/:id/update', { schema: { params: IdParameter, body: NetworkUpdate } }, (request) =>
    networkJson(networks.update(request.params.id, networkChange(request.body)), true),
  );

  app.get('/networks/:id', { schema: { params: IdParameter } }, (request) => {
    const scope = new Query(request).text('scope');
    const network = networks.get(request.params.id);
    if (scope !== undefined && scope !== network.scope) {
      throw new BerthError('not-found', `network ${request.params.id} not found`);
    }
    return networkJson(network, true);
  });

  app.delete('/networks/:id', { schema: { params: IdParameter } }, async (request, reply) => {
    await networks.remove(request.params.id);
    return reply.code(204).send();
  });

  app.post(
    '/networks/:id/connect',
    { schema: { params: IdParameter, body: NetworkConnect } },
    async (request, reply) => {
      const { Container: container, EndpointConfig: settings } = request.body;
      await networks.connect(request.params.id, container, endpointConfig(settings));
      return reply.send();
    },
  );

  app.post(
    '/networks/:id/disconnect',
    { schema: { params: IdParameter, body: NetworkDisconnect } },
    async (request, reply) => {
      const { Container: container, Force: force } = request.body;
      await networks.disconnect(request.params.id, container, force ?? false);
      return reply.send();
    },
  );

  app.post('/networks/prune', async (request) => {
    const filters = new Query(request).filters(['label', 'label!', 'until']);
    const until = filters.get('until')?.map(parseUntil) ?? [];
    const unwanted = filters.get('label!') ?? [];
    const removed = await networks.prune(
      (network) =>
        !hasLabels(network.labels, filters.get('label')) ||
        unwanted.some((label) => hasLabels(network.labels, [label])) ||
        until.some((instant) => Date.parse(network.created) >= instant),
    );
    return { NetworksDeleted: removed.length === 0 ? null : removed };
  });
}
