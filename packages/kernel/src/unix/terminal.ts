import { closeSync, constants, openSync } from 'node:fs';
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

/** include/uapi/asm-generic/ioctls.h */
const TCGETS = 0x5401;
const TCSETS = 0x5402;
/** sizeof(struct termios) as ioctl(2) has it: four flag words, a line discipline, 19 control characters (asm-generic/termbits.h). */
const TERMIOS_LENGTH = 36;
/** IGNBRK|BRKINT|PARMRK|ISTRIP|INLCR|IGNCR|ICRNL|IXON; OPOST; CSIZE|PARENB; ECHO|ECHONL|ICANON|ISIG|IEXTEN. */
const COOKED = { input: 0o2753, output: 0o1, control: 0o460, local: 0o100113 } as const;
const CS8 = 0o60;
/** Offsets of c_cc[VTIME] and c_cc[VMIN]. */
const VTIME_OFFSET = 17 + 5;
const VMIN_OFFSET = 17 + 6;

/**
 * Has a terminal pass every byte as it is, both ways (termios(3), cfmakeraw). Node's own raw mode goes on to turn line
 * feeds into two characters.
 *
 * @returns what puts it back as it was
 * @throws KernelError ENOTTY
 */
export function makeRaw(fd: number): () => void {
  const before = Buffer.alloc(TERMIOS_LENGTH);
  check(ioctl(fd, TCGETS, before), 'read terminal settings');
  const raw = Buffer.from(before);
  const clear = (offset: number, bits: number, set = 0): void => {
    raw.writeUInt32LE(((raw.readUInt32LE(offset) & ~bits) | set) >>> 0, offset);
  };
  clear(0, COOKED.input);
  clear(4, COOKED.output);
  clear(8, COOKED.control, CS8);
  clear(12, COOKED.local);
  raw.writeUInt8(0, VTIME_OFFSET);
  raw.writeUInt8(1, VMIN_OFFSET);
  check(ioctl(fd, TCSETS, raw), 'set terminal settings');
  return () => {
    // A terminal that has gone needs no settings.
    ioctl(fd, TCSETS, before);
  };
}

/** include/uapi/asm-generic/ioctls.h */
const TIOCSPTLCK = 0x40045431;
const TIOCGPTPEER = 0x5441;
const O_CLOEXEC = 0o2000000;

const ioctlNumber = declare<[fd: number, request: number, argument: number]>('ioctl', 'int', [
  'int',
  'unsigned long',
  'long',
]);

/**
 * A new pseudoterminal (pts(4)): what is written to one end is read at the other. Both descriptors are the caller's.
 *
 * @throws KernelError
 */
export function openTerminal(): { readonly master: number; readonly slave: number } {
  const flags = constants.O_RDWR | constants.O_NOCTTY;
  const master = openSync('/dev/ptmx', flags);
  try {
    check(ioctl(master, TIOCSPTLCK, Buffer.alloc(4)), 'unlock terminal');
    const slave = check(ioctlNumber(master, TIOCGPTPEER, flags | O_CLOEXEC), 'open terminal');
    return { master, slave };
  } catch (error) {
    closeSync(master);
    throw error;
  }
}
