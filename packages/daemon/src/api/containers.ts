import { BerthError, isBerthError } from '@berth/core';
import { restartPolicy, type WaitCondition } from '@berth/engine';
import { notSupported } from '../http/errors.js';
import { hasLabels, Query } from '../http/query.js';
import type { App } from '../http/server.js';
import { containerInspect } from '../json/container-inspect.js';
import { CONTAINER_FILTERS, containerSummary, filterContainers } from '../json/container-list.js';
import { containerSpec } from '../json/container-create.js';
import { FOLD, portSpecs } from '../json/ports.js';
import { oneOf, refuseOthers } from '../json/refuse.js';
import { changedResources } from '../json/resources.js';
import { ContainerCreate, ContainerUpdate } from '../json/schemas.js';
import { parseUntil } from '../json/until.js';
import type { ApiContext } from './context.js';
import { IdParameter, terminalSize } from './parameters.js';

/** Containers and their lives; what they write is in `output.ts`. */
export function containerRoutes(app: App, { engine, host }: ApiContext): void {
  const { containers } = engine;

  const sizes = async (id: string) => {
    const { writable, total } = await containers.sizes(id);
    return { SizeRw: writable, SizeRootFs: total };
  };

  app.post('/containers/create', { schema: { body: ContainerCreate } }, async (request, reply) => {
    const query = new Query(request);
    requirePlatform(query.text('platform'), host.architecture);
    const { container, warnings } = await containers.create(
      containerSpec(request.body, query.text('name'), request.apiVersion),
    );
    return reply.code(201).send({ Id: container.id, Warnings: warnings });
  });

  app.get('/containers/json', async (request) => {
    const query = new Query(request);
    const filters = query.filters(CONTAINER_FILTERS);
    const limit = query.integer('limit') ?? 0;
    // Docker's rule: a limit, or a filter for a state, looks at all containers.
    const all =
      query.flag('all') ||
      limit > 0 ||
      ['status', 'exited', 'before', 'since'].some((name) => filters.has(name));
    const shown = containers
      .list()
      .filter((container) => all || ['running', 'paused', 'restarting'].includes(container.state.status));
    const found = filterContainers(shown, filters, (reference) => containers.get(reference));
    const summaries = (limit > 0 ? found.slice(0, limit) : found).map(async (container) => ({
      ...containerSummary(container, query.flag('ranges') ? FOLD.always : FOLD.never),
      ...(query.flag('size') && (await sizes(container.id))),
    }));
    return Promise.all(summaries);
  });

  app.get('/containers/:id/json', { schema: { params: IdParameter } }, async (request) => {
    const query = new Query(request);
    const container = containers.get(request.params.id);
    return {
      ...containerInspect(container, query.flag('ranges') ? FOLD.always : FOLD.long),
      ...(query.flag('size') && (await sizes(container.id))),
    };
  });

  app.post('/containers/prune', async (request) => {
    const filters = new Query(request).filters(['label', 'label!', 'until']);
    const until = (filters.get('until') ?? []).map(parseUntil);
    const unwanted = filters.get('label!') ?? [];
    const { removed, bytes } = await containers.prune(
      ({ created, labels }) =>
        until.some((instant) => Date.parse(created) >= instant) ||
        !hasLabels(labels, filters.get('label')) ||
        unwanted.some((label) => hasLabels(labels, [label])),
    );
    return { ContainersDeleted: removed.length === 0 ? null : removed, SpaceReclaimed: bytes };
  });

  app.post('/containers/:id/start', { schema: { params: IdParameter } }, async (request, reply) => {
    const query = new Query(request);
    if (query.text('checkpoint') !== undefined) throw notSupported('checkpoint');
    await containers.start(request.params.id);
    return reply.code(204).send();
  });

  app.post('/containers/:id/stop', { schema: { params: IdParameter } }, async (request, reply) => {
    const query = new Query(request);
    await containers.stop(request.params.id, {
      signal: query.text('signal'),
      timeoutSeconds: query.integer('t'),
    });
    return reply.code(204).send();
  });

  app.post('/containers/:id/restart', { schema: { params: IdParameter } }, async (request, reply) => {
    const query = new Query(request);
    await containers.restart(request.params.id, {
      signal: query.text('signal'),
      timeoutSeconds: query.integer('t'),
    });
    return reply.code(204).send();
  });

  app.post('/containers/:id/pause', { schema: { params: IdParameter } }, async (request, reply) => {
    await containers.pause(request.params.id);
    return reply.code(204).send();
  });

  app.post('/containers/:id/unpause', { schema: { params: IdParameter } }, async (request, reply) => {
    await containers.unpause(request.params.id);
    return reply.code(204).send();
  });

  app.post(
    '/containers/:id/update',
    { schema: { params: IdParameter, body: ContainerUpdate } },
    async (request) => {
      refuseOthers('', request.body, Object.keys(ContainerUpdate.properties), {
        // What clients send for a value that was left alone.
        MemorySwappiness: oneOf(-1),
      });
      const changes = changedResources(request.body);
      const { PortBindings: bindings, RestartPolicy: policy } = request.body;
      if (policy?.Name) {
        await containers.updateRestartPolicy(
          request.params.id,
          restartPolicy(policy.Name, policy.MaximumRetryCount ?? 0),
        );
      }
      if (bindings !== undefined && bindings !== null)
        await containers.updatePorts(request.params.id, portSpecs(bindings));
      const warnings =
        Object.keys(changes).length > 0 ? await containers.updateResources(request.params.id, changes) : [];
      return { Warnings: warnings };
    },
  );

  app.post('/containers/:id/kill', { schema: { params: IdParameter } }, async (request, reply) => {
    await containers.kill(request.params.id, new Query(request).text('signal'));
    return reply.code(204).send();
  });

  app.post('/containers/:id/rename', { schema: { params: IdParameter } }, async (request, reply) => {
    const name = new Query(request).text('name');
    if (name === undefined) throw new BerthError('invalid', 'Neither old nor new names may be empty');
    containers.rename(request.params.id, name);
    return reply.code(204).send();
  });

  app.delete('/containers/:id', { schema: { params: IdParameter } }, async (request, reply) => {
    const query = new Query(request);
    if (query.flag('link')) {
      containers.get(request.params.id);
      throw new BerthError('conflict', 'Conflict, cannot remove the default link name of the container');
    }
    await containers.remove(request.params.id, { force: query.flag('force'), volumes: query.flag('v') });
    return reply.code(204).send();
  });

  // A link goes by the container that has it, and what this calls the other one.
  app.delete('/containers/:id/:alias', (request, reply) => {
    const { id, alias } = request.params as { readonly id: string; readonly alias: string };
    if (!new Query(request).flag('link'))
      throw new BerthError('not-found', `No such container: ${id}/${alias}`);
    containers.removeLink(id, alias);
    return reply.code(204).send();
  });

  app.post('/containers/:id/resize', { schema: { params: IdParameter } }, async (request, reply) => {
    await containers.resize(request.params.id, terminalSize(new Query(request)));
    return reply.send();
  });

  app.post('/containers/:id/wait', { schema: { params: IdParameter } }, async (request, reply) => {
    const condition = waitCondition(new Query(request).text('condition'));
    const { id } = containers.get(request.params.id);
    const ended = containers.wait(id, condition);
    // The header goes out before the container is started: `docker run` waits for it with the start.
    reply.hijack();
    reply.raw.writeHead(200, { ...textHeaders(reply.getHeaders()), 'content-type': 'application/json' });
    reply.raw.flushHeaders();
    try {
      const { exitCode, error } = await ended;
      reply.raw.end(
        JSON.stringify({
          StatusCode: exitCode,
          ...(error === undefined ? {} : { Error: { Message: error } }),
        }),
      );
    } catch (error) {
      const message = isBerthError(error) ? error.message : String(error);
      reply.raw.end(JSON.stringify({ StatusCode: -1, Error: { Message: message } }));
    }
  });
}

function waitCondition(text: string | undefined): WaitCondition {
  if (text === undefined) return 'not-running';
  if (text === 'not-running' || text === 'next-exit' || text === 'removed') return text;
  throw new BerthError(
    'invalid',
    `invalid condition: "${text}": it must be one of not-running, next-exit, removed`,
  );
}

function requirePlatform(platform: string | undefined, architecture: string): void {
  if (platform === undefined) return;
  const [os, wanted = architecture] = platform.split('/');
  if (os === 'linux' && wanted === architecture) return;
  throw new BerthError(
    'invalid',
    `platform ${platform} is not supported: this host runs linux/${architecture}`,
  );
}

/** Headers that a hijacked reply has to write itself. */
function textHeaders(headers: Record<string, unknown>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]));
}
