import { PassThrough, Readable, Writable } from 'node:stream';
import { finished } from 'node:stream/promises';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { copy, demultiplex } from './frames.js';

function frame(stream: number, text: string): Buffer {
  const header = Buffer.alloc(8);
  header[0] = stream;
  header.writeUInt32BE(Buffer.byteLength(text), 4);
  return Buffer.concat([header, Buffer.from(text)]);
}

class Kept extends Writable {
  readonly chunks: Buffer[] = [];

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.chunks.push(chunk);
    setImmediate(done);
  }

  get text(): string {
    return Buffer.concat(this.chunks).toString();
  }
}

async function sorted(pieces: readonly Buffer[]): Promise<{ out: string; err: string }> {
  const out = new Kept();
  const err = new Kept();
  await demultiplex(Readable.from(pieces), out, err);
  for (const target of [out, err]) await finished(target.end());
  return { out: out.text, err: err.text };
}

describe('demultiplex', () => {
  test('sorts frames into standard output and standard error', async () => {
    const stream = [frame(1, 'one\n'), frame(2, 'two\n'), frame(0, 'three\n')];
    expect(await sorted(stream)).toEqual({ out: 'one\nthree\n', err: 'two\n' });
  });

  test('gives the same wherever the stream is cut', async () => {
    const frames = fc.array(fc.tuple(fc.constantFrom(1, 2), fc.string({ maxLength: 30 })), { maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(frames, fc.array(fc.nat(40), { maxLength: 20 }), async (list, cuts) => {
        const whole = Buffer.concat(list.map(([stream, text]) => frame(stream, text)));
        const pieces: Buffer[] = [];
        let at = 0;
        for (const cut of cuts) {
          pieces.push(whole.subarray(at, at + cut));
          at += cut;
        }
        pieces.push(whole.subarray(at));
        const texts = (wanted: number): string =>
          list.map(([stream, text]) => (stream === wanted ? text : '')).join('');
        expect(await sorted(pieces.filter(({ length }) => length > 0))).toEqual({
          out: texts(1),
          err: texts(2),
        });
      }),
      { numRuns: 200 },
    );
  });

  test('hands on the parts of a large frame as they come', async () => {
    const source = new PassThrough();
    const out = new Kept();
    const done = demultiplex(source, out, new Kept());
    const whole = frame(1, 'x'.repeat(100_000));
    source.write(whole.subarray(0, 50_000));
    await expect.poll(() => out.text.length).toBe(49_992);
    source.end(whole.subarray(50_000));
    await done;
    expect(out.text.length).toBe(100_000);
  });

  test('an empty frame is nothing', async () => {
    expect(await sorted([frame(1, ''), frame(1, 'a')])).toEqual({ out: 'a', err: '' });
  });

  test.each([
    ['in a header', frame(1, 'text').subarray(0, 5)],
    ['behind a header', frame(1, 'text').subarray(0, 8)],
    ['in a frame', frame(1, 'text').subarray(0, 10)],
  ])('refuses a stream that ends %s', async (_, cut) => {
    await expect(sorted([cut])).rejects.toThrow('ended in the middle of its output');
  });

  test('refuses what is no such stream', async () => {
    await expect(sorted([Buffer.from('HTTP/1.1 200 OK')])).rejects.toThrow('unknown stream: 72');
  });

  test('throws what the daemon tells of itself', async () => {
    const told = [frame(1, 'a'), frame(3, 'the log cannot be read')];
    await expect(sorted(told)).rejects.toThrow('error from daemon in stream: the log cannot be read');
  });

  test('ends when its target is closed, instead of waiting for it', async () => {
    const stuck = new Writable({ highWaterMark: 1, write: () => undefined });
    const done = demultiplex(Readable.from([frame(1, 'abc'), frame(1, 'def')]), stuck, new Kept());
    setTimeout(() => stuck.destroy(), 20);
    await done;
  });
});

describe('copy', () => {
  test('copies all, however slow the target', async () => {
    const target = new Kept({ highWaterMark: 4 });
    await copy(Readable.from(['abcdef', 'gh', 'ijklmnop'].map((text) => Buffer.from(text))), target);
    await finished(target.end());
    expect(target.text).toBe('abcdefghijklmnop');
  });

  test('ends when its target fails', async () => {
    const target = new Writable({
      highWaterMark: 1,
      write: (_chunk, _encoding, done) => setTimeout(() => done(new Error('gone')), 10),
    });
    target.on('error', () => undefined);
    await copy(Readable.from([Buffer.from('abc'), Buffer.from('def')]), target);
  });
});
