import { BerthError, parseDuration } from '@berth/core';
import { checkHealthcheck } from '../containers/health.js';
import type { Healthcheck } from '../model.js';

/**
 * Reads what follows HEALTHCHECK in a Dockerfile: `NONE`, or options and `CMD …`.
 *
 * @param execForm reads a command in the exec form, which is JSON
 * @throws BerthError `invalid`
 */
export function healthcheckInstruction(
  text: string,
  execForm: (text: string) => readonly string[] | undefined,
): Healthcheck {
  const match = /^((?:--\S+\s+)*)(\S+)\s*([\s\S]*)$/.exec(text);
  const [, options = '', kind = '', rest = ''] = match ?? [];
  if (/^none$/i.test(kind)) {
    if (rest !== '') throw new BerthError('invalid', 'HEALTHCHECK NONE takes no arguments');
    return { test: ['NONE'] };
  }
  if (!/^cmd$/i.test(kind))
    throw new BerthError('invalid', `Unknown type ${JSON.stringify(kind)} in HEALTHCHECK (try CMD)`);
  if (rest === '') throw new BerthError('invalid', 'Missing command after HEALTHCHECK CMD');
  const words = execForm(rest);
  const check = {
    test: words === undefined ? ['CMD-SHELL', rest] : ['CMD', ...words],
    ...Object.fromEntries(
      options
        .split(/\s+/)
        .filter((option) => option !== '')
        .map(optionOf),
    ),
  };
  checkHealthcheck(check);
  return check;
}

function optionOf(option: string): [keyof Healthcheck, number] {
  const [name = '', value = ''] = option.slice(2).split('=');
  switch (name) {
    case 'interval':
    case 'timeout':
      return [name, nanoseconds(option, value)];
    case 'start-period':
      return ['startPeriod', nanoseconds(option, value)];
    case 'start-interval':
      return ['startInterval', nanoseconds(option, value)];
    case 'retries':
      if (/^\d{1,9}$/.test(value)) return [name, Number(value)];
      throw new BerthError('invalid', `${option} of HEALTHCHECK: a number must follow, like --retries=3`);
    default:
      throw new BerthError('invalid', `Unknown flag of HEALTHCHECK: ${name}`, { subject: name });
  }
}

/** A duration as Go writes it: `1m30s`. */
function nanoseconds(option: string, text: string): number {
  const duration = parseDuration(text);
  if (duration !== undefined) return duration;
  throw new BerthError('invalid', `${option} of HEALTHCHECK: a duration must follow, like 1m30s`);
}
