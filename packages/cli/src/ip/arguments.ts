import { usage } from './failure.js';

/** Whether `word` is `keyword` or a beginning of it, as `ip` lets people shorten most of its words. */
export function matches(word: string, ...keywords: readonly string[]): boolean {
  return word !== '' && keywords.some((keyword) => keyword.startsWith(word));
}

/** The words of a command, taken one after the other. */
export class Arguments {
  #next = 0;

  constructor(private readonly words: readonly string[]) {}

  get more(): boolean {
    return this.#next < this.words.length;
  }

  /** The next word, left where it is. */
  get peek(): string | undefined {
    return this.words[this.#next];
  }

  /** Takes the next word; the caller has made sure that there is one, or it is the value of a keyword. */
  take(): string {
    const word = this.words[this.#next];
    if (word === undefined) throw usage('Command line is not complete. Try option "help"');
    this.#next += 1;
    return word;
  }

  /** Takes the next word if it is exactly this. */
  takeIf(word: string): boolean {
    if (this.peek !== word) return false;
    this.#next += 1;
    return true;
  }

  /** All that is left. */
  rest(): readonly string[] {
    const words = this.words.slice(this.#next);
    this.#next = this.words.length;
    return words;
  }
}

/** A thing was named twice, or a word is neither keyword nor expected. */
export function garbage(keyword: string, word: string) {
  return usage(`Error: either "${keyword}" is duplicate, or "${word}" is a garbage.`);
}

/** A whole number from 0 to `maximum`, in the notations of strtoul(3) with base 0. */
export function wholeNumber(text: string, maximum = 0xffff_ffff): number | undefined {
  let value: number;
  if (/^0x[0-9a-f]+$/i.test(text)) value = Number.parseInt(text, 16);
  else if (/^0[0-7]*$/.test(text)) value = Number.parseInt(text, 8);
  else if (/^[1-9]\d*$/.test(text)) value = Number(text);
  else return undefined;
  return value <= maximum ? value : undefined;
}
