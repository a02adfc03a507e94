import { mkdtempSync, rmSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { BerthError, silentLogger } from '@berth/core';
import type { AttachStream, OutputChunk } from '@berth/engine';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createServer, type App } from '../http/server.js';
import { addRoutes } from './index.js';

/** The protocol, with an engine that only notes what it is asked for; that containers work is for the black-box tests. */
let folder: string;
let socketPath: string;
let app: App;
let asked: unknown[];
let exit: (result: { exitCode: number }) => void;
let stream: { output: PassThrough; stdin: PassThrough; closed: boolean; tty: boolean };

const container = { id: 'c'.repeat(64), state: { status: 'running' }, spec: { tty: false } };

function attachStream(): AttachStream {
  return { ...stream, close: () => (stream.closed = true) };
}

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'berth-api-'));
  socketPath = join(folder, 'api.sock');
  asked = [];
  stream = {
    output: new PassThrough({ objectMode: true }),
    stdin: new PassThrough(),
    closed: false,
    tty: false,
  };
  const engine = {
    containers: {
      get: (reference: string) => {
        if (reference === 'nobody') throw new BerthError('not-found', 'No such container: nobody');
        return container;
      },
      create: (spec: object) => {
        asked.push(spec);
        return Promise.resolve({ container, warnings: [] });
      },
      start: () => Promise.reject(new BerthError('not-modified', 'running already')),
      wait: () => new Promise((resolve) => (exit = resolve)),
      attach: (_id: string, options: unknown) => {
        asked.push(options);
        return attachStream();
      },
      logs: async function* () {
        await Promise.resolve();
        yield [{ stream: 'stderr', time: '2026-01-01T00:00:00.000000001Z', data: Buffer.from('hey\n') }];
      },
    },
    execs: {
      get: () => ({ id: 'e1', spec: { tty: true } }),
      start: (_id: string, options: unknown) => {
        asked.push(options);
        stream.tty = true;
        return Promise.resolve(attachStream());
      },
    },
    images: {
      import: async (source: AsyncIterable<Buffer>, options: unknown) => {
        let bytes = 0;
        for await (const chunk of source) bytes += chunk.length;
        asked.push({ bytes, options });
        return 'sha256:1';
      },
      get: (name: string) => {
        throw new BerthError('not-found', `No such image: ${name}`);
      },
    },
    events: {
      subscribe: async function* (query: unknown) {
        asked.push(query);
        await Promise.resolve();
        const actor = { id: 'n1', attributes: { name: 'net' } };
        yield { type: 'network', action: 'create', actor, timeNano: 1700000000123456789n };
      },
    },
  };
  app = createServer(silentLogger, 'Berth/test');
  addRoutes(app, { engine: engine as never, host: { architecture: 'amd64' } as never, logger: silentLogger });
  await app.listen({ path: socketPath });
});

afterEach(async () => {
  await app.close();
  rmSync(folder, { recursive: true });
});

interface Answer {
  readonly status: number;
  readonly headers: Record<string, unknown>;
  readonly body: string;
}

async function call(method: string, path: string, body?: unknown): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const text = typeof body === 'string' ? body : body === undefined ? undefined : JSON.stringify(body);
    const headers = text === undefined ? {} : { 'content-type': 'application/json' };
    const request = httpRequest({ socketPath, method, path, headers, agent: false }, (response) => {
      let received = '';
      response.on('data', (chunk: Buffer) => (received += chunk.toString()));
      const { statusCode: status = 0, headers: answered } = response;
      response.on('end', () => resolve({ status, headers: answered, body: received }));
    });
    // After the answer an error means nothing: Node ends a long body with a write of no bytes, which fails by then.
    request.on('error', reject);
    request.end(text);
  });
}

/** A connection that speaks by hand, and what came on it so far. */
function rawConnection(): { socket: Socket; received: () => string } {
  const socket = connect({ path: socketPath, allowHalfOpen: true });
  let text = '';
  socket.on('data', (chunk) => (text += chunk.toString('latin1')));
  return { socket, received: () => text };
}

async function until(condition: () => boolean): Promise<void> {
  for (let round = 0; round < 200; round += 1) {
    if (condition()) return;
    await delay(10);
  }
  throw new Error('it did not come about');
}

