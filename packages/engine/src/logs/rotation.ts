import {
  closeSync,
  constants,
  existsSync,
  openSync,
  statSync,
  watch,
  writeSync,
  type FSWatcher,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { toError, type Logger } from '@berth/core';
import { CONTROL_FIFO } from '../conmon/conmon.js';
import { asidePath, putAside } from './files.js';

interface RotatedLog {
  readonly path: string;
  /** Where conmon's control fifo is. */
  readonly bundle: string;
  /** Bytes. */
  readonly maxSize: number;
  readonly maxFiles: number;
}

/** How long a log is not looked at after it has grown, in milliseconds: a busy one would be told of for every line. */
const PAUSE = 20;
/**
 * conmon's src/ctrl.c: message 2 has it open its log anew; the two numbers mean nothing then. It makes the new file as
 * `<log>.tmp` and renames it, so that a log which was renamed before stays whole.
 */
const REOPEN = '2 0 0\n';

/** Puts logs aside that have grown to their size, for as long as their containers run. */
export class LogRotation {
  readonly #logger: Logger;
  readonly #watched = new Map<string, Watched>();

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  start(id: string, log: RotatedLog): void {
    this.stop(id);
    this.#watched.set(id, new Watched(log, this.#logger));
  }

  stop(id: string): void {
    this.#watched.get(id)?.close();
    this.#watched.delete(id);
  }

  close(): void {
    for (const id of [...this.#watched.keys()]) this.stop(id);
  }
}

class Watched {
  readonly #log: RotatedLog;
  readonly #logger: Logger;
  #watcher: FSWatcher | undefined;
  #timer: NodeJS.Timeout | undefined;
  /** The file that conmon was last told to close. */
  #asked: bigint | undefined;

  constructor(log: RotatedLog, logger: Logger) {
    this.#log = log;
    this.#logger = logger;
    const { path, bundle } = log;
    this.#attempt(() => {
      // A daemon ended between the two steps: conmon still writes to what was put aside.
      if (!existsSync(path) && existsSync(asidePath(path, 1))) withControl(bundle, (reopen) => reopen());
    });
    this.#look();
  }

  close(): void {
    this.#watcher?.close();
    clearTimeout(this.#timer);
  }

  /** Watched first and looked at then: nothing that is written in between goes unnoticed. */
  #look(): void {
    const { path, bundle, maxSize, maxFiles } = this.#log;
    this.#watcher?.close();
    this.#attempt(() => {
      // The folder, since the file is another one after each rotation.
      this.#watcher = watch(dirname(path), (_event, name) => {
        if (name === basename(path)) this.#later();
      });
      this.#watcher.on('error', () => {
        this.#later();
      });
      const stats = statSync(path, { throwIfNoEntry: false, bigint: true });
      // With a single file the old one is there until conmon has made the new one.
      if (stats === undefined || stats.size < maxSize || stats.ino === this.#asked) return;
      withControl(bundle, (reopen) => {
        this.#asked = stats.ino;
        putAside(path, maxFiles);
        reopen();
      });
    });
  }

  #later(): void {
    this.#watcher?.close();
    this.#watcher = undefined;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#look();
    }, PAUSE);
    this.#timer.unref();
  }

  #attempt(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#logger.debug('cannot rotate a log', { path: this.#log.path, error: toError(error) });
    }
  }
}

/** Opened before anything is renamed: without a conmon that listens nothing may be. */
function withControl(bundle: string, work: (reopen: () => void) => void): void {
  // Non-blocking: with conmon gone nobody reads, and the open fails instead of waiting.
  const fifo = openSync(join(bundle, CONTROL_FIFO), constants.O_WRONLY | constants.O_NONBLOCK);
  try {
    work(() => {
      writeSync(fifo, REOPEN);
    });
  } finally {
    closeSync(fifo);
  }
}
