import { execFile, execFileSync } from 'node:child_process';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { silentLogger } from '@berth/core';
import { NetworkNamespace } from '@berth/kernel';
import { decode, encode } from 'dns-packet';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { NameService } from './name-service.js';

const run = promisify(execFile);
const directory = mkdtempSync(join(tmpdir(), 'berth-dns-'));
const path = join(directory, 'sandbox');
let namespace: NetworkNamespace;
let service: NameService;
let hosts: string[] = [];

/** Runs a program of the host in the sandbox's namespace. */
async function inside(...command: string[]): Promise<string> {
  const { stdout } = await run('nsenter', [`--net=${path}`, ...command]);
  return stdout;
}

async function dig(
  ...query: string[]
): Promise<{ status: string; answers: string[]; server: string; truncated: boolean }> {
  const text = await inside('dig', '+tries=1', '+time=5', '@127.0.0.11', ...query);
  return {
    status: /status: (\w+)/.exec(text)?.[1] ?? text,
    answers: text
      .split('\n')
      .filter((line) => /^[^;\s]/.test(line))
      .map((line) => line.split(/\s+/).slice(2).join(' ')),
    truncated: /flags:[^;]* tc/.test(text),
    server: /SERVER: (\S+)/.exec(text)?.[1] ?? '',
  };
}

beforeAll(async () => {
  namespace = NetworkNamespace.create(path);
  execFileSync('nsenter', [`--net=${path}`, 'ip', 'link', 'set', 'lo', 'up']);
  service = new NameService({ logger: silentLogger, hostResolvers: () => hosts });
  const network = { networkId: 'n1', networkName: 'front' };
  service.setEndpoint({ ...network, endpointId: 'e1', sandboxId: 's1', names: ['asker'], ipv4: '10.0.0.2' });
  service.setEndpoint({
    ...network,
    endpointId: 'e2',
    sandboxId: 's2',
    names: ['Web', 'www'],
    ipv4: '10.0.0.3',
  });
  service.setEndpoint({
    ...network,
    endpointId: 'e3',
    sandboxId: 's3',
    names: ['db', 'www'],
    ipv4: '10.0.0.4',
    ipv6: 'fd00::4',
  });
  await service.open('s1', path, namespace, { forwarding: true });
});

afterAll(async () => {
  await service.shutdown();
  namespace.close();
  NetworkNamespace.remove(path);
  rmSync(directory, { recursive: true });
});

