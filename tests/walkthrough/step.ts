import { BERTH, dockerProgram, type CommandResult, type HostInABox } from '../box/index.js';

/** Which command plays the text's `docker`. */
export type Front = 'berth' | 'docker';

/** One step of the text. */
export interface Step {
  /** The commands as the text has them, one a line. */
  readonly text: string;
  /** Where Berth's way differs from the text's words, and why. */
  readonly here?: string;
  /** What the text says comes of it. */
  readonly says: string;
  /** Does it; throws, with the reason, when it is not as the text says. */
  run(walk: Walkthrough): Promise<void>;
}

export interface Chapter {
  readonly title: string;
  readonly steps: readonly Step[];
}

/** One run through the text: the box it happens in, and the record of what was run and printed. */
export class Walkthrough {
  readonly box: HostInABox;
  readonly front: Front;
  readonly #record: (line: string) => void;

  /** @param record takes each command that is run, and each line that it prints */
  constructor(box: HostInABox, front: Front, record: (line: string) => void = () => undefined) {
    this.box = box;
    this.front = front;
    this.#record = record;
  }

  /** The container command of the text: `docker …`, played by the front of this run. */
  docker(...args: string[]): Promise<string> {
    return this.#show([this.front, ...args], [this.#frontProgram, ...args]);
  }

  /** As `docker`, on a terminal, as `exec -it` wants. */
  dockerOnTerminal(...args: string[]): Promise<string> {
    const command = [this.#frontProgram, ...args].map((word) => `'${word}'`).join(' ');
    return this.#show([this.front, ...args], ['script', '-qec', command, '/dev/null'], { open: true });
  }

  /** `berth …`: the Linux half of the text, and what only Berth has. */
  berth(...args: string[]): Promise<string> {
    return this.#show(['berth', ...args], [BERTH, ...args]);
  }

  /** A program of the host. */
  host(...command: string[]): Promise<string> {
    return this.#show(command, command);
  }

  /** A program of the outside machine. */
  async outside(...command: string[]): Promise<string> {
    this.#record(`(outside) $ ${command.join(' ')}`);
    return this.#finish(await this.box.tryOutside(...command));
  }

  /** A command of the host that has to fail; returns what it printed. */
  async failing(...command: string[]): Promise<string> {
    const result = await this.box.tryHost(command.map((word) => (word === 'berth' ? BERTH : word)));
    this.#print(command, result);
    if (result.status === 0) throw new Error(`should fail, but does not: ${command.join(' ')}`);
    return result.stdout + result.stderr;
  }

  get #frontProgram(): string {
    return this.front === 'berth' ? BERTH : dockerProgram();
  }

  async #show(shown: string[], command: string[], input?: { open: true }): Promise<string> {
    const result = await this.box.tryHost(command, input === undefined ? {} : { input });
    this.#print(shown, result);
    return this.#finish(result, false);
  }

  #print(shown: readonly string[], result: CommandResult): void {
    this.#record(`$ ${shown.join(' ')}`);
    for (const line of (result.stdout + result.stderr).split(/\r?\n/)) if (line !== '') this.#record(line);
  }

  #finish(result: CommandResult, record = true): string {
    if (record)
      for (const line of (result.stdout + result.stderr).split('\n')) if (line !== '') this.#record(line);
    if (result.status !== 0) {
      throw new Error(
        `exit status ${result.status}: ${result.command.join(' ')}\n${result.stdout}${result.stderr}`,
      );
    }
    return result.stdout.replaceAll('\r\n', '\n').trimEnd();
  }
}

/** @throws Error with what was expected and what was there */
export function expectMatch(actual: string, ...patterns: RegExp[]): void {
  for (const pattern of patterns) {
    if (!pattern.test(actual)) throw new Error(`expected ${String(pattern)} in:\n${actual}`);
  }
}

/** @throws Error unless the two are the same */
export function expectSame(what: string, actual: unknown, expected: unknown): void {
  const [left, right] = [JSON.stringify(actual), JSON.stringify(expected)];
  if (left !== right) throw new Error(`${what}: expected ${right}, found ${left}`);
}

/** The JSON that an `inspect` prints: a list of one. */
export function only<T>(json: string): T {
  const [first, second] = JSON.parse(json) as T[];
  if (first === undefined || second !== undefined) throw new Error(`expected one object in:\n${json}`);
  return first;
}
