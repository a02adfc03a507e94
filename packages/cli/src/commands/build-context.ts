import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { Failure } from './command.js';
import { archiveOf } from './local-tree.js';

/**
 * The folder that an image is built from, as an archive, without what its .dockerignore names.
 *
 * @throws Failure for what is no folder
 */
export function contextOf(folder: string): Readable {
  if (statSync(folder, { throwIfNoEntry: false })?.isDirectory() !== true)
    throw new Failure(`unable to prepare context: path "${folder}" not found`);
  return archiveOf(folder, '', ignoring(readOptional(join(folder, '.dockerignore'))));
}

interface Rule {
  readonly pattern: RegExp;
  /** `!pattern`: what it fits is taken after all. */
  readonly taken: boolean;
}

/** What a .dockerignore leaves out: the last rule that fits a path, or a folder that it is in, counts. */
export function ignoring(text: string): (path: string, folder: boolean) => boolean {
  const rules = text
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line): Rule => {
      const taken = line.startsWith('!');
      return { pattern: patternOf(taken ? line.slice(1).trim() : line), taken };
    });
  const leftOut = (path: string) => {
    const parents = path.split('/').map((_, index, parts) => parts.slice(0, index + 1).join('/'));
    let out = false;
    for (const { pattern, taken } of rules) if (parents.some((parent) => pattern.test(parent))) out = !taken;
    return out;
  };
  const exceptions = rules.some(({ taken }) => taken);
  // The daemon needs these two whatever is said of them; a folder with an exception below it is looked into.
  return (path, folder) =>
    !['Dockerfile', '.dockerignore'].includes(path) && leftOut(path) && !(folder && exceptions);
}

/** Go's filepath.Match with docker's `**` for any number of folders. */
function patternOf(rule: string): RegExp {
  const plain = rule.replace(/^\.?\/+/, '').replace(/\/+$/, '');
  const source = plain.replace(/\*\*\/?|[*?]|[.+^${}()|[\]\\]/g, (part) => {
    if (part.startsWith('**')) return part.endsWith('/') ? '(?:.*/)?' : '.*';
    if (part === '*') return '[^/]*';
    if (part === '?') return '[^/]';
    return part === '[' || part === ']' ? part : `\\${part}`;
  });
  return new RegExp(`^${source}$`);
}

function readOptional(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
