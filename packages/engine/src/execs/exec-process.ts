import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable, Writable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { ReadStream } from 'node:tty';
import { BerthError, toError } from '@berth/core';
import { openTerminal, setWindowSize } from '@berth/kernel';
import { lastRuncError } from '../conmon/conmon.js';
import type { AttachStream, ExecSpec, OutputChunk, TerminalSize } from '../model.js';
import type { ProcessSpec } from '../oci/process.js';
import { specText } from '../oci/spec.js';

interface ExecProcessOptions {
  readonly runc: string;
  readonly runcRoot: string;
  readonly containerId: string;
  /** For files of this exec; exists. */
  readonly directory: string;
  readonly process: ProcessSpec;
  readonly spec: ExecSpec;
}

/** How often it is looked whether runc has started the command, in milliseconds. */
const START_POLL = 2;
/** How long the last output of a terminal may take to come after its command has ended, in milliseconds. */
const TERMINAL_PATIENCE = 1_000;

/** One `runc exec`, which stays the command's parent and ends with its exit code. */
export class ExecProcess {
  readonly stream: AttachStream;
  /** Resolves when the command runs (or has run). Rejects, in dockerd's wording, if it cannot be run. */
  readonly started: Promise<void>;
  /** The exit code; 126 or 127 for a command that cannot be run. */
  readonly ended: Promise<number>;
  exitCode: number | undefined;
  pid = 0;
  readonly #options: ExecProcessOptions;
  readonly #output: Readable & AsyncIterable<OutputChunk>;
  readonly #child: ChildProcess;
  #outputEnded = false;
  /** Standard error, from the time on when it is the command's and not runc's. */
  #stderr: Readable | undefined;
  #terminal: { readonly fd: number; readonly stream: ReadStream } | undefined;