describe('answers', () => {
  it('carries the version headers, and JSON without a charset', async () => {
    const { status, headers, body } = await call('GET', '/v1.24/version');
    expect(status).toBe(200);
    expect(headers).toMatchObject({
      'api-version': '1.51',
      ostype: 'linux',
      server: 'Berth/test (linux)',
      'content-type': 'application/json',
    });
    expect(JSON.parse(body)).toMatchObject({ ApiVersion: '1.51', MinAPIVersion: '1.24' });
  });

  it.each([
    ['GET', '/v1.99/info', undefined, 400, 'client version 1.99 is too new'],
    ['GET', '/nothing', undefined, 404, 'page not found'],
    ['PATCH', '/containers/json', undefined, 404, 'page not found'],
    ['GET', '/containers/nobody/json', undefined, 404, 'No such container: nobody'],
    ['GET', '/images/some/where:1/json', undefined, 404, 'No such image: some/where:1'],
    ['POST', '/containers/create', '{"Image"', 400, 'invalid JSON'],
    ['POST', '/containers/create', { Image: 'x', Cmd: 7 }, 400, 'Cmd'],
    ['POST', '/containers/create', { Cmd: ['x'] }, 400, 'Image'],
    ['POST', '/containers/create', undefined, 400, 'body'],
    [
      'POST',
      '/containers/create',
      { Image: 'x', HostConfig: { KernelMemory: 1 } },
      400,
      'HostConfig.KernelMemory is not supported',
    ],
    ['POST', '/containers/x/wait?condition=never', undefined, 400, 'invalid condition: "never"'],
    ['GET', '/containers/x/logs', undefined, 400, 'you must choose at least one stream'],
    ['POST', '/images/create', undefined, 400, 'fromImage must name an image'],
    ['GET', '/images/search?term=x', undefined, 501, 'searching for images is not supported'],
    ['POST', '/build?version=2', 'tar', 501, 'set DOCKER_BUILDKIT=0'],
    ['POST', '/build?memory=1', 'tar', 501, 'build parameter memory is not supported'],
    ['GET', '/services', undefined, 503, 'This node is not a swarm manager'],
    ['GET', '/events?filters={"plugin":["x"]}', undefined, 400, "invalid filter 'plugin'"],
  ])('%s %s with %j: %i %s', async (method, path, body, status, message) => {
    const answer = await call(method, encodeURI(path), body);
    expect(answer.status).toBe(status);
    expect((JSON.parse(answer.body) as { message: string }).message).toContain(message);
  });

  it('refuses a body that is too large', async () => {
    const answer = await call('POST', '/containers/create', { Image: 'x'.repeat(2 ** 20) });
    expect(answer.status).toBe(413);
    expect(answer.body).toContain('larger than 1048576 bytes');
  });

  it('says 304 without a body', async () => {
    expect(await call('POST', '/containers/x/start')).toMatchObject({ status: 304, body: '' });
  });

  it('creates with what was asked for', async () => {
    const answer = await call('POST', '/v1.43/containers/create?name=web', { Image: 'busybox' });
    expect(answer).toMatchObject({ status: 201 });
    expect(JSON.parse(answer.body)).toEqual({ Id: container.id, Warnings: [] });
    expect(asked[0]).toMatchObject({ name: 'web', image: 'busybox' });
  });

  it('answers bytes that are no HTTP, and headers that are too long', async () => {
    for (const bytes of ['hello\r\n\r\n', `GET / HTTP/1.1\r\nA: ${'x'.repeat(70_000)}\r\n\r\n`]) {
      const { socket, received } = rawConnection();
      socket.on('error', () => undefined);
      socket.write(bytes);
      await until(() => received().includes('"message"'));
      expect(received()).toMatch(/^HTTP\/1\.1 4(00|31) /);
      socket.destroy();
    }
  });
});

