import { describe, expect, it } from 'vitest';
import { nextPause, restartPolicy, restartsAfterEnd, startsWithDaemon } from './restart-policy.js';

const ended = { exitCode: 1, restartCount: 0, stoppedByHand: false };

describe('the pause before a restart', () => {
  it('doubles from 100 ms to a minute', () => {
    const pauses: number[] = [];
    for (let run = 0; run < 12; run++) pauses.push(nextPause(pauses.at(-1), 500));
    expect(pauses).toEqual([100, 200, 400, 800, 1600, 3200, 6400, 12_800, 25_600, 51_200, 60_000, 60_000]);
  });

  it('is the first again after ten seconds up', () => {
    expect(nextPause(51_200, 9_999)).toBe(60_000);
    expect(nextPause(51_200, 10_000)).toBe(100);
  });
});

describe('a policy', () => {
  it.each([
    ['no', 0, false, false],
    ['no', 1, false, false],
    ['always', 0, true, true],
    ['always', 1, true, true],
    ['unless-stopped', 0, true, true],
    ['on-failure', 0, false, false],
    ['on-failure', 1, true, false],
  ])('%s, after exit code %i', (name, exitCode, restarts, withDaemon) => {
    const policy = restartPolicy(name, 0);
    expect(restartsAfterEnd(policy, { ...ended, exitCode })).toBe(restarts);
    expect(restartsAfterEnd(policy, { ...ended, exitCode, stoppedByHand: true })).toBe(false);
    expect(startsWithDaemon(policy, false)).toBe(withDaemon);
    expect(startsWithDaemon(policy, true)).toBe(name === 'always');
  });

  it('on-failure:2 gives up after two restarts', () => {
    const policy = restartPolicy('on-failure', 2);
    expect([0, 1, 2].map((restartCount) => restartsAfterEnd(policy, { ...ended, restartCount }))).toEqual([
      true,
      true,
      false,
    ]);
  });

  it.each([
    [
      'sometimes',
      0,
      "unknown policy 'sometimes'; use one of 'no', 'always', 'on-failure', or 'unless-stopped'",
    ],
    ['always', 3, "maximum retry count can only be used with 'on-failure'"],
    ['no', -1, "maximum retry count can only be used with 'on-failure' and cannot be negative"],
    ['on-failure', -1, 'maximum retry count cannot be negative'],
  ])('%s with %i retries is refused', (name, count, message) => {
    expect(() => restartPolicy(name, count)).toThrow(`invalid restart policy: ${message}`);
  });
});
