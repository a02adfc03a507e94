import { randomBytes } from 'node:crypto';

declare const brand: unique symbol;

/** A string that must not be mixed up with strings of another kind. */
export type Brand<Kind extends string> = string & { readonly [brand]: Kind };

/** Hex digits of an id, as Docker's: 64. */
export const ID_LENGTH = 64;
/** Hex digits of the short form that people type and tables show. */
export const SHORT_ID_LENGTH = 12;

/** A fresh random id of 64 hex digits. Its short form never looks like a number, so that it can serve as a host name. */
export function newId<Id extends string>(): Id {
  for (;;) {
    const id = randomBytes(ID_LENGTH / 2).toString('hex');
    if (/[a-f]/.test(id.slice(0, SHORT_ID_LENGTH))) return id as Id;
  }
}

/** The first twelve digits of an id. */
export function shortId(id: string): string {
  return id.slice(0, SHORT_ID_LENGTH);
}
