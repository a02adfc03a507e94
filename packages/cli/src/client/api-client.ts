import { request, type IncomingMessage, type RequestOptions } from 'node:http';
import type { Duplex, Readable } from 'node:stream';
import { ApiError, DaemonUnreachable } from './api-error.js';

/** Where the daemon is unless `-H` or BERTH_HOST say otherwise. */
export const DEFAULT_HOST = 'unix:///run/berth/berth.sock';
const API_VERSION = 'v1.51';

export type Query = Readonly<Record<string, string | number | boolean | undefined>>;

export interface CallOptions {
  readonly query?: Query;
  /** Sent as JSON. */
  readonly body?: unknown;
  /** Sent as it is. */
  readonly upload?: Readable;
  readonly signal?: AbortSignal;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A connection that has left HTTP: bytes both ways. */
export interface Hijacked {
  readonly socket: Duplex;
  /** Whether output comes in frames that tell its streams apart. */
  readonly multiplexed: boolean;
}

/** The Docker Engine API over a unix socket. */
export class ApiClient {
  readonly host: string;
  readonly #socketPath: string;

  /** @throws Error for a host that is no unix socket */
  constructor(host: string) {
    if (!host.startsWith('unix://')) {
      throw new Error(
        `unable to use the daemon at "${host}": only unix sockets are supported, as in ${DEFAULT_HOST}`,
      );
    }
    this.host = host;
    this.#socketPath = host.slice('unix://'.length);
  }

  /**
   * Calls a path and reads its JSON; undefined where the answer has none.
   *
   * @throws ApiError, DaemonUnreachable
   */
  async call<T>(method: string, path: string, options: CallOptions = {}): Promise<T> {
    const text = await readText(await this.stream(method, path, options));
    return (text === '' ? undefined : JSON.parse(text)) as T;
  }

  /** Calls a path and hands over its answer as a stream. */
  stream(method: string, path: string, options: CallOptions = {}): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      const body = options.body === undefined ? undefined : Buffer.from(JSON.stringify(options.body));
      const headers: Record<string, string | number> = { ...options.headers };
      if (body !== undefined)
        Object.assign(headers, { 'content-type': 'application/json', 'content-length': body.length });
      if (options.upload !== undefined) headers['content-type'] = 'application/x-tar';
      const outgoing = request({
        ...this.#target(method, path, options.query),
        headers,
        signal: options.signal,
      });
      outgoing.on('error', (error) => reject(this.#explain(error)));
      outgoing.on('response', (incoming) => {
        const status = incoming.statusCode ?? 500;
        if (status < 400) resolve(incoming);
        else void readText(incoming).then((text) => reject(new ApiError(status, messageOf(text))), reject);
      });
      if (options.upload === undefined) outgoing.end(body);
      else {
        options.upload.on('error', (error) => outgoing.destroy(error));
        options.upload.pipe(outgoing);
      }
    });
  }

  /** Calls a path that goes on as a raw connection (attach, exec). */
  hijack(path: string, options: CallOptions = {}): Promise<Hijacked> {
    return new Promise((resolve, reject) => {
      const body = Buffer.from(JSON.stringify(options.body ?? {}));
      const headers = {
        connection: 'Upgrade',
        upgrade: 'tcp',
        'content-type': 'application/json',
        'content-length': body.length,
      };
      const outgoing = request({ ...this.#target('POST', path, options.query), headers });
      outgoing.on('error', (error) => reject(this.#explain(error)));
      outgoing.on('upgrade', (response, socket, head) => {
        if (head.length > 0) socket.unshift(head);
        const multiplexed = response.headers['content-type'] !== 'application/vnd.docker.raw-stream';
        resolve({ socket, multiplexed });
      });
      outgoing.on('response', (incoming) => {
        const status = incoming.statusCode ?? 500;
        void readText(incoming).then((text) => reject(new ApiError(status, messageOf(text))), reject);
      });
      outgoing.end(body);
    });
  }

  #target(method: string, path: string, query: Query = {}): RequestOptions & { servername: string } {
    const search = new URLSearchParams();
    for (const [name, value] of Object.entries(query))
      if (value !== undefined) search.set(name, String(value));
    const suffix = search.size > 0 ? `?${search.toString()}` : '';
    // The name of a server over TLS, which there is none of: Node spends 6 ms on finding out whether it is an address.
    const servername = '';
    return { servername, socketPath: this.#socketPath, method, path: `/${API_VERSION}${path}${suffix}` };
  }

  #explain(error: Error): Error {
    const { code } = error as NodeJS.ErrnoException;
    const unreachable = code === 'ENOENT' || code === 'ECONNREFUSED' || code === 'EACCES';
    return unreachable ? new DaemonUnreachable(this.host, error) : error;
  }
}

async function readText(stream: Readable): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

function messageOf(text: string): string {
  try {
    const { message } = JSON.parse(text) as { message?: string };
    return message ?? text;
  } catch {
    return text.trim();
  }
}

/** What `-H` says; it goes before BERTH_HOST, and to what this command starts. */
export function chooseHost(host: string): void {
  process.env['BERTH_HOST'] = host;
}

/** A client of the daemon that this command speaks to. */
export function connect(): ApiClient {
  return new ApiClient(process.env['BERTH_HOST'] ?? DEFAULT_HOST);
}