  constructor(options: ExecProcessOptions) {
    this.#options = options;
    const { spec, directory } = options;
    this.#output = new Readable({ objectMode: true, read: () => this.#setFlow(true) }) as Readable &
      AsyncIterable<OutputChunk>;
    writeFileSync(join(directory, 'process.json'), specText(options.process), { mode: 0o600 });
    const pty = spec.tty ? openTerminal() : undefined;
    try {
      this.#child = this.#spawn(pty?.slave);
    } finally {
      // runc's end is runc's alone: when it closes, the terminal ends.
      if (pty !== undefined) closeSync(pty.slave);
    }
    const terminal = pty === undefined ? undefined : this.#adopt(pty.master);
    const closed = new Promise<number>((resolve) => {
      this.#child.on('error', () => {
        resolve(-1);
      });
      this.#child.on('close', (code, signal) => {
        resolve(code ?? (signal === null ? -1 : 137));
      });
    });
    this.ended = closed.then(async (code) => this.#finish(code, terminal));
    this.started = this.#awaitStart();
    this.started.catch(() => undefined);
    this.stream = {
      tty: spec.tty,
      output: this.#output,
      stdin: spec.attachStdin ? this.#stdin(terminal) : undefined,
      close: () => {
        this.#endOutput();
        // Nobody reads: what comes now is dropped, and the command goes on.
        this.#setFlow(true);
      },
    };
    if (!spec.tty) this.#forwardPipes();
  }

  async resize(size: TerminalSize): Promise<void> {
    await this.started;
    if (this.#terminal === undefined || this.#terminal.stream.destroyed) return;
    setWindowSize(this.#terminal.fd, size.rows, size.columns);
    // runc passes the size of its own terminal on to the command's when it is told of a change.
    this.#child.kill('SIGWINCH');
  }

  #spawn(slave: number | undefined): ChildProcess {
    const { runc, runcRoot, directory, containerId, spec } = this.#options;
    const files = ['--process', join(directory, 'process.json'), '--pid-file', join(directory, 'pid')];
    const log = ['--log', join(directory, 'runc.log'), '--log-format', 'json'];
    return spawn(runc, ['--root', runcRoot, ...log, 'exec', ...files, containerId], {
      stdio:
        slave === undefined ? [spec.attachStdin ? 'pipe' : 'ignore', 'pipe', 'pipe'] : [slave, slave, slave],
      env: { PATH: process.env['PATH'] },
    });
  }

  #adopt(fd: number): ReadStream {
    const terminal = new ReadStream(fd);
    this.#terminal = { fd, stream: terminal };
    terminal.on('data', (data: Buffer) => {
      if (this.#options.spec.attachStdout) this.#push('stdout', data);
    });
    // The master reports EIO when the last process has closed its end: that is how a terminal ends.
    terminal.on('error', () => undefined);
    return terminal;
  }

  /** What runc itself says on stderr comes before the command runs; it is told of through `started` instead. */
  #forwardPipes(): void {
    const { spec } = this.#options;
    this.#child.stdout?.on('data', (data: Buffer) => {
      if (spec.attachStdout) this.#push('stdout', data);
    });
    const stderr = this.#child.stderr;
    if (stderr === null) return;
    // Listened to from the beginning: what nobody listens to is thrown away when the child ends, however soon.
    const early: Buffer[] = [];
    let pass = (data: Buffer): void => void early.push(data);
    stderr.on('data', (data: Buffer) => {
      pass(data);
    });
    void this.started.then(
      () => {
        this.#stderr = stderr;
        pass = (data) => {
          if (spec.attachStderr) this.#push('stderr', data);
        };
        for (const data of early.splice(0)) pass(data);
      },
      () => (pass = () => undefined),
    );
  }

  #stdin(terminal: ReadStream | undefined): Writable {
    if (terminal === undefined && this.#child.stdin !== null) {
      // A command that ends without reading its input is no failure.
      return this.#child.stdin.on('error', () => undefined);
    }
    return new Writable({
      write: (chunk: Buffer, _encoding, done) => {
        if (terminal === undefined || terminal.destroyed) done();
        else terminal.write(chunk, () => done());
      },
    });
  }

  #push(stream: OutputChunk['stream'], data: Buffer): void {
    if (this.#outputEnded || this.#output.destroyed) return;
    if (!this.#output.push({ stream, data })) this.#setFlow(false);
  }

  #endOutput(): void {
    if (this.#outputEnded) return;
    this.#outputEnded = true;
    this.#output.push(null);
  }

  /** A reader that is behind holds the command up, not this process's memory. */
  #setFlow(flowing: boolean): void {
    for (const source of [this.#child.stdout, this.#stderr, this.#terminal?.stream]) {
      if (flowing) source?.resume();
      else source?.pause();
    }
  }

  async #awaitStart(): Promise<void> {
    const pidFile = join(this.#options.directory, 'pid');
    while (this.#child.exitCode === null && this.#child.signalCode === null && !existsSync(pidFile))
      await delay(START_POLL);
    if (existsSync(pidFile)) {
      this.pid = Number(readFileSync(pidFile, 'utf8'));
      return;
    }
    const said = lastRuncError(join(this.#options.directory, 'runc.log')) ?? 'runc ended without a message';
    throw new BerthError('invalid', `OCI runtime exec failed: ${said}: unknown`);
  }

  async #finish(code: number, terminal: ReadStream | undefined): Promise<number> {
    let exitCode = code;
    try {
      await this.started;
      if (terminal !== undefined && !terminal.destroyed) {
        const closed = new Promise((resolve) => terminal.once('close', resolve));
        await Promise.race([closed, delay(TERMINAL_PATIENCE)]);
      }
    } catch (thrown) {
      const { message } = toError(thrown);
      exitCode = /permission denied|is a directory/.test(message)
        ? 126
        : /not found|no such file/.test(message)
          ? 127
          : 128;
      this.#push('stdout', Buffer.from(`${message}\r\n`));
    }
    terminal?.destroy();
    this.exitCode = exitCode;
    this.#endOutput();
    return exitCode;
  }
}
