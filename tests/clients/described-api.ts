import { request } from 'node:http';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import Ajv from 'ajv';
import type { HostInABox } from '../box/index.js';
import { REPOSITORY } from '../box/index.js';

interface Description {
  readonly version: string;
  readonly definitions: Readonly<Record<string, object>>;
  /** By `GET /containers/json`: the schema of the answer for each status code; null where it has no body. */
  readonly operations: Readonly<Record<string, Readonly<Record<string, object | null>>>>;
}

export interface Answer {
  readonly status: number;
  readonly body: unknown;
  /** What of the answer is not as the description has it. */
  readonly wrong: readonly string[];
}

interface Call {
  readonly path?: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  /** Sent as it is, instead of JSON. */
  readonly raw?: string;
}

/** Operations whose answer is a document in each line. */
const STREAMS = new Set(['GET /events']);

/** A client of the Engine API that holds each answer against the published description. */
export class DescribedApi {
  readonly #box: HostInABox;
  readonly #description: Description;
  readonly #ajv = new Ajv({ allErrors: true, unknownFormats: 'ignore', schemaId: 'auto' });
  readonly #seen = new Map<string, Set<number>>();

  constructor(box: HostInABox) {
    this.#box = box;
    const path = join(REPOSITORY, 'tests/clients/engine-api.json');
    this.#description = JSON.parse(readFileSync(path, 'utf8')) as Description;
    this.#ajv.addSchema({ $id: 'api', definitions: this.#description.definitions });
  }

  /** Calls an operation by its name in the description: `GET /containers/{id}/json`. */
  async call(operation: string, { path = {}, query, body, raw }: Call = {}): Promise<Answer> {
    const answers = this.#description.operations[operation];
    if (answers === undefined) throw new Error(`the description has no ${operation}`);
    const [method = '', template = ''] = operation.split(' ');
    const filled = template.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(path[name] ?? ''));
    const search = query === undefined ? '' : `?${new URLSearchParams(query).toString()}`;
    const sent = raw ?? (body === undefined ? undefined : JSON.stringify(body));
    const { status, text } = await this.#send(
      method,
      `/v${this.#description.version}${filled}${search}`,
      sent,
    );
    const seen = this.#seen.get(operation) ?? new Set();
    this.#seen.set(operation, seen.add(status));
    return { status, ...this.#check(operation, answers, status, text) };
  }

  /** How much of the description has been asked for, in words. */
  get coverage(): string[] {
    const { operations, version } = this.#description;
    const names = Object.keys(operations);
    const missing = names.filter((name) => !this.#seen.has(name));
    const codes = [...this.#seen.values()].reduce((sum, statuses) => sum + statuses.size, 0);
    return [
      `Engine API ${version}: ${this.#seen.size} of ${names.length} operations, ${codes} answers by status code`,
      `not asked for: ${missing.join(', ')}`,
    ];
  }

  #check(
    operation: string,
    answers: Readonly<Record<string, object | null>>,
    status: number,
    text: string,
  ): Pick<Answer, 'body' | 'wrong'> {
    const schema = answers[String(status)];
    if (schema === undefined)
      return { body: text, wrong: [`${operation} answers ${status}, which it can't: ${text}`] };
    if (schema === null) return { body: text === '' ? undefined : parsed(text), wrong: [] };
    const rooted = JSON.parse(
      JSON.stringify(schema).replaceAll('"#/definitions/', '"api#/definitions/'),
    ) as object;
    if (STREAMS.has(operation) && status === 200) {
      const lines = text.split('\n').filter(Boolean).map(parsed);
      return { body: lines, wrong: lines.flatMap((line) => this.#errors(rooted, line)) };
    }
    const body = parsed(text);
    return { body, wrong: this.#errors(rooted, body) };
  }

  #errors(schema: object, value: unknown): string[] {
    if (this.#ajv.validate(schema, value) === true) return [];
    const errors = (this.#ajv.errors ?? []).filter(({ keyword }) => keyword !== 'anyOf');
    return errors.map(
      ({ dataPath, message, params }) => `${dataPath} ${message ?? ''} ${JSON.stringify(params)}`,
    );
  }

  #send(method: string, path: string, body: string | undefined): Promise<{ status: number; text: string }> {
    // The box's own /run is seen through the process that holds its mount namespace.
    const socketPath = `/proc/${this.#box.hostPid}/root/run/berth/berth.sock`;
    const headers =
      body === undefined
        ? {}
        : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
    return new Promise((resolve, reject) => {
      const outgoing = request({ socketPath, method, path, headers }, (incoming) => {
        let text = '';
        incoming.setEncoding('utf8');
        incoming.on('data', (chunk: string) => (text += chunk));
        incoming.on('end', () => resolve({ status: incoming.statusCode ?? 0, text }));
        incoming.on('error', reject);
      });
      outgoing.on('error', reject);
      outgoing.end(body);
    });
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}
