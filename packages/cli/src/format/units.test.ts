import { describe, expect, it } from 'vitest';
import { parseDurationFlag, parseSize } from './units.js';

describe('units', () => {
  it.each([
    ['64', 64],
    ['64b', 64],
    ['512k', 524_288],
    ['1.5g', 1_610_612_736],
    ['2GiB', 2_147_483_648],
    ['1 MB', 1_048_576],
    ['much', undefined],
    ['-1', undefined],
    ['1x', undefined],
  ])('size %s', (text, bytes) => expect(parseSize(text)).toBe(bytes));

  it.each([
    ['1m30s', 90e9],
    ['500ms', 5e8],
    ['0', 0],
    ['1.5h', 5400e9],
    ['5', undefined],
    ['soon', undefined],
  ])('duration %s', (text, nanoseconds) => expect(parseDurationFlag(text)).toBe(nanoseconds));
});
