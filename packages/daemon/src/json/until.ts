import { BerthError } from '@berth/core';

const UNIT_MILLISECONDS: Readonly<Record<string, number>> = { h: 3_600_000, m: 60_000, s: 1000, ms: 1 };

/** `10m`, `1h30m` (ago), seconds since 1970, or a date; in milliseconds since 1970. @throws BerthError `invalid` */
export function parseUntil(text: string): number {
  if (/^\d+(\.\d+)?$/.test(text)) return Number(text) * 1000;
  if (/^(\d+(\.\d+)?(ms|[hms]))+$/.test(text)) {
    const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ms|[hms])/g)];
    const ago = parts.map(([, count, unit]) => Number(count) * (UNIT_MILLISECONDS[unit ?? ''] ?? 0));
    return Date.now() - ago.reduce((sum, part) => sum + part, 0);
  }
  const date = Date.parse(text);
  if (Number.isNaN(date)) {
    throw new BerthError(
      'invalid',
      `invalid filter 'until=${text}': it must be a date, or a duration such as 1h30m`,
    );
  }
  return date;
}
