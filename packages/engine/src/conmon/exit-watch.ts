import { type FSWatcher, existsSync, readdirSync, readFileSync, rmSync, statSync, watch } from 'node:fs';
import { join } from 'node:path';
import { formatInstant } from '../clock.js';

export interface ExitReport {
  readonly exitCode: number;
  readonly finishedAt: string;
}

/** How often the directory is read although nothing was told, in milliseconds: inotify queues can overflow. */
const FALLBACK = 5_000;

/** Watches the directory into which every conmon writes its container's exit status, as a file of the container's id. */
export class ExitWatch {
  readonly #directory: string;
  readonly #report: (id: string) => void;
  readonly #watcher: FSWatcher;
  readonly #timer: NodeJS.Timeout;

  /**
   * @param report told an id when its file is there; may be told more than once
   * @param tick called now and then, to look for what nobody tells of
   */
  constructor(directory: string, report: (id: string) => void, tick: () => void) {
    this.#directory = directory;
    this.#report = report;
    this.#watcher = watch(directory, (_event, name) => {
      // conmon writes `<id>.<random>` first and renames it.
      if (name !== null && /^[0-9a-f]{64}$/.test(name)) report(name);
    });
    // A watch that has failed leaves the interval.
    this.#watcher.on('error', () => undefined);
    this.#timer = setInterval(() => {
      this.scan();
      tick();
    }, FALLBACK);
    this.#timer.unref();
  }

  /** Reports every file that is there now. */
  scan(): void {
    for (const name of existsSync(this.#directory) ? readdirSync(this.#directory) : []) {
      if (/^[0-9a-f]{64}$/.test(name)) this.#report(name);
    }
  }

  /** What conmon has written of that container; `undefined` as long as it has not. */
  read(id: string): ExitReport | undefined {
    const path = join(this.#directory, id);
    try {
      const exitCode = Number(readFileSync(path, 'utf8').trim());
      const { mtimeNs } = statSync(path, { bigint: true });
      return Number.isInteger(exitCode) ? { exitCode, finishedAt: formatInstant(mtimeNs) } : undefined;
    } catch {
      return undefined;
    }
  }

  forget(id: string): void {
    rmSync(join(this.#directory, id), { force: true });
  }

  close(): void {
    this.#watcher.close();
    clearInterval(this.#timer);
  }
}
