import { openSync, readdirSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { closeInBackground } from './index.js';

it('a thousand descriptors are closed, however many come at once', async () => {
  const open = () => readdirSync('/proc/self/fd').length;
  const before = open();
  const descriptors = Array.from({ length: 1000 }, () => openSync('/dev/null', 'r'));
  for (const fd of descriptors) closeInBackground(fd);
  for (let tries = 0; open() > before && tries < 200; tries += 1) await delay(10);
  expect(open()).toBeLessThanOrEqual(before);
});
