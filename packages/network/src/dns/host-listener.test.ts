import { BerthError, silentLogger } from '@berth/core';
import { decode, type DecodedPacket } from 'dns-packet';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { RCODE, TYPE } from './message.js';
import { queryBytes, type QueryParts } from './mutate.fixture.js';
import { NameService } from './name-service.js';
import { TestNamespace } from './namespaces.fixture.js';
import { Opened, askTcp, askUdp, rcodeOf } from './upstream.fixture.js';

const opened = new Opened();
let service: NameService;
let port: number;

/** A service whose listener has a port that is free over UDP and TCP. */
beforeEach(async () => {
  service = new NameService({ logger: silentLogger, hostResolvers: () => ['203.0.113.6'] });
  opened.add(() => service.shutdown());
  for (let tries = 0; ; tries++) {
    port = 20_000 + Math.floor(Math.random() * 10_000);
    try {
      await service.listenOnHost({ address: '127.0.0.1', port });
      break;
    } catch (error) {
      if (!(error instanceof BerthError) || tries === 10) throw error;
    }
  }
  const sea = { networkId: 'n1', networkName: 'sea' };
  service.setEndpoint({
    ...sea,
    endpointId: 'e1',
    sandboxId: 's1',
    names: ['web', 'www'],
    ipv4: '10.0.1.1',
    ipv6: 'fd00:1::1',
  });
  service.setEndpoint({ ...sea, endpointId: 'e2', sandboxId: 's2', names: ['DB', 'www'], ipv4: '10.0.1.2' });
  const lake = { networkId: 'n2', networkName: 'Lake.Two' };
  service.setEndpoint({
    ...lake,
    endpointId: 'e3',
    sandboxId: 's3',
    names: ['web', 'a.b'],
    ipv4: '10.0.2.3',
  });
});

afterEach(() => opened.close());

/** Asks over UDP and TCP, and sees to it that both are told the same. */
async function ask(
  name: string,
  parts: QueryParts = {},
): Promise<DecodedPacket & { code: number; data: unknown[] }> {
  const query = queryBytes(name, { id: 0x4242, ...parts });
  const udp = decode((await askUdp(port, query)).answer);
  const { answer } = await askTcp(port, query);
  const sorted = (packet: DecodedPacket) =>
    (packet.answers ?? []).map((record) => ('data' in record ? record.data : undefined)).sort();
  expect(sorted(udp)).toEqual(sorted(decode(answer)));
  expect(udp.id).toBe(0x4242);
  return { ...udp, code: rcodeOf(answer), data: sorted(udp) };
}

