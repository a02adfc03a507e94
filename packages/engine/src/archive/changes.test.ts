import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { makeOpaque, makeWhiteout } from '@berth/kernel';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { fileChanges } from './changes.js';

let folder: string;
const at = (path: string) => join(folder, path);
const file = (path: string, content = '') => {
  mkdirSync(dirname(at(path)), { recursive: true });
  writeFileSync(at(path), content);
};
const changes = async () => {
  const found = await fileChanges(at('upper'), [at('top'), at('base')]);
  return found.map(({ path, kind }) => `${kind.charAt(0).toUpperCase()} ${path}`);
};

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'berth-changes-'));
  for (const path of ['base/etc/a', 'base/etc/b', 'base/usr/x/y', 'base/gone', 'top/usr/z']) file(path, path);
  makeWhiteout(at('top/gone'));
  mkdirSync(at('upper'));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

it('nothing has changed at first, nor when only what every start makes is there', async () => {
  expect(await changes()).toEqual([]);
  file('upper/etc/hosts');
  mkdirSync(at('upper/proc'));
  mkdirSync(at('upper/dev/pts'), { recursive: true });
  expect(await changes()).toEqual([]);
});

it('a copy that differs in nothing is no change', async () => {
  cpSync(at('base/etc/a'), at('upper/etc/a'), { preserveTimestamps: true });
  utimesSync(at('base/etc/a'), 1, 1);
  utimesSync(at('upper/etc/a'), 1, 1);
  expect(await changes()).toEqual([]);
  chmodSync(at('upper/etc/a'), 0o600);
  expect(await changes()).toEqual(['M /etc', 'M /etc/a']);
});

it('what was added, modified and deleted is told, with the folders around it', async () => {
  file('upper/etc/a', 'new');
  file('upper/new/deep/file');
  symlinkSync('x', at('upper/new/link'));
  mkdirSync(at('upper/usr/x'), { recursive: true });
  makeWhiteout(at('upper/usr/x/y'));
  makeWhiteout(at('upper/usr/z'));
  // Of what the layers hide themselves.
  file('upper/gone', 'again');
  makeWhiteout(at('upper/never'));
  expect(await changes()).toEqual([
    'M /etc',
    'M /etc/a',
    'A /gone',
    'A /new',
    'A /new/deep',
    'A /new/deep/file',
    'A /new/link',
    'M /usr',
    'M /usr/x',
    'D /usr/x/y',
    'D /usr/z',
  ]);
});

it('a folder in the place of a removed one has lost what is not in it', async () => {
  file('upper/usr/own');
  makeOpaque(at('upper/usr'));
  expect(await changes()).toEqual(['M /usr', 'A /usr/own', 'D /usr/x', 'D /usr/z']);
  // A file in the place of a folder.
  file('upper/etc');
  expect(await changes()).toContain('M /etc');
});
