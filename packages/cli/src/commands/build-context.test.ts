import { describe, expect, it } from 'vitest';
import { ignoring } from './build-context.js';

const out = (rules: string, path: string, folder = false) => ignoring(rules)(path, folder);

describe('.dockerignore', () => {
  it.each([
    ['node_modules', 'node_modules', true],
    ['node_modules', 'node_modules/a/b', true],
    ['node_modules', 'src/node_modules', false],
    ['**/node_modules', 'src/node_modules', true],
    ['*.log', 'a.log', true],
    ['*.log', 'sub/a.log', false],
    ['**/*.log', 'sub/a.log', true],
    ['a?c', 'abc', true],
    ['/build/', 'build/x', true],
    ['# build', 'build', false],
    ['*\n!keep', 'keep', false],
    ['*\n!keep', 'other', true],
    ['*', 'Dockerfile', false],
    ['a.b', 'axb', false],
  ])('%j leaves out %s: %s', (rules, path, expected) => expect(out(rules, path)).toBe(expected));

  it('looks into folders where something may be taken after all', () => {
    expect(out('dir\n!dir/keep', 'dir', true)).toBe(false);
    expect(out('dir\n!dir/keep', 'dir/other')).toBe(true);
    expect(out('dir\n!dir/keep', 'dir/keep')).toBe(false);
  });
});