describe('the name service, asked by dig inside a sandbox', () => {
  it('answers at port 53 over UDP and TCP', async () => {
    for (const transport of ['+notcp', '+tcp']) {
      expect(await dig(transport, 'web')).toMatchObject({
        status: 'NOERROR',
        answers: ['IN A 10.0.0.3'],
        server: '127.0.0.11#53(127.0.0.11)',
      });
    }
    expect((await dig('WEB.Front')).answers).toEqual(['IN A 10.0.0.3']);
    expect((await dig('www')).answers.sort()).toEqual(['IN A 10.0.0.3', 'IN A 10.0.0.4']);
    expect((await dig('db', 'AAAA')).answers).toEqual(['IN AAAA fd00::4']);
    expect(await dig('web', 'AAAA')).toMatchObject({ status: 'NOERROR', answers: [] });
    expect((await dig('-x', '10.0.0.3')).answers).toEqual(['IN PTR Web.front.']);
    expect((await dig('-x', 'fd00::4')).answers).toEqual(['IN PTR db.front.']);
    expect(await dig('nobody')).toMatchObject({ status: 'NXDOMAIN' });
    expect(await dig('web', 'MX')).toMatchObject({ status: 'NOERROR', answers: [] });
  });

  it('lets the container have a server of its own at 0.0.0.0:53', async () => {
    const server = execFile('nsenter', [`--net=${path}`, 'nc', '-u', '-l', '-s', '0.0.0.0', '-p', '53']);
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect((await dig('web')).answers).toEqual(['IN A 10.0.0.3']);
    expect(server.exitCode).toBeNull();
    server.kill();
    await once(server, 'close');
  });

  describe('with an upstream server', () => {
    let upstream: Socket;
    let seen: string[] = [];

    beforeAll(async () => {
      upstream = createSocket('udp4');
      upstream.on('message', (query, from) => {
        const { id, questions } = decode(query);
        const name = questions?.[0]?.name ?? '';
        seen.push(name);
        const answer = { name, type: 'A' as const, ttl: 60, data: '192.0.2.1' };
        const answers = Array.from({ length: name === 'big.example.com' ? 100 : 1 }, () => answer);
        upstream.send(encode({ type: 'response', id, questions, answers }), from.port, from.address);
      });
      upstream.bind(0, '127.0.0.1');
      await once(upstream, 'listening');
    });

    afterAll(() => {
      upstream.close();
    });

    it('forwards from the namespace of the daemon, to the resolvers of the moment', async () => {
      expect(await dig('example.com')).toMatchObject({ status: 'SERVFAIL' });
      hosts = [`127.0.0.1#${String(upstream.address().port)}`];
      expect((await dig('example.com')).answers).toEqual(['IN A 192.0.2.1']);
      expect((await dig('-x', '10.9.9.9')).status).toBe('NOERROR');
      expect(seen).toEqual(['example.com', '9.9.9.10.in-addr.arpa']);
      expect(service.counters('s1')).toMatchObject({ forwarded: 2, failed: 1 });
    });

    it('cuts an answer that is larger than the client takes', async () => {
      expect(await dig('+ignore', '+noedns', 'big.example.com')).toMatchObject({
        answers: [],
        truncated: true,
      });
    });

    it('keeps unknown single labels, and names that have no such record', async () => {
      seen = [];
      for (const query of [
        ['nobody'],
        ['nobody', 'TXT'],
        ['web', 'AAAA'],
        ['web.front', 'SRV'],
        ['-x', '10.0.0.3'],
      ]) {
        await dig(...query);
      }
      expect(seen).toEqual([]);
    });

    it('lets nothing out where forwarding is not allowed', async () => {
      service.update('s1', { forwarding: false });
      seen = [];
      for (const query of [
        ['example.com'],
        ['+tcp', 'example.com'],
        ['-x', '192.0.2.9'],
        ['a.b', 'TYPE65'],
      ]) {
        expect(await dig(...query)).toMatchObject({ status: 'SERVFAIL', answers: [] });
      }
      expect((await dig('nobody')).status).toBe('NXDOMAIN');
      expect(seen).toEqual([]);
      service.update('s1', { forwarding: true });
    });
  });

  it('sees changes at the next question', async () => {
    const record = {
      endpointId: 'e9',
      networkId: 'n1',
      networkName: 'front',
      sandboxId: 's9',
      ipv4: '10.0.0.9',
    };
    service.setEndpoint({ ...record, names: ['late'] });
    expect((await dig('late')).answers).toEqual(['IN A 10.0.0.9']);
    service.setEndpoint({ ...record, names: ['renamed'] });
    expect((await dig('late')).status).toBe('NXDOMAIN');
    expect((await dig('renamed')).answers).toEqual(['IN A 10.0.0.9']);
    service.removeEndpoint('e9');
    expect((await dig('renamed')).status).toBe('NXDOMAIN');
  });

  it('replaces what an earlier daemon has left, and its own', async () => {
    const next = new NameService({ logger: silentLogger, hostResolvers: () => [] });
    next.setEndpoint({
      endpointId: 'e1',
      networkId: 'n',
      networkName: 'x',
      sandboxId: 's1',
      names: ['new'],
      ipv4: '10.0.0.1',
    });
    // The earlier one still holds the port, so that another one is needed.
    await next.open('s1', path, namespace, { forwarding: false });
    expect((await dig('new')).answers).toEqual(['IN A 10.0.0.1']);
    await next.open('s1', path, namespace, { forwarding: false });
    expect((await dig('+tcp', 'new')).answers).toEqual(['IN A 10.0.0.1']);
    expect((await inside('nft', 'list', 'ruleset')).match(/dport 53 /g)).toHaveLength(2);
    await next.shutdown();
    await service.open('s1', path, namespace, { forwarding: true });
    expect((await dig('web')).answers).toEqual(['IN A 10.0.0.3']);
  });

  it('adds one small table to the sandbox, without connection tracking', async () => {
    const ruleset = await inside('nft', 'list', 'ruleset');
    const [, port = ''] = /udp dport 53 udp dport set (\d+)/.exec(ruleset) ?? [];
    expect(ruleset.replaceAll(port, 'PORT')).toBe(
      `table ip berth-dns {
\tchain output {
\t\ttype filter hook output priority raw; policy accept;
\t\tip daddr 127.0.0.11 udp dport 53 udp dport set PORT notrack
\t\tip saddr 127.0.0.11 udp sport PORT udp sport set 53 notrack
\t\tip daddr 127.0.0.11 tcp dport 53 tcp dport set PORT notrack
\t\tip saddr 127.0.0.11 tcp sport PORT tcp sport set 53 notrack
\t}
}
`,
    );
  });

  it('refuses an upstream that is no address', async () => {
    await expect(
      service.open('s1', path, namespace, { upstreams: ['dns.example'], forwarding: true }),
    ).rejects.toThrow('dns.example is not an IP address');
    expect((await dig('web')).answers).toEqual(['IN A 10.0.0.3']);
  });
});
