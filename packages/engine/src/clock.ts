import { setTimeout as delay } from 'node:timers/promises';

/** What Docker prints for an instant that never was. */
export const NEVER = '0001-01-01T00:00:00Z';

/** Nanoseconds since 1970, to the microsecond. */
export function nowNano(): bigint {
  const milliseconds = performance.timeOrigin + performance.now();
  return BigInt(Math.round(milliseconds * 1000)) * 1000n;
}

/** Nanoseconds since 1970 as RFC 3339 with nine decimals, UTC. */
export function formatInstant(nano: bigint): string {
  const seconds = Number(nano / 1_000_000_000n);
  const fraction = String(nano % 1_000_000_000n).padStart(9, '0');
  return `${new Date(seconds * 1000).toISOString().slice(0, 19)}.${fraction}Z`;
}

/** Now, as RFC 3339 with nine decimals, UTC. */
export function now(): string {
  return formatInstant(nowNano());
}

/** RFC 3339 as nanoseconds since 1970; `undefined` if it is none. */
export function parseInstant(text: string): bigint | undefined {
  const match = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)$/.exec(text);
  if (match === null) return undefined;
  const [, seconds = '', fraction = '', zone = 'Z'] = match;
  const milliseconds = Date.parse(`${seconds}${zone}`);
  if (Number.isNaN(milliseconds)) return undefined;
  return BigInt(milliseconds) * 1_000_000n + BigInt(fraction.padEnd(9, '0'));
}

/** The longest time that a timer of Node's can wait, in milliseconds; a longer one fires at once. */
export const LONGEST_TIMER = 2 ** 31 - 1;

/** The promise's value, or `undefined` after so many milliseconds. */
export async function within<T>(promise: Promise<T>, milliseconds: number): Promise<T | undefined> {
  const abort = new AbortController();
  try {
    return await Promise.race([
      promise,
      delay(Math.min(milliseconds, LONGEST_TIMER), undefined, { signal: abort.signal }),
    ]);
  } finally {
    abort.abort();
  }
}
