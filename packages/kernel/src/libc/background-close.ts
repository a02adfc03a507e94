import { close } from './functions.js';

/**
 * Closes under way at a time. koffi bears some 256 calls on the pool at once, and throws at one more; each of these waits
 * for the kernel, so that more of them than the pool has threads gain nothing.
 */
const MOST = 4;

const waiting: number[] = [];
let running = 0;

/** Closes descriptors on threads of the pool, a few at a time, however many come at once. Failures are nobody's concern. */
export function closeInBackground(fd: number): void {
  waiting.push(fd);
  while (running < MOST && waiting.length > 0) {
    running += 1;
    void drain();
  }
}

async function drain(): Promise<void> {
  try {
    for (let fd = waiting.shift(); fd !== undefined; fd = waiting.shift()) await close.async(fd);
  } finally {
    running -= 1;
  }
}
