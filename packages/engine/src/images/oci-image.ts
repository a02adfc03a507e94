import { createHash } from 'node:crypto';
import { BerthError } from '@berth/core';
import { NEVER } from '../clock.js';
import type { Healthcheck, ImageId } from '../model.js';
import { EMPTY_CONFIG, parsePort } from './config.js';
import type { HistoryEntry, Image, ImageConfig } from './model.js';

/** What an image's own configuration says of it. */
export type ImageDescription = Omit<
  Image,
  'id' | 'repoTags' | 'repoDigests' | 'size' | 'parent' | 'lastTagTime'
>;

type Fields = Readonly<Record<string, unknown>>;

/** The id of an image is the digest of its configuration. */
export function imageIdOf(text: string | Buffer): ImageId {
  return `sha256:${createHash('sha256').update(text).digest('hex')}` as ImageId;
}

/**
 * Reads the configuration of an image (OCI image specification, config.md; Docker's is a superset).
 *
 * @throws BerthError `invalid` if it is none, `unsupported` if the image is for another operating system
 */
export function readImageConfig(text: string): ImageDescription {
  const image = asFields(parse(text), 'it');
  const os = textOf(image, 'os') ?? 'linux';
  if (os !== 'linux') {
    throw new BerthError(
      'unsupported',
      `image operating system "${os}" cannot be used on this platform: operating system is not supported`,
    );
  }
  const rootfs = asFields(image['rootfs'] ?? {}, 'rootfs');
  const diffIds = strings(rootfs['diff_ids'] ?? [], 'rootfs.diff_ids');
  for (const diffId of diffIds)
    if (!/^sha256:[0-9a-f]{64}$/.test(diffId)) throw damaged(`${JSON.stringify(diffId)} is no digest`);
  const history = listOf(image['history'] ?? [], 'history').map(historyEntry);
  return {
    created: textOf(image, 'created') ?? NEVER,
    message: textOf(image, 'comment') ?? history.at(-1)?.comment ?? '',
    author: textOf(image, 'author'),
    architecture: textOf(image, 'architecture') ?? '',
    variant: textOf(image, 'variant'),
    os,
    config: containerConfig(asFields(image['config'] ?? {}, 'config')),
    diffIds,
    history,
  };
}

/** The configuration of an image as JSON, whose digest is the image's id. */
export function writeImageConfig(image: ImageDescription): string {
  return JSON.stringify({
    architecture: image.architecture,
    ...(image.variant !== undefined && { variant: image.variant }),
    os: image.os,
    config: dockerConfig(image.config),
    created: image.created,
    author: image.author,
    comment: image.message === '' ? undefined : image.message,
    history: image.history.map(({ created, createdBy, author, comment, emptyLayer }) => ({
      created,
      created_by: createdBy,
      author,
      comment,
      empty_layer: emptyLayer,
    })),
    rootfs: { type: 'layers', diff_ids: image.diffIds },
  });
}

function containerConfig(config: Fields): ImageConfig {
  const user = textOf(config, 'User');
  const workingDirectory = textOf(config, 'WorkingDir');
  const present = (name: string) => config[name] !== undefined && config[name] !== null;
  return {
    ...EMPTY_CONFIG,
    env: strings(config['Env'] ?? [], 'config.Env'),
    exposedPorts: Object.keys(asFields(config['ExposedPorts'] ?? {}, 'config.ExposedPorts')).map(parsePort),
    labels: stringMap(config['Labels'] ?? {}, 'config.Labels'),
    volumes: Object.keys(asFields(config['Volumes'] ?? {}, 'config.Volumes')),
    ...(present('Cmd') && { command: strings(config['Cmd'], 'config.Cmd') }),
    ...(present('Entrypoint') && { entrypoint: strings(config['Entrypoint'], 'config.Entrypoint') }),
    ...(user !== undefined && { user }),
    ...(workingDirectory !== undefined && { workingDirectory }),
    ...(textOf(config, 'StopSignal') !== undefined && { stopSignal: textOf(config, 'StopSignal') }),
    ...(present('Healthcheck') && { healthcheck: healthcheck(config['Healthcheck']) }),
  };
}

