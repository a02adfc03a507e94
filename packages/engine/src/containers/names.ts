import { randomInt } from 'node:crypto';
import { BerthError } from '@berth/core';

const ADJECTIVES =
  `agile amber ample bold brave bright brisk calm candid clear clever cosy crisp curious dapper daring deft eager
  earnest easy fair fleet frank fresh gentle glad golden grand handy happy hardy honest jolly keen kind lively loyal lucid lucky
  mellow merry mild modest neat nimble noble patient placid plucky polite proud quick quiet rapid ready robust serene sharp
  sincere sleek smooth snug sober solid sound spry steady still stout sturdy sunny swift tidy tranquil trim true upbeat
  valiant vivid warm wise witty zesty`.split(/\s+/);

/** People of networks, ships and the sea. */
const SURNAMES =
  `amundsen baran bartlett beaufort bering boggs cabot cerf clark cook crocker davies deering diffie
  drake dunlap earhart eckert feinler floyd fulton hamming hawkins hellman hopper hudson jacobson kahn kleinrock lamport
  licklider liskov lovelace magellan maury mcauley metcalfe mockapetris molinari nagle nansen nyquist perlman postel pouzin
  radia rescorla roberts ross scott shackleton shannon slocum stevens tasman tomlinson turing vasa zimmermann`
    .split(/\s+/)
    .filter((name) => !name.includes('_'));

/** A name like `brave_postel` that `taken` does not know. */
export function generateName(taken: (name: string) => boolean): string {
  for (let attempt = 0; ; attempt++) {
    const name = `${pick(ADJECTIVES)}_${pick(SURNAMES)}${attempt < 6 ? '' : randomInt(10 ** Math.min(attempt - 5, 9))}`;
    if (!taken(name)) return name;
  }
}

/**
 * A name as the client gave it, without the leading slash.
 *
 * @throws BerthError `invalid`, in Docker's wording
 */
export function checkName(text: string): string {
  const name = text.replace(/^\//, '');
  if (!/^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/.test(name)) {
    throw new BerthError(
      'invalid',
      `Invalid container name (${text}), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed`,
      { subject: text },
    );
  }
  return name;
}

function pick(words: readonly string[]): string {
  return words[randomInt(words.length)] ?? 'plain';
}
