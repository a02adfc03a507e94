import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { NetworkNamespace } from '../namespace/index.js';
import { RouteSocket, linkRequests } from '../rtnetlink/index.js';
import { bindSocket, closeDescriptor } from '../sockets/index.js';
import { boundPorts, holderOf } from './index.js';

const directory = mkdtempSync(join(tmpdir(), 'berth-socket-diag-'));
const path = join(directory, 'box');
const namespace = NetworkNamespace.create(path);
{
  using routes = RouteSocket.open(namespace);
  routes.run(linkRequests.set({ name: 'lo' }, { up: true }));
}

const program = `
  const dgram = require('dgram'), net = require('net');
  const udp = dgram.createSocket('udp4');
  const connected = dgram.createSocket('udp4');
  udp.bind(1235, '0.0.0.0', () => connected.connect(1235, '127.0.0.1', () =>
    net.createServer(() => {}).listen(1234, '127.0.0.1', () =>
      net.createServer(() => {}).listen(1236, '::', () =>
        net.createServer(() => {}).listen(1237, '::ffff:127.0.0.1', () =>
          net.connect(1234, '127.0.0.1', () => console.log('up')))))));`;
const child = spawn('nsenter', [`--net=${path}`, process.execPath, '-e', program]);
await new Promise((resolve, reject) => {
  child.stdout.once('data', resolve);
  child.once('exit', () => reject(new Error('the servers did not start')));
});

afterAll(() => {
  child.kill('SIGKILL');
  namespace.close();
  NetworkNamespace.remove(path);
  rmSync(directory, { recursive: true });
});

describe('bound ports', () => {
  it('are those of listening tcp and unconnected udp sockets of a namespace, of both families', () => {
    const found = boundPorts({ namespace }).map(({ protocol, address, port }) => [protocol, address, port]);
    expect(found).toHaveLength(4);
    expect(found).toEqual(
      expect.arrayContaining([
        ['tcp', '127.0.0.1', 1234],
        ['tcp', '::', 1236],
        ['tcp', '127.0.0.1', 1237],
        ['udp', '0.0.0.0', 1235],
      ]),
    );
  });

  it('are those of one protocol when it is asked for', () => {
    expect(boundPorts({ namespace, protocol: 'udp' })).toMatchObject([
      { protocol: 'udp', address: '0.0.0.0', port: 1235, ipv6Only: false, userId: 0 },
    ]);
  });

  it('are known before the socket listens, and with what they leave to IPv4', () => {
    const { fd, port } = bindSocket({ namespace, protocol: 'tcp', address: '::', port: 0 });
    const held = boundPorts({ namespace, protocol: 'tcp' }).filter((each) => each.port === port);
    closeDescriptor(fd);
    expect(held).toMatchObject([{ address: '::', ipv6Only: true }]);
    expect(boundPorts({ namespace, protocol: 'tcp' }).some((each) => each.port === port)).toBe(false);
  });

  it('have a holder, found by the inode', () => {
    for (const { inode } of boundPorts({ namespace }))
      expect(holderOf(inode)).toEqual({ pid: child.pid, name: 'node' });
    // Sockets of the kernel itself, and of nobody.
    for (const inode of [0, 0xffffffff]) expect(holderOf(inode)).toBeUndefined();
  });
});
