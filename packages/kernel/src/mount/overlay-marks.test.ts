import { existsSync, lstatSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isOpaque, isWhiteout, makeOpaque, makeWhiteout, mount, overlayOptions, unmount } from './index.js';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'berth-overlay-'));
  for (const name of ['lower/dir', 'upper/dir', 'work', 'merged'])
    mkdirSync(join(folder, name), { recursive: true });
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

describe('marks of an overlay', () => {
  it('hide what is below', () => {
    writeFileSync(join(folder, 'lower/gone'), '');
    writeFileSync(join(folder, 'lower/dir/gone'), '');
    makeWhiteout(join(folder, 'upper/gone'));
    makeOpaque(join(folder, 'upper/dir'));
    const [lower, upper, work] = ['lower', 'upper', 'work'].map((name) => join(folder, name));
    const data = overlayOptions({ lower: [lower ?? ''], upper: upper ?? '', work: work ?? '' });
    mount({ source: 'overlay', target: join(folder, 'merged'), type: 'overlay', data });
    try {
      expect(existsSync(join(folder, 'merged/gone'))).toBe(false);
      expect(existsSync(join(folder, 'merged/dir'))).toBe(true);
      expect(existsSync(join(folder, 'merged/dir/gone'))).toBe(false);
    } finally {
      unmount(join(folder, 'merged'));
    }
  });

  it('are told from other things', () => {
    makeWhiteout(join(folder, 'upper/gone'));
    expect(isWhiteout(lstatSync(join(folder, 'upper/gone')))).toBe(true);
    expect(isWhiteout(lstatSync('/dev/null'))).toBe(false);
    expect(isOpaque(join(folder, 'upper/dir'))).toBe(false);
    makeOpaque(join(folder, 'upper/dir'));
    expect(isOpaque(join(folder, 'upper/dir'))).toBe(true);
    expect(() => isOpaque(join(folder, 'nowhere'))).toThrow('nowhere: No such file or directory');
  });
});
