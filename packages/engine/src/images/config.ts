import { BerthError } from '@berth/core';
import { mergePorts } from '../ports/runs.js';
import type { ExposedPort, ImageConfig } from '../model.js';
import { healthcheckInstruction } from './healthcheck.js';

/** What an image without any configuration gives. */
export const EMPTY_CONFIG: ImageConfig = { env: [], exposedPorts: [], labels: {}, volumes: [] };

/**
 * Applies Dockerfile instructions, as `docker import --change` does.
 *
 * @throws BerthError `invalid` for a malformed or unsupported instruction
 */
export function applyChanges(base: ImageConfig, changes: readonly string[]): ImageConfig {
  return changes.reduce(applyChange, base);
}

function applyChange(config: ImageConfig, change: string): ImageConfig {
  const match = /^\s*([A-Za-z]+)\s+([\s\S]*\S)\s*$/.exec(change);
  if (match === null) {
    throw new BerthError('invalid', `${JSON.stringify(change)} is no instruction; one looks like CMD ["sh"]`);
  }
  const [, word = '', rest = ''] = match;
  switch (word.toUpperCase()) {
    case 'CMD':
      return { ...config, command: commandOf(rest) };
    case 'ENTRYPOINT':
      return { ...config, entrypoint: commandOf(rest) };
    case 'ENV':
      return {
        ...config,
        env: mergeEnvironment(
          config.env,
          pairsOf(word, rest).map(([k, v]) => `${k}=${v}`),
        ),
      };
    case 'LABEL':
      return { ...config, labels: { ...config.labels, ...Object.fromEntries(pairsOf(word, rest)) } };
    case 'EXPOSE':
      return {
        ...config,
        exposedPorts: mergePorts(config.exposedPorts, rest.split(/\s+/).map(parsePort)),
      };
    case 'WORKDIR':
      return {
        ...config,
        workingDirectory: rest.startsWith('/') ? rest : `${config.workingDirectory ?? ''}/${rest}`,
      };
    case 'USER':
      return { ...config, user: rest };
    case 'STOPSIGNAL':
      return { ...config, stopSignal: rest };
    case 'HEALTHCHECK':
      return { ...config, healthcheck: healthcheckInstruction(rest, jsonArray) };
    case 'VOLUME':
      return { ...config, volumes: [...config.volumes, ...(jsonArray(rest) ?? rest.split(/\s+/))] };
    default:
      throw new BerthError('invalid', `${word} is not a valid change command`);
  }
}

/** The exec form is JSON; anything else is a line for the shell. */
function commandOf(text: string): string[] {
  return jsonArray(text) ?? ['/bin/sh', '-c', text];
}

function jsonArray(text: string): string[] | undefined {
  try {
    const value: unknown = JSON.parse(text);
    if (Array.isArray(value) && value.every((item): item is string => typeof item === 'string')) return value;
  } catch {
    // Not JSON: the shell form.
  }
  return undefined;
}

/** `a=b "c d=e"`, or the old form `a b c` for one pair. */
function pairsOf(word: string, text: string): [string, string][] {
  const words = [...text.matchAll(/(?:[^\s"'\\]|\\.|"(?:[^"\\]|\\.)*"|'[^']*')+/g)].map(([whole]) =>
    unquote(whole),
  );
  const [first = '', ...others] = words;
  if (!first.includes('=')) {
    if (others.length === 0) {
      throw new BerthError(
        'invalid',
        `${word.toUpperCase()} must have two arguments: ${JSON.stringify(text)}`,
      );
    }
    return [[first, text.slice(text.indexOf(first) + first.length).trim()]];
  }
  return words.map((pair) => {
    const equals = pair.indexOf('=');
    if (equals < 1) {
      throw new BerthError(
        'invalid',
        `${word.toUpperCase()}: ${JSON.stringify(pair)} is not of the form name=value`,
      );
    }
    return [pair.slice(0, equals), pair.slice(equals + 1)];
  });
}

function unquote(text: string): string {
  return text.replace(
    /"((?:[^"\\]|\\.)*)"|'([^']*)'|\\(.)/g,
    (_, double?: string, single?: string, escaped?: string) =>
      double !== undefined ? double.replace(/\\(["\\$])/g, '$1') : (single ?? escaped ?? ''),
  );
}

/** `80`, `80/udp`, `8000-8010/tcp`. */
export function parsePort(text: string): ExposedPort {
  const match = /^(\d+)(?:-(\d+))?(?:\/(tcp|udp|sctp))?$/.exec(text.toLowerCase());
  const first = Number(match?.[1]);
  const last = Number(match?.[2] ?? match?.[1]);
  if (match === null || first < 1 || last > 65_535 || last < first) {
    throw new BerthError(
      'invalid',
      `invalid containerPort: ${text}; a port is a number from 1 to 65535, with /tcp, /udp or /sctp`,
    );
  }
  const protocol = match[3] === 'udp' || match[3] === 'sctp' ? match[3] : 'tcp';
  return { port: first, protocol, ...(last > first && { count: last - first + 1 }) };
}

/** The later list's variables replace those of the same name; Docker keeps the order of first appearance. */
export function mergeEnvironment(base: readonly string[], over: readonly string[]): string[] {
  const byName = new Map<string, string>();
  for (const entry of [...base, ...over]) {
    const equals = entry.indexOf('=');
    const name = equals < 0 ? entry : entry.slice(0, equals);
    // A name alone takes the variable away (`docker run -e NAME` with NAME unset here).
    if (equals < 0) byName.delete(name);
    else byName.set(name, entry);
  }
  return [...byName.values()];
}
