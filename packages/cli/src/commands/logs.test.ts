import { expect, test } from 'vitest';
import { filtersOf } from './logs.js';

test('filters of any name are passed on', () => {
  expect(JSON.parse(filtersOf(['label=a=b', 'label=c', 'until=10m', 'nosuch=x']))).toEqual({
    label: ['a=b', 'c'],
    until: ['10m'],
    nosuch: ['x'],
  });
});

test('a filter without a value is refused', () => {
  expect(() => filtersOf(['label'])).toThrow('invalid filter "label": it should be NAME=VALUE');
});
