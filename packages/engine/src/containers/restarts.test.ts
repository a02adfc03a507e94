import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { Restarts } from './restarts.js';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

it('waits longer from restart to restart, until a container stays up', async () => {
  const at: number[] = [];
  const begun = Date.now();
  const restarts = new Restarts((id) => {
    at.push(Date.now() - begun);
    restarts.schedule(id, at.length === 4 ? 10_000 : 5);
  });
  restarts.schedule('web', 5);
  await vi.advanceTimersByTimeAsync(1_750);
  // 100, 200, 400, 800; then it was up for ten seconds: 100, 200 …
  expect(at).toEqual([100, 300, 700, 1_500, 1_600]);
});

it('forgets a container that was started or stopped by hand', async () => {
  const restarted: string[] = [];
  const restarts = new Restarts((id) => restarted.push(id));
  for (let end = 0; end < 3; end++) restarts.schedule('web', 0);
  restarts.reset('web');
  await vi.advanceTimersByTimeAsync(60_000);
  expect(restarted).toEqual([]);
  restarts.schedule('web', 0);
  await vi.advanceTimersByTimeAsync(100);
  expect(restarted).toEqual(['web']);
});

it('restarts nothing any more when it is closed', async () => {
  const restarted: string[] = [];
  const restarts = new Restarts((id) => restarted.push(id));
  restarts.schedule('web', 0);
  restarts.close();
  restarts.schedule('peer', 0);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(restarted).toEqual([]);
});
