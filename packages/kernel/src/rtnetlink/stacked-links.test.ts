import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { NetworkNamespace } from '../namespace/index.js';
import { AttributeReader } from '../netlink/index.js';
import { RouteSocket, linkRequests, type RouteRequest } from './index.js';

const directory = mkdtempSync(join(tmpdir(), 'berth-stacked-'));
const [herePath, therePath] = [join(directory, 'here'), join(directory, 'there')];
const here = NetworkNamespace.create(herePath);
const there = NetworkNamespace.create(therePath);
const routes = RouteSocket.open(here);
const inside = RouteSocket.open(there);

afterAll(() => {
  for (const socket of [routes, inside]) socket.close();
  for (const namespace of [here, there]) namespace.close();
  for (const path of [herePath, therePath]) NetworkNamespace.remove(path);
  rmSync(directory, { recursive: true });
});

/** iproute2's view. */
const shown = (path: string, name: string): unknown =>
  JSON.parse(
    execFileSync('nsenter', [`--net=${path}`, 'ip', '-j', '-d', 'link', 'show', name], { encoding: 'utf8' }),
  );

// Other links before it: an index of one namespace must not be taken for one of the other.
routes.run(
  linkRequests.addVeth({ name: 'first', peer: { name: 'second' } }),
  linkRequests.addVeth({ name: 'parent', mtu: 1400, peer: { name: 'far' } }),
);
const parent = routes.link('parent')?.index ?? -1;

describe('a macvlan link', () => {
  it.each(['private', 'vepa', 'bridge', 'passthru'] as const)(
    'in %s mode is born straight in another namespace, on a link of the socket’s',
    (mode) => {
      routes.run(
        linkRequests.addMacvlan({
          name: 'mv',
          parent,
          mode,
          namespace: there,
          mtu: 1300,
          ...(mode !== 'passthru' && { address: '02:00:00:00:00:0a' }),
        }),
      );
      expect(shown(therePath, 'mv')).toMatchObject([
        {
          address: mode === 'passthru' ? routes.link('parent')?.address : '02:00:00:00:00:0a',
          mtu: 1300,
          link_index: parent,
          linkinfo: { info_kind: 'macvlan', info_data: { mode } },
        },
      ]);
      expect(inside.link('mv')).toMatchObject({ kind: 'macvlan', link: parent });
      expect(routes.link('mv')).toBeUndefined();
      inside.run(linkRequests.delete({ name: 'mv' }));
    },
  );

  it('has the MTU of its parent unless it is given one, and is refused without a parent', () => {
    routes.run(linkRequests.addMacvlan({ name: 'mv', parent, mode: 'bridge' }));
    expect(routes.link('mv')).toMatchObject({ mtu: 1400, link: parent });
    routes.run(linkRequests.delete({ name: 'mv' }));
    const orphan = linkRequests.addMacvlan({ name: 'mv', parent: 0x7fffffff, mode: 'bridge' });
    expect(() => routes.run(orphan)).toThrow(expect.objectContaining({ errno: 'ENODEV' }));
  });
});

/** The attributes of a message, by number; those of `nested` as messages of their own. */
function attributes(bytes: Buffer): Map<number, Buffer> {
  const reader = new AttributeReader(bytes);
  const found = new Map<number, Buffer>();
  while (reader.next()) found.set(reader.type, Buffer.from(reader.bytes));
  return found;
}

/** What a request says: IFLA_LINK, IFLA_INFO_KIND and the members of IFLA_INFO_DATA (include/uapi/linux/if_link.h). */
function said({ payload }: RouteRequest): { parent: number; kind: string; data: number[][] } {
  const all = attributes(Buffer.from(payload).subarray(16));
  const info = attributes(all.get(18) ?? Buffer.alloc(0));
  return {
    parent: all.get(5)?.readUInt32LE() ?? 0,
    kind: (info.get(1) ?? '').toString().replace('\0', ''),
    data: [...attributes(info.get(2) ?? Buffer.alloc(0))].map(([type, bytes]) => [
      type,
      bytes.readUInt16LE(),
    ]),
  };
}

/** Makes the link where the kernel has the kind, and tells whether it does. */
function made(request: RouteRequest): boolean {
  try {
    routes.run(request);
    return true;
  } catch (error) {
    expect(error).toMatchObject({ errno: 'EOPNOTSUPP', code: 'unsupported' });
    return false;
  }
}

describe('an ipvlan link', () => {
  it.each([
    ['l2', 'bridge', 0, 0],
    ['l3', 'private', 1, 1],
    ['l3s', 'vepa', 2, 2],
  ] as const)('has mode %s and flag %s', (mode, flag, modeNumber, flagNumber) => {
    const request = linkRequests.addIpvlan({ name: 'iv', parent, mode, flag });
    const data = [
      [1, modeNumber],
      [2, flagNumber],
    ];
    expect(said(request)).toEqual({ parent, kind: 'ipvlan', data });
    if (!made(request)) return;
    expect(shown(herePath, 'iv')).toMatchObject([{ linkinfo: { info_data: { mode } } }]);
    routes.run(linkRequests.delete({ name: 'iv' }));
  });
});

describe('an 802.1q link', () => {
  it('has its tag', () => {
    const request = linkRequests.addVlan({ name: 'parent.10', parent, id: 10 });
    expect(said(request)).toEqual({ parent, kind: 'vlan', data: [[1, 10]] });
    if (!made(request)) return;
    expect(shown(herePath, 'parent.10')).toMatchObject([{ linkinfo: { info_data: { id: 10 } } }]);
    routes.run(linkRequests.delete({ name: 'parent.10' }));
  });
});

it('names a kind that the kernel doesn’t have', () => {
  const request = linkRequests.addDummy({ name: 'du' });
  if (!made(request)) expect(() => routes.run(request)).toThrow('Unknown device type');
});
