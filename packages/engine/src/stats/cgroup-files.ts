import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { mounts } from '@berth/kernel';

/** Hierarchies of version 1 that hold every container's processes; one is there. */
const PROCESS_HOLDERS = ['pids', 'devices', 'memory', 'freezer'];

/** The files of one cgroup, in whichever version of the hierarchies the host has. What is not there reads as nothing. */
export class CgroupFiles {
  readonly version: 1 | 2;
  /** The cgroup's directory by controller; in version 2 there is one, called ''. */
  readonly #directories: ReadonlyMap<string, string>;

  private constructor(version: 1 | 2, directories: ReadonlyMap<string, string>) {
    this.version = version;
    this.#directories = directories;
  }

  /** @param path as in an OCI configuration: `/berth/ID` */
  static open(path: string): CgroupFiles {
    const found = mounts();
    const first = found.filter(({ type }) => type === 'cgroup');
    if (first.some(({ superOptions }) => superOptions.includes('memory'))) {
      const entries = first.flatMap(({ superOptions, mountPoint }) =>
        superOptions.map((controller) => [controller, join(mountPoint, path)] as const),
      );
      return new CgroupFiles(1, new Map(entries));
    }
    const root = found.find(({ type }) => type === 'cgroup2')?.mountPoint ?? '/sys/fs/cgroup';
    return new CgroupFiles(2, new Map([['', join(root, path)]]));
  }

  /** For tests. */
  static of(version: 1 | 2, directories: Readonly<Record<string, string>>): CgroupFiles {
    return new CgroupFiles(version, new Map(Object.entries(directories)));
  }

  text(controller: string, file: string): string | undefined {
    const directory = this.#directory(controller);
    if (directory === undefined) return undefined;
    try {
      return readFileSync(join(directory, file), 'utf8').trim();
    } catch {
      return undefined;
    }
  }

  /** A file that holds one number; `undefined` for `max` and the like, too. */
  number(controller: string, file: string): number | undefined {
    const text = this.text(controller, file);
    return text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined;
  }

  /** A file of lines like `inactive_file 4096`. */
  table(controller: string, file: string): Record<string, number> {
    const lines = (this.text(controller, file) ?? '').split('\n').map((line) => line.split(' '));
    return Object.fromEntries(
      lines.flatMap(([name, value]) => (name && value ? [[name, Number(value)] as const] : [])),
    );
  }

  /** Numbers of all processes of the cgroup and those below it. */
  processes(): number[] {
    const holder = this.version === 2 ? '' : PROCESS_HOLDERS.find((name) => this.#directories.has(name));
    const top = this.#directory(holder ?? '');
    if (top === undefined) return [];
    const found = new Set<number>();
    const collect = (directory: string) => {
      try {
        for (const line of readFileSync(join(directory, 'cgroup.procs'), 'utf8').split('\n'))
          if (line !== '') found.add(Number(line));
        for (const entry of readdirSync(directory, { withFileTypes: true }))
          if (entry.isDirectory()) collect(join(directory, entry.name));
      } catch {
        // It has just been removed.
      }
    };
    collect(top);
    return [...found].sort((a, b) => a - b);
  }

  #directory(controller: string): string | undefined {
    return this.#directories.get(this.version === 2 ? '' : controller);
  }
}
