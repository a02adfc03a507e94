import type { Server } from 'node:http';
import { BerthError, type Logger } from '@berth/core';
import type { XSchema, XStatic } from 'typebox/schema';
import fastify, {
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyTypeProvider,
  type RawReplyDefaultExpression,
  type RawRequestDefaultExpression,
} from 'fastify';
import { acceptJson, BODY_LIMIT } from './body.js';
import { errorHandler, malformedRequest, notFoundHandler } from './errors.js';
import { validator } from './schema.js';
import { acceptUpgrades } from './upgrade.js';
import { API_VERSION, versionRefusal, splitPath } from './version.js';

interface TypeBox extends FastifyTypeProvider {
  readonly validator: this['schema'] extends XSchema ? XStatic<this['schema']> : unknown;
}

export type App = FastifyInstance<
  Server,
  RawRequestDefaultExpression,
  RawReplyDefaultExpression,
  FastifyBaseLogger,
  TypeBox
>;

declare module 'fastify' {
  interface FastifyRequest {
    /** The version of the Engine API that the client speaks. */
    apiVersion: string;
  }
}

/** Bytes of a request's headers; filters travel in the URL. */
const HEADER_LIMIT = 64 * 1024;
/** Milliseconds for the headers of a request. */
const HEADER_TIMEOUT = 10_000;
/** How often, in milliseconds, connections are looked at whose headers do not come. */
const CHECK_INTERVAL = 2_000;
/** Milliseconds that an idle connection is kept for its client's next request. */
const IDLE_TIMEOUT = 72_000;

/** An HTTP server without routes, with everything that all routes share. */
export function createServer(logger: Logger, product: string): App {
  const versions = new WeakMap<object, string>();
  const app: App = fastify<Server>({
    bodyLimit: BODY_LIMIT,
    exposeHeadRoutes: false,
    forceCloseConnections: true,
    keepAliveTimeout: IDLE_TIMEOUT,
    // Of the body: an image being imported may take its time, JSON bodies have their own limit.
    requestTimeout: 0,
    routerOptions: { maxParamLength: 1024 },
    http: {
      maxHeaderSize: HEADER_LIMIT,
      headersTimeout: HEADER_TIMEOUT,
      connectionsCheckingInterval: CHECK_INTERVAL,
    },
    rewriteUrl: (raw) => {
      const { version, path } = splitPath(raw.method ?? '', raw.url ?? '/');
      versions.set(raw, version);
      return path;
    },
    clientErrorHandler: (error, socket) => {
      if (socket.writable) socket.end(malformedRequest(error));
    },
    // Neither Ajv nor fast-json-stringify is loaded: see below.
    schemaController: { compilersFactory: { buildValidator: noCompiler, buildSerializer: noCompiler } },
  }).withTypeProvider<TypeBox>();
  // Schemas are compiled by TypeBox itself; answers are what the mapping made, and need no schema of their own.
  app.setValidatorCompiler(({ schema, httpPart }) =>
    validator(schema as XSchema, `the request ${httpPart ?? ''}`),
  );
  app.setSerializerCompiler(() => (data: unknown) => JSON.stringify(data));
  app.setErrorHandler(errorHandler(logger));
  app.setNotFoundHandler(notFoundHandler);
  app.decorateRequest('apiVersion', API_VERSION);
  app.addHook('onRequest', (request, reply, done) => {
    void reply.headers({ 'Api-Version': API_VERSION, Ostype: 'linux', Server: `${product} (linux)` });
    request.apiVersion = versions.get(request.raw) ?? API_VERSION;
    done(versionRefusal(request.apiVersion));
  });
  app.addHook('onSend', (_request, reply, payload, done) => {
    // Clients compare this to the letter; Fastify would add a charset.
    if (String(reply.getHeader('content-type')).startsWith('application/json')) {
      void reply.header('content-type', 'application/json');
    }
    done(null, payload);
  });
  app.addHook('onResponse', (request, reply, done) => {
    logger.debug('request', { method: request.method, path: request.url, status: reply.statusCode });
    done();
  });
  acceptJson(app);
  acceptUpgrades(app);
  return app;
}

function noCompiler(): never {
  throw new BerthError('internal', 'a schema was compiled before the compilers were set');
}
