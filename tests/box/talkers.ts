import type { ChildProcess } from 'node:child_process';
import { eventually, start } from './command.js';
import type { HostInABox } from './host-in-a-box.js';
import { inContainer, onHost, onOutside, type Place } from './places.js';

export type Protocol = 'tcp' | 'udp';

/** Answers each message at its ports with `NAME PROTOCOL PORT MESSAGE`. */
const SERVER = `
  const { createServer } = require('node:net');
  const { createSocket } = require('node:dgram');
  const [name, ...ports] = process.argv.slice(1);
  let missing = 2 * ports.length;
  const up = () => (missing -= 1) === 0 && console.log('up');
  for (const port of ports) {
    createServer((client) => {
      client.on('error', () => undefined);
      client.on('data', (text) => client.write([name, 'tcp', port, text].join(' ')));
    }).listen(port, '0.0.0.0', up);
    const socket = createSocket('udp4');
    socket.on('message', (text, from) => socket.send([name, 'udp', port, text].join(' '), from.port, from.address));
    socket.bind(Number(port), up);
  }`;

/** Sends the time every 50 ms, always by the same connection or from the same port, and prints what comes back. */
const CALLER = `
  const [protocol, address, port] = process.argv.slice(1);
  const time = () => Date.now() + '\\n';
  const print = (text) => process.stdout.write(text);
  if (protocol === 'tcp') {
    const socket = require('node:net').connect(port, address);
    socket.on('data', print);
    socket.on('error', ({ code }) => print('ended ' + code + '\\n'));
    setInterval(() => socket.writable && socket.write(time()), 50);
  } else {
    const socket = require('node:dgram').createSocket('udp4');
    socket.on('message', print);
    socket.on('error', () => undefined);
    socket.bind(0, () => setInterval(() => socket.send(time(), port, address, () => undefined), 50));
  }`;

/** A program of the test in a box. */
class Talker {
  readonly #process: ChildProcess;
  #printed = '';

  constructor(command: readonly string[]) {
    this.#process = start(command);
    this.#process.stdout?.on('data', (chunk: Buffer) => (this.#printed += chunk.toString()));
  }

  get lines(): string[] {
    return this.#printed.split('\n').slice(0, -1);
  }

  async end(): Promise<void> {
    const { exitCode, signalCode } = this.#process;
    if (exitCode !== null || signalCode !== null) return;
    const ended = new Promise((resolve) => this.#process.once('close', resolve));
    this.#process.kill('SIGKILL');
    await ended;
  }
}

/** One flow of messages that never pauses. */
class Caller extends Talker {
  /** Who answers, `NAME PROTOCOL PORT`, to a message that is sent from now on. */
  answer(timeout?: number): Promise<string> {
    const now = Date.now();
    return eventually('an answer', () => this.#since(now).at(-1), timeout);
  }

  /** Whether nobody answers the messages of the next half second. */
  async unanswered(): Promise<boolean> {
    const now = Date.now();
    await new Promise((resolve) => setTimeout(resolve, 500));
    return this.#since(now).length === 0;
  }

  /** Why its connection has ended. */
  get ended(): string | undefined {
    return this.lines.find((line) => line.startsWith('ended'))?.slice('ended '.length);
  }

  #since(time: number): string[] {
    return this.lines.flatMap((line) => {
      const [, answer, sent = ''] = /^(\S+ \S+ \S+) (\d+)$/.exec(line) ?? [];
      return answer !== undefined && Number(sent) >= time ? [answer] : [];
    });
  }
}

/** Programs that talk to each other through a box, ended together. */
export class Talkers {
  readonly #box: () => HostInABox;
  #all: Talker[] = [];

  constructor(box: () => HostInABox) {
    this.#box = box;
  }

  /** A program of the host, in the network of a container, that answers in its name at these ports of TCP and UDP. */
  async serve(container: string, ...ports: number[]): Promise<void> {
    await this.#serve(await inContainer(this.#box(), container), container, ports);
  }

  /** The same on the host itself; ends with the function that is returned. */
  async serveHost(...ports: number[]): Promise<() => Promise<void>> {
    const server = await this.#serve(onHost(this.#box()), 'host', ports);
    return () => server.end();
  }

  /** A flow from the outside machine, or from another place. */
  call(protocol: Protocol, address: string, port: number, from: Place = onOutside(this.#box())): Caller {
    const caller = new Caller([...from, process.execPath, '-e', CALLER, protocol, address, String(port)]);
    this.#all.push(caller);
    return caller;
  }

  /** Who answers a new flow, `NAME PROTOCOL PORT`; undefined: nobody. */
  async ask(protocol: Protocol, address: string, port: number, from?: Place): Promise<string | undefined> {
    const caller = this.call(protocol, address, port, from);
    try {
      return await caller.answer(1500);
    } catch {
      return undefined;
    } finally {
      await caller.end();
    }
  }

  /** Any other program. */
  run(command: readonly string[]): Talker {
    const talker = new Talker(command);
    this.#all.push(talker);
    return talker;
  }

  async endAll(): Promise<void> {
    await Promise.all(this.#all.map((talker) => talker.end()));
    this.#all = [];
  }

  async #serve(place: Place, name: string, ports: readonly number[]): Promise<Talker> {
    const server = this.run([...place, process.execPath, '-e', SERVER, name, ...ports.map(String)]);
    await eventually('the servers are up', () => server.lines.includes('up'));
    return server;
  }
}