describe('the host asks', () => {
  it('for containers of any network, in any case', async () => {
    expect(await ask('web.sea.berth.internal')).toMatchObject({ code: RCODE.NOERROR, data: ['10.0.1.1'] });
    expect((await ask('WEB.Sea.BERTH.Internal')).data).toEqual(['10.0.1.1']);
    expect((await ask('db.sea.berth.internal')).data).toEqual(['10.0.1.2']);
    expect((await ask('web.lake.two.berth.internal')).data).toEqual(['10.0.2.3']);
    expect((await ask('a.b.lake.two.berth.internal')).data).toEqual(['10.0.2.3']);
    expect((await ask('web.sea.berth.internal', { type: TYPE.AAAA })).data).toEqual(['fd00:1::1']);
    expect((await ask('web.sea.berth.internal', { type: TYPE.ANY })).data).toEqual(['10.0.1.1', 'fd00:1::1']);
  });

  it('for an alias of several: all of them, in turn', async () => {
    const firsts = new Set<unknown>();
    for (let index = 0; index < 4; index++) {
      const query = queryBytes('www.sea.berth.internal');
      const { answers = [] } = decode((await askUdp(port, query)).answer);
      expect(answers).toHaveLength(2);
      const [first] = answers;
      firsts.add(first && 'data' in first ? first.data : undefined);
    }
    expect([...firsts].sort()).toEqual(['10.0.1.1', '10.0.1.2']);
  });

  it('for what a name has not: nothing; for names that are not there: NXDOMAIN', async () => {
    for (const type of [TYPE.AAAA, TYPE.PTR, 15, 16, 33, 65]) {
      expect(await ask('db.sea.berth.internal', { type })).toMatchObject({ code: RCODE.NOERROR, data: [] });
    }
    for (const name of [
      'nobody.sea',
      'web.nowhere',
      'web',
      'sea',
      'x.web.sea',
      '1.1.0.10.in-addr.arpa',
      'e1',
    ]) {
      expect(await ask(`${name}.berth.internal`)).toMatchObject({ code: RCODE.NXDOMAIN, data: [] });
    }
    expect(await ask('1.1.0.10.in-addr.arpa.berth.internal', { type: TYPE.PTR })).toMatchObject({ data: [] });
  });

  it('for anything else: REFUSED, and nobody is asked for it', async () => {
    const names = [
      'web',
      'web.sea',
      'www.example.com',
      'berth.internal',
      'internal',
      'web.sea.berth.internal.example',
      'webberth.internal',
      '.',
    ];
    for (const name of [...names, '1.1.0.10.in-addr.arpa', 'host.docker.internal', 'localhost']) {
      expect(await ask(name)).toMatchObject({ code: RCODE.REFUSED, data: [] });
      expect((await ask(name, { type: TYPE.PTR })).code).toBe(RCODE.REFUSED);
    }
    // The domain's letters within a label are no domain.
    const label = Buffer.from('\x13web\x05berth\x08internal\0\0', 'latin1');
    label[0] = label.length - 2;
    const { answer } = await askUdp(port, queryBytes(label));
    expect([RCODE.REFUSED, RCODE.NXDOMAIN]).toContain(rcodeOf(answer));
  });

  it('in a way that is not served: as everywhere', async () => {
    const name = 'web.sea.berth.internal';
    expect((await ask(name, { type: TYPE.AXFR })).code).toBe(RCODE.REFUSED);
    expect((await ask(name, { class: 3 })).code).toBe(RCODE.REFUSED);
    expect((await ask(name, { flags: 0x2800 })).code).toBe(RCODE.NOTIMP);
    expect((await ask(name, { opt: { version: 1 } })).additionals).toMatchObject([{ extendedRcode: 1 }]);
    const malformed = queryBytes(name).subarray(0, -1);
    expect(rcodeOf((await askUdp(port, malformed)).answer)).toBe(RCODE.FORMERR);
  });

  it('and sees changes at the next question', async () => {
    const record = {
      endpointId: 'e9',
      networkId: 'n1',
      networkName: 'sea',
      sandboxId: 's9',
      ipv4: '10.0.1.9',
    };
    service.setEndpoint({ ...record, names: ['late'] });
    expect((await ask('late.sea.berth.internal')).data).toEqual(['10.0.1.9']);
    service.setEndpoint({ ...record, names: ['renamed'] });
    expect((await ask('late.sea.berth.internal')).code).toBe(RCODE.NXDOMAIN);
    expect((await ask('renamed.sea.berth.internal')).data).toEqual(['10.0.1.9']);
    service.removeEndpoint('e9');
    expect((await ask('renamed.sea.berth.internal')).code).toBe(RCODE.NXDOMAIN);
  });
});

describe('the listener of the host', () => {
  it('is closed at shutdown, and the port is free for the next', async () => {
    await service.shutdown();
    await expect(askTcp(port, queryBytes('web.sea.berth.internal'))).rejects.toThrow();
    const next = new NameService({ logger: silentLogger, hostResolvers: () => [] });
    await next.listenOnHost({ address: '127.0.0.1', port });
    expect(rcodeOf((await askUdp(port, queryBytes('web.sea.berth.internal'))).answer)).toBe(RCODE.NXDOMAIN);
    await next.shutdown();
  });

  it('says that the port is taken, and leaves nothing open', async () => {
    const other = new NameService({ logger: silentLogger, hostResolvers: () => [] });
    await expect(other.listenOnHost({ address: '127.0.0.1', port })).rejects.toMatchObject({
      errno: 'EADDRINUSE',
    });
    await other.shutdown();
    expect((await ask('web.sea.berth.internal')).data).toEqual(['10.0.1.1']);
  });

  it('is not found at other addresses, nor in sandboxes', async () => {
    const sandbox = new TestNamespace();
    opened.add(() => sandbox.close());
    const question = ['+tries=1', '+time=1', '-p', String(port), 'web.sea.berth.internal'];
    await expect(sandbox.run('dig', '@127.0.0.1', ...question)).rejects.toThrow();
  });
});
