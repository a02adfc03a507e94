import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createSocketServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ApiClient } from './api-client.js';
import { ApiError, DaemonUnreachable } from './api-error.js';

let folder: string;
let path: string;
let closing: (() => void)[];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'berth-api-client-'));
  path = join(folder, 'sock');
  closing = [];
});

afterEach(() => {
  for (const close of closing) close();
  rmSync(folder, { recursive: true });
});

async function listen(server: Server | ReturnType<typeof createSocketServer>): Promise<ApiClient> {
  await new Promise<void>((resolve) => server.listen(path, resolve));
  closing.push(() => server.close());
  return new ApiClient(`unix://${path}`);
}

/** A client of a daemon that answers as told. */
function serve(answer: (request: IncomingMessage, response: ServerResponse) => void): Promise<ApiClient> {
  return listen(createServer(answer));
}

/** A client of a server that writes these bytes once it is spoken to. */
function serveBytes(...pieces: (string | (() => Promise<unknown>))[]): Promise<ApiClient> {
  const speak = async (socket: Socket): Promise<void> => {
    for (const piece of pieces) {
      if (typeof piece === 'string') socket.write(piece);
      else await piece();
    }
    socket.end();
  };
  return listen(
    createSocketServer((socket) => {
      socket.on('error', () => undefined);
      socket.once('data', () => void speak(socket));
    }),
  );
}

const pause = (): Promise<unknown> => new Promise((resolve) => setTimeout(resolve, 20));

async function textOf(stream: Readable): Promise<string> {
  let text = '';
  for await (const chunk of stream) text += String(chunk);
  return text;
}

describe('call', () => {
  test('sends its query and JSON body, and reads JSON', async () => {
    const client = await serve((request, response) => {
      void textOf(request).then((body) => {
        const { method, url } = request;
        response.end(JSON.stringify({ method, url, body, type: request.headers['content-type'] }));
      });
    });
    const query = { name: 'a b', all: true, none: undefined, limit: 3 };
    expect(await client.call('POST', '/containers/create', { query, body: { Image: 'ä' } })).toEqual({
      method: 'POST',
      url: '/v1.51/containers/create?name=a+b&all=true&limit=3',
      body: '{"Image":"ä"}',
      type: 'application/json',
    });
  });

  test('an answer without content is undefined', async () => {
    const client = await serve((_, response) => response.writeHead(204).end());
    expect(await client.call('POST', '/containers/a/start')).toBeUndefined();
  });

  test('a refusal is its status and the message in it', async () => {
    const client = await serve((_, response) =>
      response.writeHead(404).end(JSON.stringify({ message: 'No such container: a' })),
    );
    const refusal = await client.call('GET', '/containers/a/json').catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(ApiError);
    expect(refusal).toMatchObject({ status: 404, message: 'No such container: a' });
  });

  test('a refusal that is no JSON is its text', async () => {
    const client = await serve((_, response) => response.writeHead(502).end('Bad gateway\n'));
    await expect(client.call('GET', '/info')).rejects.toMatchObject({ status: 502, message: 'Bad gateway' });
  });

  test('text in pieces that cut a character in two is put together', async () => {
    const bytes = Buffer.from('"ä"');
    const client = await serve((_, response) => {
      response.write(bytes.subarray(0, 2));
      setTimeout(() => response.end(bytes.subarray(2)), 10);
    });
    expect(await client.call('GET', '/info')).toBe('ä');
  });

  test('a daemon that is not there is told apart, with the way to start it', async () => {
    const client = new ApiClient(`unix://${path}`);
    await expect(client.call('GET', '/info')).rejects.toThrow(DaemonUnreachable);
    await expect(client.call('GET', '/info')).rejects.toThrow(
      `Cannot connect to the Berth daemon at unix://${path}: is it running? Start it with: berth daemon`,
    );
  });

  test('a connection that is cut in the middle of an answer is an error', async () => {
    const client = await serveBytes('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{"Id"');
    await expect(client.call('GET', '/info')).rejects.toThrow();
  });

  test('an upload is sent as it is', async () => {
    const client = await serve((request, response) => {
      void textOf(request).then((body) => response.end(JSON.stringify(body)));
    });
    const upload = Readable.from([Buffer.from('one'), Buffer.from('two')]);
    expect(await client.call('POST', '/images/create', { upload })).toBe('onetwo');
  });

  test('an upload that cannot be read is an error', async () => {
    const client = await serve((request, response) => {
      request.on('error', () => undefined);
      request.resume().on('end', () => response.end());
    });
    const upload = new Readable({ read: () => upload.destroy(new Error('EIO: the disk is broken')) });
    await expect(client.call('POST', '/images/create', { upload })).rejects.toThrow('the disk is broken');
  });
});

describe('hijack', () => {
  const UPGRADED = 'HTTP/1.1 101 UPGRADED\r\nconnection: Upgrade\r\nupgrade: tcp\r\n';
  const RAW = 'content-type: application/vnd.docker.raw-stream\r\n\r\n';
  const FRAMED = 'content-type: application/vnd.docker.multiplexed-stream\r\n\r\n';

  test('output that comes with the answer is not lost', async () => {
    const client = await serveBytes(`${UPGRADED}${RAW}early`, pause, ' late');
    const { socket, multiplexed } = await client.hijack('/containers/a/attach');
    expect(multiplexed).toBe(false);
    expect(await textOf(socket)).toBe('early late');
  });

  test('the type of its content tells whether it comes in frames', async () => {
    const client = await serveBytes(`${UPGRADED}${FRAMED}`);
    const { socket, multiplexed } = await client.hijack('/containers/a/attach');
    expect(multiplexed).toBe(true);
    socket.destroy();
  });

  test('the end of input leaves output open', async () => {
    const server = createServer();
    server.on('upgrade', (_request, socket: Socket) => {
      socket.write(`${UPGRADED}${RAW}`);
      let text = '';
      socket.on('data', (chunk) => (text += String(chunk)));
      socket.on('end', () => socket.end(`you said ${text}`));
    });
    const client = await listen(server);
    const { socket } = await client.hijack('/exec/a/start', { body: { Tty: true } });
    socket.end('hello');
    expect(await textOf(socket)).toBe('you said hello');
  });

  test('a refusal is its status and message', async () => {
    const client = await serve((_, response) =>
      response.writeHead(409).end('{"message":"container a is not running"}'),
    );
    await expect(client.hijack('/containers/a/attach')).rejects.toMatchObject({
      status: 409,
      message: 'container a is not running',
    });
  });
});

test('a host that is no unix socket is refused, with what would be right', () => {
  expect(() => new ApiClient('tcp://127.0.0.1:2375')).toThrow(
    'unable to use the daemon at "tcp://127.0.0.1:2375": only unix sockets are supported, as in unix:///run/berth/berth.sock',
  );
});
