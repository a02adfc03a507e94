import { BerthError, isBerthError } from '@berth/core';
import { credentials, registryAuth } from '../json/registry-auth.js';
import { notSupported } from '../http/errors.js';
import { Query } from '../http/query.js';
import type { App } from '../http/server.js';
import type { ApiContext } from './context.js';
import { NameParameter } from './parameters.js';
import { sendProgress } from './progress.js';

/** What is asked of registries, but for pulling. */
export function registryRoutes(app: App, { engine, logger }: ApiContext): void {
  const { registry } = engine;

  app.post('/images/:name/push', { schema: { params: NameParameter } }, async (request, reply) => {
    const query = new Query(request);
    if (query.text('platform') !== undefined) throw notSupported('pushing one platform of an image');
    const { name, tag } = nameAndTag(request.params.name, query.text('tag'));
    const login = registryAuth(request.headers['x-registry-auth']);
    await sendProgress(reply, logger, (report, signal) =>
      registry.push(name, tag, { credentials: login, signal }, report),
    );
  });

  app.get('/images/search', () => {
    throw notSupported('searching for images', 'look at https://hub.docker.com/search');
  });

  app.get('/distribution/:name/json', { schema: { params: NameParameter } }, async (request) => {
    const login = registryAuth(request.headers['x-registry-auth']);
    const found = await registry.inspect(request.params.name, { credentials: login });
    return {
      Descriptor: { mediaType: found.mediaType, digest: found.digest, size: found.size },
      Platforms: found.platforms,
    };
  });

  app.post('/auth', async (request, reply) => {
    const { body } = request;
    if (typeof body !== 'object' || body === null) throw new BerthError('invalid', 'the request has no body');
    const fields = body as Readonly<Record<string, unknown>>;
    const login = credentials(fields);
    const server = fields['serveraddress'];
    if (login?.identityToken !== undefined) return reply.code(204).send();
    try {
      await registry.login(typeof server === 'string' ? server : '', login ?? {});
    } catch (error) {
      // Docker's status for it, which nothing else here has.
      if (isBerthError(error, 'forbidden')) return reply.code(401).send({ message: error.message });
      throw error;
    }
    return { Status: 'Login Succeeded', IdentityToken: '' };
  });
}

/** A tag in the query goes before that in the name. */
function nameAndTag(name: string, tag: string | undefined): { name: string; tag: string | undefined } {
  const colon = name.lastIndexOf(':');
  if (colon <= name.lastIndexOf('/')) return { name, tag };
  return { name: name.slice(0, colon), tag: tag ?? name.slice(colon + 1) };
}
