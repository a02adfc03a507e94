import { PassThrough, Transform, type Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { BerthError, toError } from '@berth/core';
import { Decompress } from 'fzstd';

const MAGIC: readonly { name: string; bytes: Buffer; open?: () => Transform }[] = [
  // RFC 1952, section 2.3.1.
  { name: 'gzip', bytes: Buffer.from([0x1f, 0x8b]), open: () => createGunzip() },
  // RFC 8878, section 3.1.1.
  { name: 'zstd', bytes: Buffer.from([0x28, 0xb5, 0x2f, 0xfd]), open: zstd },
  { name: 'xz', bytes: Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]) },
  { name: 'bzip2', bytes: Buffer.from('BZh') },
];
const LONGEST = Math.max(...MAGIC.map(({ bytes }) => bytes.length));

/**
 * The stream without its compression, which is told by its first bytes.
 *
 * @param told is given the compression's name: `gzip`, `zstd` or `none`
 * @throws BerthError `unsupported` for a compression that Berth does not read
 */
export async function decompressed(
  source: Readable,
  told: (compression: string) => void = () => undefined,
): Promise<Readable> {
  const iterator = source[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  let head = Buffer.alloc(0);
  while (head.length < LONGEST) {
    const step = await iterator.next();
    if (step.done === true) break;
    head = Buffer.concat([head, step.value]);
  }
  const kind = MAGIC.find(({ bytes }) => head.subarray(0, bytes.length).equals(bytes));
  if (kind !== undefined && kind.open === undefined) {
    await iterator.return?.();
    throw new BerthError(
      'unsupported',
      `the archive is compressed with ${kind.name}; plain tar, gzip and zstd can be imported`,
    );
  }
  told(kind?.name ?? 'none');
  const into = kind?.open?.() ?? new PassThrough();
  void feed(into, head, iterator).catch((error: unknown) => into.destroy(toError(error)));
  return into;
}

async function feed(into: Transform, head: Buffer, rest: AsyncIterator<Buffer>): Promise<void> {
  const write = async (chunk: Buffer) => {
    if (into.destroyed || into.write(chunk)) return;
    await new Promise<void>((resolve) => {
      const goOn = () => {
        into.off('drain', goOn).off('close', goOn);
        resolve();
      };
      into.on('drain', goOn).on('close', goOn);
    });
  };
  await write(head);
  for (;;) {
    const step = await rest.next();
    if (step.done === true) break;
    await write(step.value);
    if (into.destroyed) {
      await rest.return?.();
      return;
    }
  }
  into.end();
}

function zstd(): Transform {
  const stream = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      attempt(() => {
        decoder.push(chunk);
      }, done);
    },
    flush(done) {
      attempt(() => {
        decoder.push(new Uint8Array(0), true);
      }, done);
    },
  });
  const decoder = new Decompress((data) => {
    if (data.length > 0) stream.push(Buffer.from(data));
  });
  return stream;
}

function attempt(work: () => void, done: (error?: Error) => void): void {
  try {
    work();
    done();
  } catch (error) {
    done(toError(error));
  }
}
