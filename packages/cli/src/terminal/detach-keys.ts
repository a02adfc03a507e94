/** Ctrl-p, ctrl-q: Docker's own. */
export const DEFAULT_DETACH_KEYS = 'ctrl-p,ctrl-q';

/**
 * The bytes of a sequence as Docker writes it: keys with commas between, a key being a character or `ctrl-` and
 * one of a-z @ [ \ ] ^ _.
 *
 * @throws Error that names the key
 */
export function parseDetachKeys(text: string): Buffer {
  const codes = text.split(',').map((key) => {
    const control = /^ctrl-([a-z@[\\\]^_])$/.exec(key)?.[1];
    // A terminal sends the low five bits of the letter (ASCII's control characters).
    if (control !== undefined) return control.toUpperCase().charCodeAt(0) & 0x1f;
    if (/^[\x20-\x7e]$/.test(key)) return key.charCodeAt(0);
    throw new Error(`invalid detach keys (${text}): "${key}" is neither a character nor like ctrl-p`);
  });
  return Buffer.from(codes);
}

/** Finds the detach keys in what is typed. What may be their beginning is held back until the next key tells. */
export class DetachFilter {
  readonly #keys: Buffer;
  #held: number[] = [];

  constructor(keys: Buffer) {
    this.#keys = keys;
  }

  /** @returns what the other side is to get, and whether the keys were all typed; what follows them is dropped */
  feed(data: Buffer): { readonly forward: Buffer; readonly detached: boolean } {
    const forward: number[] = [];
    for (const byte of data) {
      this.#held.push(byte);
      while (!this.#isBeginning()) {
        const first = this.#held.shift();
        if (first !== undefined) forward.push(first);
      }
      if (this.#held.length === this.#keys.length) return { forward: Buffer.from(forward), detached: true };
    }
    return { forward: Buffer.from(forward), detached: false };
  }

  /** What is held back when no more will come. */
  flush(): Buffer {
    const held = Buffer.from(this.#held);
    this.#held = [];
    return held;
  }

  #isBeginning(): boolean {
    return this.#held.every((byte, index) => byte === this.#keys[index]);
  }
}
