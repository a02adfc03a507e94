import { closeSync, constants, openSync } from 'node:fs';
import { KernelError } from '../errors.js';
import { check, declare, errnoName } from '../libc/index.js';

/** __NR_openat2, the same on every architecture (include/uapi/asm-generic/unistd.h); glibc has no function for it. */
const SYS_OPENAT2 = 437;
/** include/uapi/linux/openat2.h */
const RESOLVE_NO_MAGICLINKS = 0x02n;
const RESOLVE_IN_ROOT = 0x10n;
/** struct open_how: flags, mode, resolve, each of 64 bits. */
const OPEN_HOW_LENGTH = 24;
/** include/uapi/asm-generic/fcntl.h */
const O_PATH = 0o10000000;
const O_CLOEXEC = 0o2000000;
/** How often a walk is made again that was disturbed by renames (EAGAIN of openat2(2)). */
const ATTEMPTS = 64;

const openat2 = declare<[number: number, folder: number, path: Buffer, how: Buffer, length: number]>(
  'syscall',
  'long',
  ['long', 'int', 'void *', 'void *', 'unsigned long'],
);

/** Something of a file system, held by a descriptor: it stays the same thing whatever becomes of its name. */
export class HeldPath implements Disposable {
  readonly #fd: number;
  #open = true;

  constructor(fd: number) {
    this.#fd = fd;
  }

  get fd(): number {
    return this.#fd;
  }

  /** A path of this process that leads to it, for the functions of `node:fs`. */
  get path(): string {
    return `/proc/self/fd/${this.#fd}`;
  }

  /**
   * A path that leads to what has this name in the folder that is held. As long as it is not followed when it is a
   * symbolic link, it leads nowhere else.
   *
   * @param name one name, without slashes
   */
  child(name: Buffer): Buffer {
    return Buffer.concat([Buffer.from(`${this.path}/`), name]);
  }

  close(): void {
    if (!this.#open) return;
    this.#open = false;
    closeSync(this.#fd);
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/** A folder that is the root of all paths given to it: no symbolic link and no `..` leads out of it, as with chroot(2). */
export class RootDirectory extends HeldPath {
  /** @param path trusted; `/proc/PID/root` is the root of that process, with all that is mounted in it */
  static at(path: string): RootDirectory {
    return new RootDirectory(openSync(path, O_PATH | constants.O_DIRECTORY));
  }

  /**
   * Finds what is at a path, by openat2(2) with RESOLVE_IN_ROOT. Nothing is opened: neither a device nor a fifo notices.
   *
   * @param options.follow whether a symbolic link at the end is followed; default true
   * @param options.directory whether it must be a folder
   * @throws KernelError `ENOENT`, `ENOTDIR`, `ELOOP`, `ENAMETOOLONG`
   */
  find(path: Buffer, { follow = true, directory = false } = {}): HeldPath {
    const how = Buffer.alloc(OPEN_HOW_LENGTH);
    const flags =
      O_PATH | O_CLOEXEC | (follow ? 0 : constants.O_NOFOLLOW) | (directory ? constants.O_DIRECTORY : 0);
    how.writeBigUInt64LE(BigInt(flags), 0);
    how.writeBigUInt64LE(RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS, 16);
    // A zero within would cut the path; what the kernel would find there is not what was asked for.
    if (path.includes(0)) throw new KernelError('EINVAL', { op: 'find', subject: path.toString() });
    const text = Buffer.concat([path.length === 0 ? Buffer.from('.') : path, Buffer.alloc(1)]);
    for (let attempt = 1; ; attempt += 1) {
      const result = openat2(SYS_OPENAT2, this.fd, text, how, OPEN_HOW_LENGTH);
      if (result < 0 && errnoName(-result) === 'EAGAIN' && attempt < ATTEMPTS) continue;
      return new HeldPath(check(result, 'find', path.toString()));
    }
  }
}
