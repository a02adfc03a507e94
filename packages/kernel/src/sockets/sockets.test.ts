import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { NetworkNamespace } from '../namespace/index.js';
import { bindSocket, closeDescriptor } from './index.js';

it('holds a port, and names protocol, address and port to the next who wants it', () => {
  for (const protocol of ['tcp', 'udp'] as const) {
    const { fd, port } = bindSocket({ protocol, address: '127.0.0.1', port: 0 });
    expect(port).toBeGreaterThan(0);
    expect(() => bindSocket({ protocol, address: '127.0.0.1', port })).toThrow(
      expect.objectContaining({
        errno: 'EADDRINUSE',
        code: 'conflict',
        message: `bind 127.0.0.1:${port}/${protocol}: Address already in use`,
      }),
    );
    expect(() => bindSocket({ protocol, address: '0.0.0.0', port })).toThrow(/Address already in use/);
    closeDescriptor(fd);
    closeDescriptor(bindSocket({ protocol, address: '127.0.0.1', port }).fd);
  }
});

it('takes the port of one family only', () => {
  const four = bindSocket({ protocol: 'tcp', address: '0.0.0.0', port: 0 });
  const six = bindSocket({ protocol: 'tcp', address: '::', port: four.port });
  expect(six.port).toBe(four.port);
  expect(() => bindSocket({ protocol: 'tcp', address: '::1', port: four.port })).toThrow(
    `bind [::1]:${four.port}/tcp: Address already in use`,
  );
  closeDescriptor(four.fd);
  closeDescriptor(six.fd);
});

it('refuses an address that this machine does not have', () => {
  expect(() => bindSocket({ protocol: 'udp', address: '192.0.2.1', port: 0 })).toThrow(
    'bind 192.0.2.1:0/udp: Cannot assign requested address',
  );
});

it('is adopted by dgram', async () => {
  const { fd, port } = bindSocket({ protocol: 'udp', address: '127.0.0.1', port: 0 });
  const server = createSocket('udp4').on('message', (data, from) =>
    server.send(data.toString().toUpperCase(), from.port, from.address),
  );
  server.bind({ fd });
  const client = createSocket('udp4');
  client.send('hello', port, '127.0.0.1');
  const [reply] = (await once(client, 'message')) as [Buffer];
  expect(reply.toString()).toBe('HELLO');
  expect(server.address().port).toBe(port);
  client.close();
  server.close();
});

it('is adopted by net, in both families', async () => {
  for (const address of ['127.0.0.1', '::1']) {
    const { fd, port } = bindSocket({ protocol: 'tcp', address, port: 0, listen: 16 });
    const server = createServer((connection) => connection.end('hello'));
    server.listen({ fd });
    const client = connect(port, address);
    const [data] = (await once(client, 'data')) as [Buffer];
    expect(data.toString()).toBe('hello');
    client.destroy();
    server.close();
    await once(server, 'close');
  }
});

it('stays in the namespace in which it was made', () => {
  const directory = mkdtempSync(join(tmpdir(), 'berth-sockets-'));
  const path = join(directory, 'netns');
  const namespace = NetworkNamespace.create(path);
  const here = bindSocket({ protocol: 'tcp', address: '0.0.0.0', port: 0 });
  const there = bindSocket({ protocol: 'tcp', address: '0.0.0.0', port: here.port, namespace });
  expect(there.port).toBe(here.port);
  closeDescriptor(here.fd);
  closeDescriptor(there.fd);
  namespace.close();
  NetworkNamespace.remove(path);
  rmSync(directory, { recursive: true });
});
