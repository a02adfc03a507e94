import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { checkHealthcheck, mergeHealthcheck, type Healthcheck } from './health.js';
import { HealthMonitors } from './health-monitors.js';

const SECOND = 1_000_000_000;
const CHECK: Healthcheck = {
  test: ['CMD', 'look'],
  interval: 10 * SECOND,
  timeout: 2 * SECOND,
  retries: 2,
  startPeriod: 0,
  startInterval: 0,
};

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

/** A container whose checks end as told, and what becomes of it. */
function watch(check: Partial<Healthcheck>, exitCodes: number[], takes = 0) {
  const probes: { at: number; command: readonly string[]; limit: number }[] = [];
  const changes: string[] = [];
  const begun = Date.now();
  const monitors = new HealthMonitors(
    (_id, command, limit) => {
      probes.push({ at: (Date.now() - begun) / 1000, command, limit });
      const exitCode = exitCodes.length > 1 ? (exitCodes.shift() ?? 0) : (exitCodes[0] ?? 0);
      const result = { exitCode, output: `code ${exitCode}` };
      return takes === 0
        ? Promise.resolve(result)
        : new Promise((resolve) => setTimeout(resolve, takes, result));
    },
    (_id, status) => changes.push(status),
  );
  const container = {
    id: 'web',
    spec: { healthcheck: { ...CHECK, ...check } },
    state: { startedAt: new Date(begun).toISOString() },
  };
  monitors.start(container);
  return { monitors, container, probes, changes, health: () => monitors.of('web') };
}

it('checks at every interval, counted from the end of a check, and turns with the first success', async () => {
  const { probes, changes, health } = watch({}, [0], 1_000);
  expect(health()?.status).toBe('starting');
  await vi.advanceTimersByTimeAsync(34_000);
  expect(probes.map(({ at }) => at)).toEqual([10, 21, 32]);
  expect(probes[0]).toMatchObject({ command: ['look'], limit: 2_000 });
  expect(changes).toEqual(['healthy']);
});

it('calls it unhealthy after so many failures in a row, and keeps five results', async () => {
  const { changes, health } = watch({}, [1, 0, 1, 1, 1, 1, 0]);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(health()).toMatchObject({ status: 'unhealthy', failingStreak: 4 });
  expect(health()?.log.map(({ exitCode }) => exitCode)).toEqual([0, 1, 1, 1, 1]);
  await vi.advanceTimersByTimeAsync(10_000);
  expect(changes).toEqual(['healthy', 'unhealthy', 'healthy']);
});

it('does not count failures of the start period, and checks at its own interval then', async () => {
  const { probes, health } = watch({ startPeriod: 12 * SECOND, startInterval: 3 * SECOND }, [1]);
  await vi.advanceTimersByTimeAsync(11_000);
  expect(health()).toMatchObject({ status: 'starting', failingStreak: 0 });
  await vi.advanceTimersByTimeAsync(12_000);
  expect(probes.map(({ at }) => at)).toEqual([3, 6, 9, 12, 22]);
  expect(health()).toMatchObject({ status: 'unhealthy', failingStreak: 2 });
});

it('uses Docker’s defaults', async () => {
  const { probes } = watch({ interval: 0, timeout: 0, retries: 0 }, [1]);
  await vi.advanceTimersByTimeAsync(61_000);
  expect(probes.map(({ at, limit }) => [at, limit])).toEqual([
    [30, 30_000],
    [60, 30_000],
  ]);
});

it('stops with the container, drops the result of a check that runs, and counts as unhealthy', async () => {
  const { monitors, container, probes, changes, health } = watch({}, [0], 1_000);
  await vi.advanceTimersByTimeAsync(10_500);
  monitors.stop('web');
  await vi.advanceTimersByTimeAsync(60_000);
  expect(probes).toHaveLength(1);
  expect(health()).toMatchObject({ status: 'unhealthy', log: [] });
  monitors.resume(container);
  await vi.advanceTimersByTimeAsync(12_000);
  expect(changes).toEqual(['healthy']);
  monitors.forget('web');
  expect(health()).toBeUndefined();
});

it('has nothing to say where there is no check', () => {
  expect(watch({ test: ['NONE'] }, [0]).health()).toBeUndefined();
  expect(watch({ test: [] }, [0]).health()).toBeUndefined();
});

it('runs a line in a shell', async () => {
  const { probes } = watch({ test: ['CMD-SHELL', 'look || exit 1'] }, [0]);
  await vi.advanceTimersByTimeAsync(10_000);
  expect(probes[0]?.command).toEqual(['/bin/sh', '-c', 'look || exit 1']);
});

it('takes from the image what the container leaves open', () => {
  const own = { ...CHECK, test: [], interval: 0, retries: 7 };
  expect(mergeHealthcheck(own, CHECK)).toEqual({ ...CHECK, retries: 7 });
  expect(mergeHealthcheck(undefined, CHECK)).toBe(CHECK);
});

it.each([
  [{ interval: 10 }, 'Interval in Healthcheck cannot be less than 1ms'],
  [{ startPeriod: -1 }, 'StartPeriod in Healthcheck cannot be less than 1ms'],
  [{ retries: -1 }, 'Retries in Healthcheck cannot be negative'],
  [{ test: ['look'] }, "Unknown healthcheck type 'look'"],
])('%o is refused', (wrong, message) => {
  expect(() => {
    checkHealthcheck({ ...CHECK, ...wrong });
  }).toThrow(message);
});
