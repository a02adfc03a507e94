import { BerthError } from '@berth/core';
import type { Propagation } from './model.js';

/** The words of one group exclude each other (dockerd: volume/mounts, `linuxValidMountMode`). */
const ACCESS = ['rw', 'ro'];
const LABELS = ['z', 'Z'];
const PROPAGATIONS: readonly string[] = ['private', 'rprivate', 'shared', 'rshared', 'slave', 'rslave'];
const COPY = ['nocopy'];
/** For other systems; accepted and without a meaning on Linux. */
const CONSISTENCY = ['consistent', 'cached', 'delegated'];
const GROUPS = [ACCESS, LABELS, PROPAGATIONS, COPY, CONSISTENCY];

/** The options at the end of `source:destination:options`. */
export interface BindOptions {
  readonly readWrite: boolean;
  readonly noCopy: boolean;
  readonly propagation?: Propagation;
}

/** The parts of `source:destination:options`. The source is an absolute path, the name of a volume, or not there. */
export interface BindText {
  readonly source?: string;
  readonly destination: string;
  readonly mode: string;
}

export function isPropagation(word: string): word is Propagation {
  return PROPAGATIONS.includes(word);
}

/** @throws BerthError `invalid`, in Docker's wording */
export function splitBind(text: string): BindText {
  const [first = '', second, mode = '', ...rest] = text.split(':');
  // Without a source it is an anonymous volume, which takes no options.
  if (first === '' || rest.length > 0 || (mode === '' && second !== undefined && isMode(second)))
    throw invalidBind(text);
  if (second === undefined) return { destination: first, mode: '' };
  if (!isMode(mode)) throw new BerthError('invalid', `invalid mode: ${mode}`, { subject: text });
  return { source: first, destination: second, mode };
}

/** @throws BerthError `invalid`: no options, or such that exclude each other */
export function bindOptions(mode: string): BindOptions {
  if (!isMode(mode)) throw new BerthError('invalid', `invalid mode: ${mode}`);
  const words = mode.split(',');
  return {
    readWrite: !words.includes('ro'),
    noCopy: words.includes('nocopy'),
    propagation: words.find(isPropagation),
  };
}

/** `container[:ro|rw]` of `VolumesFrom`. @throws BerthError `invalid`, in Docker's wording */
export function splitVolumesFrom(text: string): { readonly container: string; readonly readWrite: boolean } {
  const [container = '', ...rest] = text.split(':');
  if (container === '')
    throw new BerthError('invalid', 'invalid volumes-from specification: it names no container');
  const mode = rest.join(':');
  const { readWrite, noCopy, propagation } = bindOptions(mode);
  // What the other container has is taken over as it is.
  if (noCopy || propagation !== undefined) throw new BerthError('invalid', `invalid mode: ${mode}`);
  return { container, readWrite };
}

export function invalidBind(text: string, why?: string): BerthError {
  const reason = why === undefined ? 'one looks like /host/path:/container/path:ro' : why;
  return new BerthError('invalid', `invalid volume specification: '${text}': ${reason}`, { subject: text });
}

function isMode(mode: string): boolean {
  if (mode === '') return true;
  const words = mode.split(',');
  const known = words.every((word) => GROUPS.some((group) => group.includes(word)));
  return known && GROUPS.every((group) => words.filter((word) => group.includes(word)).length <= 1);
}
