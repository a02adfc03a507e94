import { BerthError } from '@berth/core';

/** Ctrl-P, Ctrl-Q. */
export const DEFAULT_DETACH_KEYS = 'ctrl-p,ctrl-q';

/**
 * The bytes of a key sequence such as `ctrl-p,ctrl-q` or `x,ctrl-@`.
 *
 * @throws BerthError `invalid`
 */
export function parseDetachKeys(text: string): Buffer {
  return Buffer.from(text.split(',').map(keyCode));
}

function keyCode(key: string): number {
  if (/^[\x20-\x7e]$/.test(key)) return key.charCodeAt(0);
  // ASCII control characters are the letter's code with bits 6 and 7 cleared.
  const control = /^ctrl-([a-z@[\\\]^_])$/.exec(key)?.[1];
  if (control !== undefined) return control.toUpperCase().charCodeAt(0) & 0x1f;
  throw new BerthError(
    'invalid',
    `invalid detach keys: "${key}" is neither one character nor ctrl- and one of a-z @ [ \\ ] ^ _`,
  );
}

/** Finds a key sequence in what a user types, however it is cut into pieces. */
export class DetachKeys {
  readonly #keys: Buffer;
  #matched = 0;

  constructor(keys: Buffer) {
    this.#keys = keys;
  }

  /** What of `typed` is input; `detached` once the sequence is complete (the rest is dropped). */
  feed(typed: Buffer): { readonly input: Buffer; readonly detached: boolean } {
    const input: number[] = [];
    for (const byte of typed) {
      if (byte !== this.#keys[this.#matched]) {
        input.push(...this.#keys.subarray(0, this.#matched));
        this.#matched = 0;
      }
      if (byte === this.#keys[this.#matched]) {
        this.#matched += 1;
        if (this.#matched === this.#keys.length) return { input: Buffer.from(input), detached: true };
      } else {
        input.push(byte);
      }
    }
    return { input: Buffer.from(input), detached: false };
  }
}
