import { BerthError } from '@berth/core';
import type { FastifyRequest } from 'fastify';

/** Values by filter name, as Docker's `filters` parameter carries them. */
export type Filters = ReadonlyMap<string, readonly string[]>;

/** Reads a request's query in Docker's way: everything is optional text, flags are anything but 0, no, false, none. */
export class Query {
  readonly #values: Readonly<Record<string, unknown>>;

  constructor(request: FastifyRequest) {
    this.#values = request.query as Readonly<Record<string, unknown>>;
  }

  /** The last value given; undefined where there is none or it is empty. */
  text(name: string): string | undefined {
    return this.list(name).at(-1);
  }

  list(name: string): string[] {
    const value = this.#values[name];
    const values: unknown[] = Array.isArray(value) ? value : [value];
    return values.filter((item): item is string => typeof item === 'string' && item !== '');
  }

  flag(name: string): boolean {
    const text = this.text(name)?.trim().toLowerCase();
    return text !== undefined && !['0', 'no', 'false', 'none'].includes(text);
  }

  /** @throws BerthError `invalid` where it is no whole number */
  integer(name: string): number | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    if (!/^-?\d{1,15}$/.test(text)) {
      throw new BerthError('invalid', `query parameter ${name} must be a whole number, not "${text}"`);
    }
    return Number(text);
  }

  /**
   * Seconds since 1970, with up to nine decimals, as nanoseconds; undefined for none or 0.
   *
   * @throws BerthError `invalid`
   */
  instant(name: string): bigint | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    const match = /^(-?\d{1,12})(?:\.(\d{1,9}))?$/.exec(text);
    if (match === null) {
      throw new BerthError('invalid', `query parameter ${name} must be seconds since 1970, not "${text}"`);
    }
    const nanoseconds = BigInt(match[1] ?? '0') * 1_000_000_000n + BigInt((match[2] ?? '').padEnd(9, '0'));
    return nanoseconds === 0n ? undefined : nanoseconds;
  }

  /**
   * The `filters` parameter: `{"label": ["a=b"]}`, or `{"label": {"a=b": true}}` from the docker command.
   *
   * @param known filters that the caller acts on; any other is refused by name
   * @throws BerthError `invalid`
   */
  filters(known: readonly string[]): Filters {
    const text = this.text('filters');
    if (text === undefined) return new Map();
    const filters = new Map(
      Object.entries(filterObject(text)).map(([name, raw]) => [name, filterValues(name, raw)]),
    );
    for (const name of filters.keys()) {
      if (!known.includes(name)) {
        throw new BerthError('invalid', `invalid filter '${name}': known here are ${known.join(', ')}`);
      }
    }
    return filters;
  }
}

function filterObject(text: string): object {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (cause) {
    throw new BerthError('invalid', `query parameter filters is not JSON: ${text}`, { cause });
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
    throw new BerthError('invalid', `query parameter filters must be a JSON object, not ${text}`);
  }
  return parsed;
}

function filterValues(name: string, raw: unknown): string[] {
  if (Array.isArray(raw) && raw.every((value): value is string => typeof value === 'string')) return raw;
  if (typeof raw === 'object' && raw !== null && !Array.isArray(raw)) {
    return Object.entries(raw).flatMap(([value, wanted]) => (wanted === true ? [value] : []));
  }
  throw new BerthError('invalid', `filter ${name} must be a list of strings`);
}

/** Whether `labels` have all that `wanted` (`key` or `key=value`) names. */
export function hasLabels(labels: Readonly<Record<string, string>>, wanted: readonly string[] = []): boolean {
  return wanted.every((text) => {
    const [key = '', ...rest] = text.split('=');
    const value = Object.hasOwn(labels, key) ? labels[key] : undefined;
    return value !== undefined && (rest.length === 0 || value === rest.join('='));
  });
}
