import { constants } from 'node:os';
import { BerthError } from '@berth/core';

/** First and last real-time signal as the C library counts them (signal(7)). */
const SIGRTMIN = 34;
const SIGRTMAX = 64;

/**
 * A signal's number, from `SIGTERM`, `TERM`, `15`, `RTMIN+3`.
 *
 * @throws BerthError `invalid`
 */
export function signalNumber(text: string): number {
  const name = text.toUpperCase().replace(/^SIG/, '');
  const known = (constants.signals as Record<string, number>)[`SIG${name}`];
  if (known !== undefined) return known;
  const realTime = /^RT(MIN\+|MAX-)(\d+)$/.exec(name);
  const offset = Number(realTime?.[2]);
  const number =
    realTime === null ? Number(name) : realTime[1] === 'MIN+' ? SIGRTMIN + offset : SIGRTMAX - offset;
  if (name !== '' && Number.isInteger(number) && number > 0 && number <= SIGRTMAX) return number;
  throw new BerthError('invalid', `Invalid signal: ${text}`, { subject: text });
}
