import type { Link } from '@berth/kernel';

/** What a printed field is, in plain words. */
export interface Meaning {
  /** As printed: `mtu 1500`. */
  readonly label: string;
  readonly words: readonly string[];
}

/** The other interfaces of the namespace that is shown. */
export interface Surroundings {
  readonly links: readonly Link[];
  link(index: number): Link | undefined;
  nameOf(index: number): string;
}

/** A field and its words. */
export function means(label: string, ...words: readonly string[]): Meaning {
  return { label, words };
}
