import { closeSync, existsSync, fstatSync, openSync, read, renameSync, rmSync } from 'node:fs';
import { promisify } from 'node:util';

const readAt = promisify(read);

/** An open file of a log. */
export class LogFile {
  readonly #fd: number;
  readonly inode: bigint;
  #open = true;

  private constructor(fd: number) {
    this.#fd = fd;
    this.inode = fstatSync(fd, { bigint: true }).ino;
  }

  /** `undefined` where there is none. */
  static open(path: string): LogFile | undefined {
    let fd: number;
    try {
      fd = openSync(path, 'r');
    } catch {
      return undefined;
    }
    try {
      return new LogFile(fd);
    } catch (error) {
      closeSync(fd);
      throw error;
    }
  }

  get size(): number {
    return fstatSync(this.#fd).size;
  }

  /** How many bytes were read into the buffer; 0 at the end. */
  async read(buffer: Buffer, position: number): Promise<number> {
    const { bytesRead } = await readAt(this.#fd, buffer, 0, buffer.length, position);
    return bytesRead;
  }

  close(): void {
    if (!this.#open) return;
    this.#open = false;
    closeSync(this.#fd);
  }
}

/** The name of a file that was put aside; 1 is the youngest. */
export function asidePath(path: string, number: number): string {
  return number === 0 ? path : `${path}.${number}`;
}

/**
 * Opens the files of a log from the oldest to the one that is being written. Like {@link putAside} it does so within one
 * turn, so that neither sees the other half done.
 *
 * @param after the inode of a file: only younger ones are opened; all, where it is there no more
 */
export function openLog(path: string, after?: bigint): LogFile[] {
  const files: LogFile[] = [];
  for (let number = 0; ; number += 1) {
    const file = LogFile.open(asidePath(path, number));
    // The first is missing for the moment that conmon takes to open a new one.
    if (file === undefined && number > 0) break;
    if (file === undefined) continue;
    if (file.inode === after) {
      file.close();
      break;
    }
    files.push(file);
  }
  return files.reverse();
}

/** Puts the file that is being written aside, and drops the oldest: `maxFiles` remain, the one that comes next included. */
export function putAside(path: string, maxFiles: number): void {
  // What is beyond is of a time when there was room for more.
  for (let number = Math.max(1, maxFiles - 1); existsSync(asidePath(path, number)); number += 1)
    rmSync(asidePath(path, number), { force: true });
  for (let number = maxFiles - 1; number > 0; number -= 1) {
    const younger = asidePath(path, number - 1);
    if (existsSync(younger)) renameSync(younger, asidePath(path, number));
  }
}
