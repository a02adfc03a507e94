import { parseDuration } from '@berth/core';

const SIZES: Readonly<Record<string, number>> = {
  '': 1,
  b: 1,
  k: 1024,
  kb: 1024,
  m: 1024 ** 2,
  mb: 1024 ** 2,
  g: 1024 ** 3,
  gb: 1024 ** 3,
  t: 1024 ** 4,
  tb: 1024 ** 4,
};

/** Bytes of `512m`, `1.5g`, `64`, in powers of 1,024 as docker's flags have them; undefined for what is none. */
export function parseSize(text: string): number | undefined {
  const [, number = '', unit = ''] = /^(\d+(?:\.\d+)?) ?([a-z]*)$/i.exec(text.trim()) ?? [];
  const factor = SIZES[unit.toLowerCase().replace(/ib$/, 'b')];
  return number === '' || factor === undefined ? undefined : Math.trunc(Number(number) * factor);
}

/** Nanoseconds of a flag's `1m30s`, or of 0, which needs no unit; undefined for what is none. */
export function parseDurationFlag(text: string): number | undefined {
  return text === '0' ? 0 : parseDuration(text);
}
