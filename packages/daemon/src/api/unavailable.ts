import type { HTTPMethods } from 'fastify';
import { BerthError } from '@berth/core';
import { notSupported } from '../http/errors.js';
import type { App } from '../http/server.js';

/** Paths of the Engine API that Berth does not have yet, with what is missing and, where there is one, the way round. */
const MISSING: readonly (readonly [HTTPMethods, string, string, string?])[] = [
  ['POST', '/session', 'building images'],
  ['POST', '/swarm/init', 'swarm mode'],
  ['POST', '/swarm/join', 'swarm mode'],
  ['GET', '/plugins/privileges', 'plugins'],
  ['POST', '/plugins/pull', 'plugins'],
  ['POST', '/plugins/create', 'plugins'],
  ['GET', '/plugins/:name/json', 'plugins'],
  ['DELETE', '/plugins/:name', 'plugins'],
  ['POST', '/plugins/:name/*', 'plugins'],
];

/** Paths that make sense on a swarm manager only. */
const SWARM_PATHS: readonly (readonly [HTTPMethods, string])[] = [
  ['GET', '/swarm'],
  ['GET', '/swarm/unlockkey'],
  ['POST', '/swarm/leave'],
  ['POST', '/swarm/update'],
  ['POST', '/swarm/unlock'],
  ...['nodes', 'services', 'tasks', 'secrets', 'configs'].flatMap((noun) => [
    ['GET', `/${noun}`] as const,
    ['POST', `/${noun}/*`] as const,
    ['GET', `/${noun}/*`] as const,
    ['DELETE', `/${noun}/*`] as const,
  ]),
];

/** Docker's own answer where swarm mode is off. */
const NOT_A_MANAGER =
  'This node is not a swarm manager. Use "docker swarm init" or "docker swarm join" to connect this node to swarm and try again.';

/** Answers for what Berth has not: refusals that name it, and what a Docker without swarm and plugins says. */
export function unavailableRoutes(app: App): void {
  for (const [method, url, what, instead] of MISSING) {
    app.route({
      method,
      url,
      handler: () => {
        throw notSupported(what, instead);
      },
    });
  }
  for (const [method, url] of SWARM_PATHS) {
    app.route({
      method,
      url,
      handler: () => {
        throw new BerthError('unavailable', NOT_A_MANAGER);
      },
    });
  }
  app.get('/plugins', () => []);
}