describe('streams', () => {
  it('sends the header of a wait before the exit', async () => {
    const { socket, received } = rawConnection();
    socket.write(
      'POST /v1.43/containers/x/wait?condition=next-exit HTTP/1.1\r\nHost: d\r\nContent-Length: 0\r\n\r\n',
    );
    await until(() => received().includes('\r\n\r\n'));
    expect(received()).toContain('200 OK');
    expect(received()).not.toContain('StatusCode');
    exit({ exitCode: 7 });
    await until(() => received().includes('{"StatusCode":7}'));
    socket.destroy();
  });

  it('frames logs, and says so to clients that know the name', async () => {
    const stamped = await call('GET', '/v1.42/containers/x/logs?stderr=1&timestamps=1');
    expect(stamped.headers['content-type']).toBe('application/vnd.docker.multiplexed-stream');
    expect(stamped.body.slice(8)).toBe('2026-01-01T00:00:00.000000001Z hey\n');
    const old = await call('GET', '/v1.41/containers/x/logs?stderr=1');
    expect(old.headers['content-type']).toBe('application/vnd.docker.raw-stream');
    expect(old.body).toBe('\x02\0\0\0\0\0\0\x04hey\n');
  });

  it('writes events as lines, with whole nanoseconds', async () => {
    const { body } = await call(
      'GET',
      encodeURI('/events?since=1&until=2&filters={"type":{"network":true}}'),
    );
    expect(body).toContain('"timeNano":1700000000123456789}\n');
    expect(JSON.parse(body)).toMatchObject({
      Type: 'network',
      Action: 'create',
      Actor: { ID: 'n1' },
      time: 1700000000,
    });
    expect(asked[0]).toMatchObject({ since: 1_000_000_000n, filters: { type: ['network'] } });
  });

  it('hands the connection over on attach', async () => {
    const { socket, received } = rawConnection();
    socket.write(
      'POST /v1.43/containers/x/attach?stream=1&stdin=1&stdout=1 HTTP/1.1\r\nHost: d\r\n' +
        'Connection: Upgrade\r\nUpgrade: tcp\r\nContent-Length: 0\r\nContent-Type: text/plain\r\n\r\ntyped at once',
    );
    await until(() => received().includes('\r\n\r\n'));
    expect(received()).toMatch(/^HTTP\/1\.1 101 UPGRADED\r\n/);
    expect(received()).toContain('Content-Type: application/vnd.docker.multiplexed-stream');
    expect(asked[0]).toEqual({ stdin: true, stdout: true, stderr: false, logs: false, stream: true });
    stream.output.write({ stream: 'stdout', data: Buffer.from('out') } satisfies OutputChunk);
    await until(() => received().endsWith('\x01\0\0\0\0\0\0\x03out'));
    await until(() => String(stream.stdin.read() ?? '') === 'typed at once');
    socket.end();
    await until(() => stream.stdin.writableEnded);
    const ended = new Promise((resolve) => socket.on('end', resolve));
    stream.output.end();
    await ended;
  });

  it('refuses an attach before the connection is handed over', async () => {
    const { socket, received } = rawConnection();
    socket.write(
      'POST /containers/nobody/attach HTTP/1.1\r\nHost: d\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n',
    );
    await new Promise((resolve) => socket.on('end', resolve));
    expect(received()).toMatch(/^HTTP\/1\.1 404 .*No such container: nobody/s);
  });

  it('reads the body of an exec start, hands the connection over, and lets go at the detach keys', async () => {
    const { socket, received } = rawConnection();
    const body = '{"Detach":false,"Tty":true}';
    socket.write(
      'POST /v1.43/exec/e1/start HTTP/1.1\r\nHost: d\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n' +
        `Content-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body.slice(0, 5)}`,
    );
    await delay(20);
    socket.write(body.slice(5));
    await until(() => received().includes('101 UPGRADED'));
    expect(received()).toContain('application/vnd.docker.raw-stream');
    expect(asked[0]).toEqual({ detach: false, tty: true });
    stream.output.write({ stream: 'stdout', data: Buffer.from('raw') });
    await until(() => received().endsWith('\r\n\r\nraw'));
    const ended = new Promise((resolve) => socket.on('end', resolve));
    socket.write('\x10\x11');
    await ended;
    expect(stream.closed).toBe(true);
  });

  it('imports what is sent as it comes', async () => {
    const path = '/images/create?fromSrc=-&repo=web%3A1&changes=CMD+%5B%22sh%22%5D&changes=ENV+a%3Db';
    const answer = await call('POST', path, 'x'.repeat(3 * 2 ** 20));
    expect(answer.body).toBe('{"status":"sha256:1"}\n');
    expect(asked[0]).toMatchObject({
      bytes: 3 * 2 ** 20,
      options: { repository: 'web', tag: '1', changes: ['CMD ["sh"]', 'ENV a=b'] },
    });
  });

  it('closes while connections are handed over', async () => {
    const { socket, received } = rawConnection();
    socket.write(
      'POST /containers/x/attach?stream=1 HTTP/1.1\r\nHost: d\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n',
    );
    await until(() => received().includes('101'));
    await app.close();
    await until(() => stream.closed);
    socket.destroy();
  });
});
