import { BerthError } from '@berth/core';
import type { BuildOptions, Credentials } from '@berth/engine';
import { notSupported } from '../http/errors.js';
import type { Query } from '../http/query.js';
import { credentials } from './registry-auth.js';

/** Parameters of `POST /build` that are acted on, and those that change nothing here: nothing is kept between builds. */
const KNOWN = [
  ...['dockerfile', 't', 'buildargs', 'labels', 'extrahosts', 'target', 'platform', 'pull', 'q'],
  ...['version', 'networkmode', 'remote', 'outputs', 'nocache', 'rm', 'forcerm', 'cachefrom', 'buildid'],
];
/** What clients send for parameters that the user left alone. */
const NOTHING = ['', '0', 'false', 'null', '[]', '{}', 'default'];

/**
 * The query of `POST /build`.
 *
 * @throws BerthError `invalid`, or `unsupported` for what asks for something that Berth does not do
 */
export function buildOptions(
  query: Query,
  names: readonly string[],
  registryConfig: string | undefined,
): Omit<BuildOptions, 'signal'> {
  if (query.text('version') === '2') {
    throw notSupported('building with BuildKit', 'set DOCKER_BUILDKIT=0 for the classic builder');
  }
  for (const name of names) {
    if (!KNOWN.includes(name) && !NOTHING.includes(query.text(name) ?? ''))
      throw notSupported(`build parameter ${name}`);
  }
  for (const name of ['remote', 'outputs']) {
    if (!NOTHING.includes(query.text(name) ?? ''))
      throw notSupported(`build parameter ${name}`, 'send a tar');
  }
  const network = query.text('networkmode') ?? 'default';
  if (!['default', 'host'].includes(network))
    throw notSupported(`networkmode ${network} of a build`, 'builds have the network of the host');
  return {
    dockerfile: query.text('dockerfile') ?? 'Dockerfile',
    names: query.list('t'),
    arguments: stringMap('buildargs', query.text('buildargs')),
    labels: stringMap('labels', query.text('labels')),
    extraHosts: query.list('extrahosts').flatMap((entry) => entry.split(',')),
    target: query.text('target'),
    platform: query.text('platform'),
    pull: query.flag('pull'),
    quiet: query.flag('q'),
    credentials: logins(registryConfig),
  };
}

/** A JSON object of strings; null stands for what the client has no value for. */
function stringMap(name: string, text: string | undefined): Record<string, string> {
  const wrong = (cause?: unknown) =>
    new BerthError('invalid', `query parameter ${name} must be a JSON object of strings`, { cause });
  return Object.fromEntries(
    Object.entries(parsed(text ?? '{}', wrong)).flatMap(([key, value]): [string, string][] => {
      if (value === null) return [];
      if (typeof value !== 'string') throw wrong();
      return [[key, value]];
    }),
  );
}

/** The header `X-Registry-Config`: base64 of logins by registry. */
function logins(header: string | undefined): Record<string, Credentials> {
  if (header === undefined || header === '') return {};
  const wrong = (cause?: unknown) =>
    new BerthError('invalid', 'invalid X-Registry-Config header: it is not base64 of a JSON object', {
      cause,
    });
  const fields = parsed(Buffer.from(header, 'base64').toString('utf8'), wrong);
  return Object.fromEntries(
    Object.entries(fields).flatMap(([server, value]): [string, Credentials][] => {
      if (typeof value !== 'object' || value === null) throw wrong();
      const login = credentials(value as Readonly<Record<string, unknown>>);
      const host = server.replace(/^https?:\/\//, '').replace(/\/.*$/, '');
      return login === undefined ? [] : [[host === 'index.docker.io' ? 'docker.io' : host, login]];
    }),
  );
}

function parsed(text: string, wrong: (cause?: unknown) => BerthError): object {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw wrong(cause);
  }
  if (value === null) return {};
  if (typeof value !== 'object' || Array.isArray(value)) throw wrong();
  return value;
}