/**
 * Those parts of an image's configuration that Docker's `config` names.
 *
 * @throws BerthError `invalid`
 */
export function partOfConfig(config: Fields): Partial<ImageConfig> {
  const names: Readonly<Record<string, keyof ImageConfig>> = {
    Cmd: 'command',
    Entrypoint: 'entrypoint',
    Env: 'env',
    ExposedPorts: 'exposedPorts',
    Labels: 'labels',
    StopSignal: 'stopSignal',
    User: 'user',
    Volumes: 'volumes',
    WorkingDir: 'workingDirectory',
  };
  const whole = containerConfig(config);
  const given = Object.keys(config).flatMap((name) => names[name] ?? []);
  return Object.fromEntries(given.map((name) => [name, whole[name]]));
}

function dockerConfig(config: ImageConfig): Fields {
  const set = (names: readonly string[]) =>
    names.length === 0 ? undefined : Object.fromEntries(names.map((name) => [name, {}]));
  const ports = config.exposedPorts.flatMap(({ port, protocol, count = 1 }) =>
    Array.from({ length: count }, (_, index) => `${port + index}/${protocol}`),
  );
  const health = config.healthcheck;
  return {
    User: config.user,
    ExposedPorts: set(ports),
    Env: config.env,
    Entrypoint: config.entrypoint,
    Cmd: config.command,
    Volumes: set(config.volumes),
    WorkingDir: config.workingDirectory,
    Labels: Object.keys(config.labels).length === 0 ? undefined : config.labels,
    StopSignal: config.stopSignal,
    Healthcheck: health && {
      Test: health.test,
      Interval: health.interval,
      Timeout: health.timeout,
      StartPeriod: health.startPeriod,
      StartInterval: health.startInterval,
      Retries: health.retries,
    },
  };
}

function healthcheck(value: unknown): Healthcheck {
  const fields = asFields(value, 'config.Healthcheck');
  const number = (name: string) => (typeof fields[name] === 'number' ? fields[name] : undefined);
  return {
    test: strings(fields['Test'] ?? [], 'config.Healthcheck.Test'),
    interval: number('Interval'),
    timeout: number('Timeout'),
    startPeriod: number('StartPeriod'),
    startInterval: number('StartInterval'),
    retries: number('Retries'),
  };
}

function historyEntry(value: unknown): HistoryEntry {
  const fields = asFields(value, 'history');
  return {
    created: textOf(fields, 'created'),
    createdBy: textOf(fields, 'created_by'),
    author: textOf(fields, 'author'),
    comment: textOf(fields, 'comment'),
    ...(fields['empty_layer'] === true && { emptyLayer: true }),
  };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new BerthError('invalid', 'the configuration of the image is damaged: it is not JSON', { cause });
  }
}

/** A JSON object's fields. @throws BerthError `invalid` */
function asFields(value: unknown, what: string): Fields {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Fields;
  if (value === null) return {};
  throw damaged(`${what} must be an object`);
}

function listOf(value: unknown, what: string): readonly unknown[] {
  if (Array.isArray(value)) return value as unknown[];
  throw damaged(`${what} must be a list`);
}

function strings(value: unknown, what: string): string[] {
  if (value === null) return [];
  return listOf(value, what).map((item) => {
    if (typeof item === 'string') return item;
    throw damaged(`${what} must be a list of strings`);
  });
}

function stringMap(value: unknown, what: string): Record<string, string> {
  return Object.fromEntries(
    Object.entries(asFields(value, what)).map(([key, item]) => {
      if (typeof item === 'string') return [key, item];
      throw damaged(`${what}.${key} must be a string`);
    }),
  );
}

/** Absent and empty are one. */
function textOf(fields: Fields, name: string): string | undefined {
  const value = fields[name];
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function damaged(why: string): BerthError {
  return new BerthError('invalid', `the configuration of the image is damaged: ${why}`);
}
