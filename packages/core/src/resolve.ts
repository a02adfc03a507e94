import { BerthError } from './errors.js';

interface Named {
  readonly id: string;
  readonly name: string;
}

/**
 * Finds what a user means by `reference`: a full id, else a name, else an id prefix that fits only one thing
 * (Docker's order).
 *
 * @param kind the noun for messages: `container`, `network`
 * @throws BerthError `not-found`, or `invalid` where a prefix fits several
 */
export function resolveReference<T extends Named>(kind: string, reference: string, things: Iterable<T>): T {
  const byPrefix: T[] = [];
  let byName: T | undefined;
  for (const thing of things) {
    if (thing.id === reference) return thing;
    if (thing.name === reference) byName = thing;
    if (reference !== '' && thing.id.startsWith(reference)) byPrefix.push(thing);
  }
  if (byName !== undefined) return byName;
  const [only, second] = byPrefix;
  if (only === undefined) {
    const message = kind === 'network' ? `network ${reference} not found` : `No such ${kind}: ${reference}`;
    throw new BerthError('not-found', message, { subject: reference });
  }
  if (second !== undefined) {
    const fits = byPrefix.map((thing) => `${thing.name} (${thing.id.slice(0, 12)})`).join(', ');
    throw new BerthError('invalid', `${kind} id prefix "${reference}" is ambiguous: it fits ${fits}`, {
      subject: reference,
    });
  }
  return only;
}
