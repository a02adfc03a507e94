import { PassThrough, Writable } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { DetachFilter } from './detach-keys.js';
import { forwardInput } from './session.js';

const keys = (): DetachFilter => new DetachFilter(Buffer.from([0x10, 0x11]));
const settled = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 5));

describe('forwardInput', () => {
  test('hands over what is typed, and its end', async () => {
    const input = new PassThrough();
    const socket = new PassThrough();
    forwardInput(input, socket, undefined, () => undefined);
    input.end('one\x10\x11two');
    let text = '';
    for await (const chunk of socket) text += String(chunk);
    expect(text).toBe('one\x10\x11two');
  });

  test('the detach keys detach, behind what came before them', async () => {
    const input = new PassThrough();
    const socket = new PassThrough();
    let detached = 0;
    forwardInput(input, socket, keys(), () => detached++);
    input.write('ab\x10');
    await settled();
    expect(String(socket.read())).toBe('ab');
    input.write('\x11');
    await settled();
    expect(detached).toBe(1);
    expect(socket.read()).toBeNull();
  });

  test('a key that was held back goes over at the end', async () => {
    const input = new PassThrough();
    const socket = new PassThrough();
    forwardInput(input, socket, keys(), () => undefined);
    input.end('a\x10');
    let text = '';
    for await (const chunk of socket) text += String(chunk);
    expect(text).toBe('a\x10');
  });

  test('input waits for a socket that is full', async () => {
    const input = new PassThrough();
    const waiting: (() => void)[] = [];
    const socket = new Writable({
      highWaterMark: 1,
      write: (_chunk, _encoding, done) => waiting.push(done),
    });
    forwardInput(input, socket, undefined, () => undefined);
    input.write('abc');
    await settled();
    expect(input.isPaused()).toBe(true);
    waiting.shift()?.();
    await settled();
    expect(input.isPaused()).toBe(false);
  });

  test('ends for good when told to', async () => {
    const input = new PassThrough();
    const socket = new PassThrough();
    const stop = forwardInput(input, socket, undefined, () => undefined);
    stop();
    await settled();
    expect(input.destroyed).toBe(true);
    expect(socket.writableEnded).toBe(false);
  });
});
