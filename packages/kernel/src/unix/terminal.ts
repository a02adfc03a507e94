import { check, declare } from '../libc/index.js';

/** TIOCSWINSZ of include/uapi/asm-generic/ioctls.h. */
const TIOCSWINSZ = 0x5414;

const ioctl = declare<[fd: number, request: number, argument: Buffer]>('ioctl', 'int', [
  'int',
  'unsigned long',
  'void *',
]);

/** Sets the size of a terminal, in characters; what runs on it is told by SIGWINCH (ioctl_tty(2)). @throws KernelError */
export function setWindowSize(fd: number, rows: number, columns: number): void {
  // struct winsize: rows, columns, and two sizes in pixels that nobody uses.
  const size = Buffer.alloc(8);
  size.writeUInt16LE(rows, 0);
  size.writeUInt16LE(columns, 2);
  check(ioctl(fd, TIOCSWINSZ, size), 'set window size');
}
