import type { ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { eventually, start } from '@berth/tests/box';

/** A program that serves while others are measured against it. */
export class Server {
  readonly #process: ChildProcess;

  private constructor(process: ChildProcess) {
    this.#process = process;
  }

  /**
   * Starts it and waits until it prints `ready`.
   *
   * @throws Error with what it printed, where it ends before or does not get ready in 10 s
   */
  static async start(command: readonly string[], ready: string): Promise<Server> {
    const child = start(command);
    let printed = '';
    child.stdout?.on('data', (chunk: Buffer) => (printed += chunk.toString()));
    child.stderr?.on('data', (chunk: Buffer) => (printed += chunk.toString()));
    await eventually(`${command.join(' ')} is ready`, () => {
      if (child.exitCode !== null) throw new Error(`a server ended: ${command.join(' ')}\n${printed}`);
      return printed.includes(ready);
    });
    return new Server(child);
  }

  async stop(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const ended = new Promise((resolve) => this.#process.once('close', resolve));
    this.#process.kill('SIGKILL');
    await ended;
  }
}

/** Starts a TCP server in Node that sends back what it gets, on `port`, where the prefix puts it. */
export function startEcho(prefix: readonly string[], port: number): Promise<Server> {
  return Server.start([...prefix, ...onOneCpu(), ...script('tcp-server'), String(port)], 'listening');
}

/** A client of such a server: it measures for some seconds and prints one number (tcp-client.ts). */
export function clientCommand(
  prefix: readonly string[],
  what: 'ping-pong' | 'connections',
  address: string,
  port: number,
  seconds: number,
): string[] {
  return [...prefix, ...onOneCpu(), ...script('tcp-client'), what, address, String(port), String(seconds)];
}

/**
 * Client and server share a CPU: where the scheduler puts them otherwise changes a round trip by more than any path
 * does.
 */
function onOneCpu(): string[] {
  const allowed = /^Cpus_allowed_list:\s+(\d+)/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1];
  return ['taskset', '-c', allowed ?? '0'];
}

function script(name: string): string[] {
  return [process.execPath, fileURLToPath(new URL(`${name}.js`, import.meta.url))];
}
