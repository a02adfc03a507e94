import { spawn } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { BerthError } from '@berth/core';
import type { RegistryReference } from '../images/reference.js';
import { killTool, rememberTool } from '../images/tool-process.js';
import { childEnvironment } from './environment.js';

/** Who somebody is to a registry. */
export interface Credentials {
  readonly username?: string;
  readonly password?: string;
  /** What an earlier login has given in place of the password. */
  readonly identityToken?: string;
}

export interface SkopeoCall {
  /** Private to the operation: credentials and what skopeo itself keeps lie there. */
  readonly folder: string;
  readonly registry: string;
  readonly credentials?: Credentials | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Given to its standard input. */
  readonly input?: string;
  /** Is told each line that it prints for people. */
  readonly onLine?: (line: string) => void;
}

/** Docker Hub keeps logins under this name; skopeo reads it too. */
export const HUB = 'docker.io';

/** The program skopeo, which speaks with registries for us. */
export class Skopeo {
  readonly #find: () => string;

  /** @param find its path; throws BerthError `unavailable`, naming the package, where it is missing */
  constructor(find: () => string) {
    this.#find = find;
  }

  /**
   * Runs it to its end. Nothing of the host's own logins is used.
   *
   * @returns what it wrote to its standard output
   * @throws BerthError `unavailable` if it is missing, `internal` with its own last words if it fails, or the
   *   signal's reason
   */
  async run(args: readonly string[], call: SkopeoCall): Promise<Buffer> {
    const program = this.#find();
    const authFile = join(call.folder, 'auth.json');
    await writeFile(authFile, authFileText(call), { mode: 0o600 });
    call.signal?.throwIfAborted();
    const child = spawn(program, ['--insecure-policy', ...args, '--authfile', authFile], {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: childEnvironment(call.folder),
      detached: true,
    });
    rememberTool(call.folder, child.pid);
    const kill = () => {
      killTool(child.pid);
    };
    call.signal?.addEventListener('abort', kill, { once: true });
    child.stdin.on('error', () => undefined);
    child.stdin.end(call.input ?? '');
    const output: Buffer[] = [];
    let complaint = '';
    child.stdout.on('data', (chunk: Buffer) => output.push(chunk));
    createInterface({ input: child.stderr }).on('line', (line) => {
      complaint = `${complaint}${line}\n`.slice(-4096);
      call.onLine?.(line);
    });
    try {
      const code = await new Promise<number | null>((resolve, reject) => {
        // What it has written is read to its end; when it was killed, nobody wants it.
        child.on('error', reject).on('close', resolve);
        child.on('exit', (status) => {
          if (call.signal?.aborted === true) resolve(status);
        });
      });
      call.signal?.throwIfAborted();
      if (code === 0) return Buffer.concat(output);
      throw new BerthError(
        'internal',
        lastWords(complaint) || `skopeo ended with status ${code ?? 'unknown'}`,
      );
    } finally {
      call.signal?.removeEventListener('abort', kill);
    }
  }
}

/** `docker://127.0.0.1:5000/team/web@sha256:…`, by the digest where one is given. */
export function dockerUrl({ registry, path }: RegistryReference, which: string): string {
  return `docker://${registry}/${path}${which.startsWith('sha256:') ? '@' : ':'}${which}`;
}

/** Registries of this very machine may speak plain HTTP, or show a certificate that nobody knows, as with Docker. */
export function isLoopback(registry: string): boolean {
  return /^(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])(?::\d+)?$/.test(registry);
}

/** What containers-auth.json(5) describes. */
function authFileText({ registry, credentials = {} }: SkopeoCall): string {
  const { username, password, identityToken } = credentials;
  if (identityToken !== undefined) {
    const auth = Buffer.from(`${username ?? '<token>'}:`).toString('base64');
    return JSON.stringify({ auths: { [registry]: { auth, identitytoken: identityToken } } });
  }
  if (username === undefined || password === undefined) return JSON.stringify({ auths: {} });
  const auth = Buffer.from(`${username}:${password}`).toString('base64');
  return JSON.stringify({ auths: { [registry]: { auth } } });
}

/** The message of its last log line, which is `time="…" level=fatal msg="…"`. */
function lastWords(complaint: string): string {
  const line = complaint.trim().split('\n').at(-1) ?? '';
  const message = /msg=("(?:[^"\\]|\\.)*")/.exec(line)?.[1];
  if (message === undefined) return line;
  try {
    return String(JSON.parse(message));
  } catch {
    return message;
  }
}
