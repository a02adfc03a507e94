import type { ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { eventually } from './command.js';
import type { HostInABox } from './host-in-a-box.js';
import { BERTH } from './paths.js';

export interface DaemonOptions {
  /** Further flags of `berth daemon`. */
  readonly flags?: readonly string[];
  /** Whether to import the busybox image into an empty store; default true. */
  readonly importImage?: boolean;
}

/** A daemon on the host of a box, with its roots inside the box. */
export class BoxedDaemon {
  readonly #box: HostInABox;
  readonly #process: ChildProcess;
  #log = '';

  private constructor(box: HostInABox, process: ChildProcess) {
    this.#box = box;
    this.#process = process;
    const keep = (chunk: Buffer) => (this.#log += chunk.toString());
    process.stdout?.on('data', keep);
    process.stderr?.on('data', keep);
  }

  static async start(box: HostInABox, options: DaemonOptions): Promise<BoxedDaemon> {
    const flags = ['--data-root', join(box.folder, 'data'), '--log-level', 'debug', ...(options.flags ?? [])];
    const daemon = new BoxedDaemon(box, box.startOnHost(BERTH, 'daemon', ...flags));
    await eventually('the daemon answers', async () => {
      if (!daemon.running) throw new Error(`the daemon ended:\n${daemon.log}`);
      if (!daemon.log.includes('API listen on')) return false;
      return (
        (await box.tryHost(['curl', '-sf', '--unix-socket', '/run/berth/berth.sock', 'http://d/_ping']))
          .status === 0
      );
    });
    return daemon;
  }

  get log(): string {
    return this.#log;
  }

  /** The daemon's own pid: nsenter replaces itself with what it runs. */
  get pid(): number {
    if (this.#process.pid === undefined) throw new Error('the daemon did not start');
    return this.#process.pid;
  }

  /** Nobody reads its log from now on. */
  closeLog(): void {
    this.#process.stdout?.destroy();
    this.#process.stderr?.destroy();
  }

  get running(): boolean {
    return this.#process.exitCode === null && this.#process.signalCode === null;
  }

  /** Removes all containers and custom networks, through the API. */
  async removeEverything(): Promise<void> {
    await this.#box.removeContainers();
    await this.#box.berth('network', 'prune', '-f');
  }

  /** Stops it as an init system does, and waits for its end. */
  async stop(): Promise<void> {
    await this.#end('SIGTERM');
    if (this.#process.exitCode !== 0) throw new Error(`the daemon ended badly:\n${this.#log}`);
  }

  /** Kills it without a chance to tidy up. */
  kill(): void {
    this.#process.kill('SIGKILL');
  }

  async crash(): Promise<void> {
    await this.#end('SIGKILL');
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    if (!this.running) return;
    const ended = new Promise((resolve) => this.#process.once('close', resolve));
    this.#process.kill(signal);
    const timer = setTimeout(() => this.#process.kill('SIGKILL'), 15_000);
    await ended;
    clearTimeout(timer);
  }
}
