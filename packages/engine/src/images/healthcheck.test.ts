import { expect, it } from 'vitest';
import { applyChanges, EMPTY_CONFIG } from './config.js';

const read = (text: string) => applyChanges(EMPTY_CONFIG, [text]).healthcheck;

it('HEALTHCHECK is read with its options, in both forms', () => {
  expect(read('HEALTHCHECK CMD curl -f http://localhost/ || exit 1')).toEqual({
    test: ['CMD-SHELL', 'curl -f http://localhost/ || exit 1'],
  });
  const options = '--interval=1m30s --timeout=500ms --start-period=2h --start-interval=1.5s --retries=4';
  expect(read(`HEALTHCHECK ${options} CMD ["look", "here"]`)).toEqual({
    test: ['CMD', 'look', 'here'],
    interval: 90e9,
    timeout: 5e8,
    startPeriod: 7200e9,
    startInterval: 1.5e9,
    retries: 4,
  });
  expect(read('HEALTHCHECK NONE')).toEqual({ test: ['NONE'] });
});

it.each([
  ['HEALTHCHECK look', 'Unknown type "look" in HEALTHCHECK (try CMD)'],
  ['HEALTHCHECK CMD', 'Missing command after HEALTHCHECK CMD'],
  ['HEALTHCHECK NONE now', 'HEALTHCHECK NONE takes no arguments'],
  ['HEALTHCHECK --often=1s CMD true', 'Unknown flag of HEALTHCHECK: often'],
  ['HEALTHCHECK --interval=soon CMD true', 'a duration must follow, like 1m30s'],
  ['HEALTHCHECK --interval=1us CMD true', 'Interval in Healthcheck cannot be less than 1ms'],
])('%s is refused', (text, message) => {
  expect(() => read(text)).toThrow(message);
});
