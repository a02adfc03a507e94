import { execFileSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { KernelError } from '../errors.js';
import { NetworkNamespace, inNamespace } from '../namespace/index.js';
import { Nftables, NftSocket, nftChanges, nftKeys, type NftElement } from './index.js';

let directory: string;
let path: string;
let namespace: NetworkNamespace;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'berth-nftables-'));
  path = join(directory, 'netns');
  namespace = NetworkNamespace.create(path);
});

afterEach(() => {
  namespace.close();
  NetworkNamespace.remove(path);
  rmSync(directory, { recursive: true });
});

/** The judge: the nft program itself, in the same namespace. */
const nft = (...args: string[]): string =>
  execFileSync('nsenter', [`--net=${path}`, 'nft', ...args], { encoding: 'utf8', maxBuffer: 1 << 26 });

function elementsOf(set: string, kind: 'map' | 'set' = 'map'): unknown {
  const listed = JSON.parse(nft('-j', 'list', kind, 'inet', 'berth', set)) as {
    nftables: Partial<Record<string, { elem?: unknown }>>[];
  };
  return listed.nftables.find((entry) => entry[kind] !== undefined)?.[kind]?.elem;
}

const RULESET = `table inet berth {
  map published { type inet_proto . inet_service : ipv4_addr . inet_service; }
  map published_ranges_at { type ipv4_addr . inet_proto . inet_service : ipv4_addr; flags interval; }
  set bridges { type ifname; }
  set hairpin { type ifname . ifname; }
}`;

const published = (elements: readonly NftElement[]) =>
  ({ family: 'inet', table: 'berth', set: 'published', elements }) as const;
const port = (number: number): NftElement => ({
  key: nftKeys.concat(nftKeys.protocol('tcp'), nftKeys.service(number)),
  data: nftKeys.concat(nftKeys.address('10.9.0.2'), nftKeys.service(80)),
});

describe('libnftables', () => {
  it('changes and lists the namespace in which it was opened, whatever thread namespace calls it', () => {
    using nftables = inNamespace(namespace, () => Nftables.open());
    nftables.run(RULESET);
    expect(nft('list', 'tables')).toBe('table inet berth\n');
    expect(nftables.list('list tables')).toBe('table inet berth\n');
    expect(JSON.parse(nftables.list('list tables', { json: true }))).toMatchObject({
      nftables: [{}, { table: { family: 'inet', name: 'berth' } }],
    });
  });

  it("refuses with nft's own words, and does nothing of what it was given", () => {
    using nftables = inNamespace(namespace, () => Nftables.open());
    expect(() => nftables.run('add table inet a\nadd chain inet nowhere c')).toThrow(
      /No such file or directory/,
    );
    expect(() => nftables.run('add table inet a\nnonsense')).toThrow(/syntax error/);
    expect(nft('list', 'tables')).toBe('');
    // The words of one failure are not repeated by the next.
    expect(() => nftables.run('add chain inet nowhere c')).not.toThrow(/syntax error/);
  });

  it('works on when the process has come to hold thousands of descriptors', () => {
    using nftables = inNamespace(namespace, () => Nftables.open());
    const held = Array.from({ length: 1500 }, () => openSync('/dev/null', 'r'));
    try {
      nftables.run(RULESET);
      expect(nftables.list('list table inet berth')).toContain('map published');
    } finally {
      held.forEach((fd) => closeSync(fd));
    }
  });
});

describe('nfnetlink batches', () => {
  beforeEach(() => {
    nft(RULESET);
  });

  it('put elements of each kind where nft finds them, and take them away', () => {
    using socket = NftSocket.open(namespace);
    const rangeKey = (number: number) =>
      nftKeys.concat(nftKeys.address('127.0.0.1'), nftKeys.protocol('udp'), nftKeys.service(number));
    const range = {
      family: 'inet',
      table: 'berth',
      set: 'published_ranges_at',
      elements: [{ key: rangeKey(9000), keyEnd: rangeKey(9010), data: nftKeys.address('10.9.0.2') }],
    } as const;
    const bridges = {
      family: 'inet',
      table: 'berth',
      set: 'bridges',
      elements: [{ key: nftKeys.interfaceName('berth0') }],
    } as const;
    const hairpin = {
      family: 'inet',
      table: 'berth',
      set: 'hairpin',
      elements: [{ key: nftKeys.concat(nftKeys.interfaceName('berth0'), nftKeys.interfaceName('br-1')) }],
    } as const;
    const all = [published([port(8081)]), range, bridges, hairpin];
    socket.commit(all.flatMap((request) => nftChanges.addElements(request)));
    expect(elementsOf('published')).toEqual([[{ concat: ['tcp', 8081] }, { concat: ['10.9.0.2', 80] }]]);
    expect(elementsOf('published_ranges_at')).toEqual([
      [{ concat: ['127.0.0.1', 'udp', { range: [9000, 9010] }] }, '10.9.0.2'],
    ]);
    expect(elementsOf('bridges', 'set')).toEqual(['berth0']);
    expect(elementsOf('hairpin', 'set')).toEqual([{ concat: ['berth0', 'br-1'] }]);

    socket.commit(all.flatMap((request) => nftChanges.deleteElements(request)));
    for (const set of ['published', 'published_ranges_at']) expect(elementsOf(set)).toBeUndefined();
    for (const set of ['bridges', 'hairpin']) expect(elementsOf(set, 'set')).toBeUndefined();
  });

  it('happen as a whole or not at all, and the error names the change that was refused', () => {
    using socket = NftSocket.open(namespace);
    let thrown: unknown;
    try {
      socket.commit([
        ...nftChanges.addElements(published([port(1)])),
        ...nftChanges.deleteElements({ ...published([port(2)]), set: 'nowhere' }),
      ]);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(KernelError);
    expect(thrown).toMatchObject({
      errno: 'ENOENT',
      code: 'not-found',
      op: 'delete elements',
      subject: 'berth nowhere',
    });
    expect(elementsOf('published')).toBeUndefined();
    // The refusal leaves nothing behind that the next change would take for its own.
    socket.commit(nftChanges.addElements(published([port(3)])));
    expect(elementsOf('published')).toHaveLength(1);
  });

  it('take an element that is there already for done, but not with another value', () => {
    using socket = NftSocket.open(namespace);
    socket.commit(nftChanges.addElements(published([port(1)])));
    socket.commit(nftChanges.addElements(published([port(1)])));
    const other = { ...port(1), data: nftKeys.concat(nftKeys.address('10.9.0.3'), nftKeys.service(80)) };
    expect(() => socket.commit(nftChanges.addElements(published([other])))).toThrow(
      'add elements berth published: File exists',
    );
  });

  it('hold tens of thousands of elements', () => {
    using socket = NftSocket.open(namespace);
    const elements = Array.from({ length: 40_000 }, (_, number) => port(1 + number));
    socket.commit(nftChanges.addElements(published(elements)));
    expect(elementsOf('published')).toHaveLength(40_000);
    socket.commit(nftChanges.deleteElements(published(elements)));
    expect(elementsOf('published')).toBeUndefined();
  });
});
