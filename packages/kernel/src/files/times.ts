import { check, declare } from '../libc/index.js';

/** include/uapi/linux/fcntl.h */
const AT_FDCWD = -100;
const AT_SYMLINK_NOFOLLOW = 0x100;
const SECOND = 1_000_000_000n;

const utimensat = declare<[folder: number, path: Buffer, times: Buffer, flags: number]>('utimensat', 'int', [
  'int',
  'void *',
  'void *',
  'int',
]);

/**
 * Times of last access and change of content, in nanoseconds since 1970, of a file or of a symbolic link itself. Node's
 * own functions round to microseconds.
 *
 * @throws KernelError
 */
export function setTimes(path: Buffer, accessed: bigint, modified: bigint): void {
  // Two of struct timespec: seconds, then nanoseconds, which are never negative.
  const times = Buffer.alloc(32);
  for (const [index, time] of [accessed, modified].entries()) {
    const rest = ((time % SECOND) + SECOND) % SECOND;
    times.writeBigInt64LE((time - rest) / SECOND, index * 16);
    times.writeBigInt64LE(rest, index * 16 + 8);
  }
  const text = Buffer.concat([path, Buffer.alloc(1)]);
  check(utimensat(AT_FDCWD, text, times, AT_SYMLINK_NOFOLLOW), 'set the times of', path.toString());
}
