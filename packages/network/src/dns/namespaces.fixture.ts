import { execFile, execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { NetworkNamespace } from '@berth/kernel';

const run = promisify(execFile);

/** A network namespace with its loopback up, as a sandbox has. */
export class TestNamespace {
  readonly path: string;
  readonly namespace: NetworkNamespace;
  readonly #folder = mkdtempSync(join(tmpdir(), 'berth-dns-'));

  constructor() {
    this.path = join(this.#folder, 'sandbox');
    this.namespace = NetworkNamespace.create(this.path);
    execFileSync('nsenter', [`--net=${this.path}`, 'ip', 'link', 'set', 'lo', 'up']);
  }

  /** Runs a program of the host in the namespace, and returns what it prints. */
  async run(...command: string[]): Promise<string> {
    const { stdout } = await run('nsenter', [`--net=${this.path}`, ...command]);
    return stdout;
  }

  close(): void {
    this.namespace.close();
    NetworkNamespace.remove(this.path);
    rmSync(this.#folder, { recursive: true });
  }
}
