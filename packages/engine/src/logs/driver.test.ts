import { describe, expect, it } from 'vitest';
import { spec } from '../engine.fixture.js';
import { logAttributes, logPlan } from './driver.js';

const plan = (logDriver?: string, logOptions?: Record<string, string>) => logPlan({ logDriver, logOptions });

describe('the configuration of a log', () => {
  it('has defaults as Docker', () => {
    expect(plan()).toEqual({ driver: 'json-file', maxFiles: 1 });
    expect(plan('local')).toEqual({ driver: 'local', maxSize: 20_000_000, maxFiles: 5 });
    expect(plan('none', { whatever: 'x' })).toEqual({ driver: 'none', maxFiles: 1 });
  });

  it.each([
    ['10k', 10_000],
    ['1.5m', 1_500_000],
    ['2 GiB', 2_000_000_000],
    ['77', 77],
  ])('takes %s for a size', (text, bytes) => {
    expect(plan('json-file', { 'max-size': text, 'max-file': '3', compress: 'false' })).toEqual({
      driver: 'json-file',
      maxSize: bytes,
      maxFiles: 3,
    });
  });

  it.each<[string, Record<string, string>, string]>([
    ['nothing', {}, "logger: no log driver named 'nothing' is registered"],
    ['syslog', {}, 'log driver "syslog" is not supported by Berth yet'],
    ['json-file', { 'max-sise': '1' }, "unknown log opt 'max-sise' for json-file log driver"],
    ['local', { labels: 'a' }, "unknown log opt 'labels' for log driver local"],
    ['json-file', { 'max-size': 'big' }, "invalid size: 'big'"],
    ['json-file', { 'max-size': '0' }, 'max-size must be a positive number'],
    ['json-file', { 'max-file': '0' }, 'max-file cannot be less than 1'],
    ['json-file', { 'max-file': 'x' }, "invalid number: 'x'"],
    ['json-file', { compress: 'true' }, 'compress=true is not supported'],
    ['json-file', { mode: 'non-blocking' }, 'mode=non-blocking is not supported'],
    ['json-file', { mode: 'x' }, 'logging mode not supported: x'],
    ['json-file', { 'max-buffer-size': '1m' }, 'only supported with'],
    ['json-file', { tag: '{{.ID}}' }, 'tag is not supported'],
    ['json-file', { 'env-regex': '(' }, "invalid regular expression '('"],
  ])('refuses %s %j', (driver, options, says) => {
    expect(() => plan(driver, options)).toThrow(says);
  });
});

it('details are chosen of labels and variables', () => {
  const logOptions = { labels: 'b,none', 'labels-regex': '^x', env: 'E', 'env-regex': '^F' };
  const labels = { a: '1', b: '2', xy: '3' };
  const chosen = logAttributes(spec('', { labels, env: ['E=5=6', 'FOO=7', 'G=8'] }, { logOptions }));
  expect([...chosen]).toEqual([
    ['E', '5=6'],
    ['FOO', '7'],
    ['b', '2'],
    ['xy', '3'],
  ]);
});
