import { execFile, execFileSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { decode, encode } from 'dns-packet';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { NetworkNamespace } from '../namespace/index.js';
import { bindSocket } from '../sockets/index.js';
import { NftSocket, nameServiceRedirect } from './index.js';

const SERVICE = '127.0.0.11';
let directory: string;
let path: string;
let namespace: NetworkNamespace;
const closing: (() => void)[] = [];

const inside = (...args: string[]): string =>
  execFileSync('nsenter', [`--net=${path}`, ...args], { encoding: 'utf8' });
/** Not synchronous, since the servers are in this process. */
const dig = async (...args: string[]): Promise<string> =>
  (await promisify(execFile)('nsenter', [`--net=${path}`, 'dig', '+tries=1', '+time=2', ...args])).stdout;

/** A reply to a question that says who gave it. */
function reply(question: Buffer, who: string): Buffer {
  const { id, questions } = decode(question);
  const [asked] = questions ?? [];
  return encode({
    type: 'response',
    id: id ?? 0,
    questions: questions ?? [],
    answers: [{ type: 'TXT', name: asked?.name ?? '', ttl: 0, data: who }],
  });
}

function serveUdp(address: string, port: number, who: string): number {
  const bound = bindSocket({ protocol: 'udp', address, port, namespace });
  const socket = createSocket('udp4');
  socket.on('message', (question, from) => socket.send(reply(question, who), from.port, from.address));
  socket.bind({ fd: bound.fd });
  closing.push(() => socket.close());
  return bound.port;
}

function serveTcp(address: string, who: string): number {
  const bound = bindSocket({ protocol: 'tcp', address, port: 0, namespace, listen: 8 });
  const server = createServer((connection) => {
    connection.on('data', (data) => {
      const answer = reply(data.subarray(2), who);
      const length = Buffer.alloc(2);
      length.writeUInt16BE(answer.length);
      connection.end(Buffer.concat([length, answer]));
    });
  });
  server.listen({ fd: bound.fd });
  closing.push(() => server.close());
  return bound.port;
}

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'berth-redirect-'));
  path = join(directory, 'netns');
  namespace = NetworkNamespace.create(path);
  inside('ip', 'link', 'set', 'lo', 'up');
});

afterAll(() => {
  closing.forEach((close) => close());
  namespace.close();
  NetworkNamespace.remove(path);
  rmSync(directory, { recursive: true });
});

it('sends questions to the servers and leaves port 53 of every other address to the container', async () => {
  const udpPort = serveUdp(SERVICE, 0, 'berth over udp');
  const tcpPort = serveTcp(SERVICE, 'berth over tcp');
  serveUdp('0.0.0.0', 53, "the container's own");
  {
    using socket = NftSocket.open(namespace);
    const redirect = { table: 'berth-dns', address: SERVICE, udpPort, tcpPort };
    socket.commit(nameServiceRedirect({ ...redirect, udpPort: 1 }));
    // Again, with another port: the table is made anew.
    socket.commit(nameServiceRedirect(redirect));
  }
  expect(inside('nft', 'list', 'ruleset')).toBe(`table ip berth-dns {
	chain output {
		type nat hook output priority -100; policy accept;
		ip daddr ${SERVICE} udp dport 53 dnat to ${SERVICE}:${udpPort}
		ip daddr ${SERVICE} tcp dport 53 dnat to ${SERVICE}:${tcpPort}
	}
}
`);
  // dig refuses an answer that does not come from the address and port that it asked.
  expect(await dig('+short', 'web', 'TXT', `@${SERVICE}`)).toBe('"berth over udp"\n');
  expect(await dig('+short', '+tcp', 'web', 'TXT', `@${SERVICE}`)).toBe('"berth over tcp"\n');
  expect(await dig('+short', 'web', 'TXT', '@127.0.0.1')).toBe('"the container\'s own"\n');
  expect(await dig('web', 'TXT', `@${SERVICE}`)).toContain(`SERVER: ${SERVICE}#53(${SERVICE})`);
});
