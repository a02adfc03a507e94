import { Agent, request } from 'node:http';

/** A bare client of the API over a unix socket that keeps its connection, so that what is timed is the daemon. */
export class ApiClient {
  readonly #agent = new Agent({ keepAlive: true });
  readonly #socketPath: string;

  constructor(socketPath: string) {
    this.#socketPath = socketPath;
  }

  /** @throws Error with the daemon's answer unless its status is a success */
  call<T = unknown>(method: string, path: string, body?: unknown): Promise<T> {
    const payload = body === undefined ? undefined : Buffer.from(JSON.stringify(body));
    const headers =
      payload === undefined ? {} : { 'content-type': 'application/json', 'content-length': payload.length };
    return new Promise((resolve, reject) => {
      const outgoing = request(
        { socketPath: this.#socketPath, agent: this.#agent, method, path, headers },
        (incoming) => {
          const chunks: Buffer[] = [];
          incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
          incoming.on('end', () => {
            const text = Buffer.concat(chunks).toString();
            if ((incoming.statusCode ?? 500) >= 400) reject(new Error(`${method} ${path}: ${text}`));
            else resolve((text === '' ? undefined : JSON.parse(text)) as T);
          });
          incoming.on('error', reject);
        },
      );
      outgoing.on('error', reject);
      outgoing.end(payload);
    });
  }

  close(): void {
    this.#agent.destroy();
  }
}
