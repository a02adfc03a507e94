import { BerthError } from '@berth/core';
import type { Ulimit } from '../host-spec.js';

/** `process.rlimits` of an OCI configuration. */
export interface RuntimeLimit {
  readonly type: string;
  readonly soft: bigint;
  readonly hard: bigint;
}

/** getrlimit(2). */
const NAMES = new Set(
  'as core cpu data fsize locks memlock msgqueue nice nofile nproc rss rtprio rttime sigpending stack'.split(
    ' ',
  ),
);

/** RLIM_INFINITY of linux/resource.h. */
const INFINITY = 0xffff_ffff_ffff_ffffn;

/** @throws BerthError `invalid`, in Docker's wording */
export function runtimeLimit({ name, soft, hard }: Ulimit): RuntimeLimit {
  if (!NAMES.has(name)) throw new BerthError('invalid', `invalid ulimit type: ${name}`, { subject: name });
  const [low, high] = [value(soft), value(hard)];
  if (low > high) {
    throw new BerthError(
      'invalid',
      `ulimit soft limit must be less than or equal to hard limit: ${soft} > ${hard}`,
      {
        subject: name,
      },
    );
  }
  return { type: `RLIMIT_${name.toUpperCase()}`, soft: low, hard: high };
}

function value(limit: number): bigint {
  if (limit < 0) return INFINITY;
  if (limit >= 2 ** 63)
    throw new BerthError('invalid', `invalid ulimit value: ${limit} is too large; -1 is no limit`);
  return BigInt(limit);
}
