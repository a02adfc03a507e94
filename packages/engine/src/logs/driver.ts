import { BerthError } from '@berth/core';
import type { ContainerSpec } from '../model.js';

/** How a container's output is kept. Both kinds of file are the same here: conmon's. */
export interface LogPlan {
  readonly driver: 'json-file' | 'local' | 'none';
  /** Bytes from which on a file is put aside; undefined for a single file without limit. */
  readonly maxSize?: number;
  /** How many files there are at most, the one that is being written included. */
  readonly maxFiles: number;
}

type LogSettings = Pick<ContainerSpec['host'], 'logDriver' | 'logOptions'>;

/** Drivers that Docker has and Berth has not. */
const ELSEWHERE = [
  'awslogs',
  'etwlogs',
  'fluentd',
  'gcplogs',
  'gelf',
  'journald',
  'logentries',
  'splunk',
  'syslog',
];
const FILE_OPTIONS = ['max-size', 'max-file', 'compress', 'mode', 'max-buffer-size'];
const ATTRIBUTE_OPTIONS = ['labels', 'labels-regex', 'env', 'env-regex', 'tag'];
const OPTIONS = {
  'json-file': [...FILE_OPTIONS, ...ATTRIBUTE_OPTIONS],
  local: FILE_OPTIONS,
} as const;
/** dockerd, daemon/logger/local: `defaultMaxFileSize` and `defaultMaxFileCount`. */
const LOCAL_DEFAULTS = { maxSize: 20_000_000, maxFiles: 5 };

/**
 * What a log configuration asks for.
 *
 * @throws BerthError `invalid`, naming the driver or the option, in Docker's wording where it has one
 */
export function logPlan({ logDriver: driver = 'json-file', logOptions = {} }: LogSettings): LogPlan {
  if (driver === 'none') return { driver, maxFiles: 1 };
  if (driver !== 'json-file' && driver !== 'local') throw noSuchDriver(driver);
  for (const name of Object.keys(logOptions)) {
    if (OPTIONS[driver].includes(name)) continue;
    const where = driver === 'local' ? 'log driver local' : 'json-file log driver';
    throw new BerthError('invalid', `unknown log opt '${name}' for ${where}`, { subject: name });
  }
  refuseUnsupported(logOptions);
  const defaults = driver === 'local' ? LOCAL_DEFAULTS : { maxSize: undefined, maxFiles: 1 };
  const size = logOptions['max-size'];
  const files = logOptions['max-file'];
  const maxSize = size === undefined ? defaults.maxSize : bytesOf(size);
  return {
    driver,
    maxFiles: files === undefined ? defaults.maxFiles : fileCount(files),
    ...(maxSize !== undefined && { maxSize }),
  };
}

/** What `docker logs --details` shows of a container, by name: what the options of its log choose of labels and variables. */
export function logAttributes({ host, labels, env }: ContainerSpec): Map<string, string> {
  const { logOptions = {} } = host;
  const variables = env.map((entry): [string, string] => {
    const equals = entry.indexOf('=');
    return equals < 0 ? [entry, ''] : [entry.slice(0, equals), entry.slice(equals + 1)];
  });
  const chosen = [
    ...choose(Object.entries(labels), logOptions['labels'], logOptions['labels-regex']),
    ...choose(variables, logOptions['env'], logOptions['env-regex']),
  ];
  return new Map(chosen.sort(([a], [b]) => (a < b ? -1 : 1)));
}

function choose(
  all: readonly (readonly [string, string])[],
  names: string | undefined,
  pattern: string | undefined,
): (readonly [string, string])[] {
  const wanted = new Set((names ?? '').split(',').filter((name) => name !== ''));
  const expression = pattern === undefined || pattern === '' ? undefined : expressionOf(pattern);
  return all.filter(([name]) => wanted.has(name) || expression?.test(name) === true);
}

function noSuchDriver(driver: string): BerthError {
  const message = ELSEWHERE.includes(driver)
    ? `log driver "${driver}" is not supported by Berth yet: json-file, local and none are`
    : `logger: no log driver named '${driver}' is registered`;
  return new BerthError('invalid', message, { subject: driver });
}

function refuseUnsupported(options: Readonly<Record<string, string>>): void {
  const { compress = 'false', mode = 'blocking', tag, 'labels-regex': labels, 'env-regex': env } = options;
  const refuse = (message: string) => new BerthError('invalid', message);
  if (!['true', 'false'].includes(compress))
    throw refuse(`log opt compress must be true or false, not '${compress}'`);
  if (compress === 'true') throw refuse('log opt compress=true is not supported by Berth yet');
  if (mode === 'non-blocking') throw refuse('log opt mode=non-blocking is not supported by Berth yet');
  if (mode !== 'blocking') throw refuse(`logger: logging mode not supported: ${mode}`);
  if (options['max-buffer-size'] !== undefined)
    throw refuse("logger: max-buffer-size option is only supported with 'mode=non-blocking'");
  if (tag !== undefined) throw refuse('log opt tag is not supported by Berth yet');
  for (const pattern of [labels, env]) if (pattern !== undefined) expressionOf(pattern);
}

function expressionOf(pattern: string): RegExp {
  try {
    return new RegExp(pattern, 'u');
  } catch (cause) {
    throw new BerthError('invalid', `log opt: invalid regular expression '${pattern}'`, { cause });
  }
}

/** go-units' FromHumanSize: decimal multiples, whatever the letter after them says. */
function bytesOf(text: string): number {
  const match = /^(\d+(?:\.\d+)?) ?([kmgtp])?i?b?$/i.exec(text);
  if (match === null) throw new BerthError('invalid', `log opt max-size: invalid size: '${text}'`);
  const power = 'kmgtp'.indexOf((match[2] ?? ' ').toLowerCase()) + 1;
  const bytes = Math.floor(Number(match[1]) * 1000 ** power);
  if (bytes <= 0) throw new BerthError('invalid', 'max-size must be a positive number');
  return bytes;
}

function fileCount(text: string): number {
  if (!/^-?\d{1,9}$/.test(text))
    throw new BerthError('invalid', `log opt max-file: invalid number: '${text}'`);
  const count = Number(text);
  if (count < 1) throw new BerthError('invalid', 'max-file cannot be less than 1');
  return count;
}
