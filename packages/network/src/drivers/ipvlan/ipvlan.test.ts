import { RouteSocket, isErrno, linkRequests } from '@berth/kernel';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { StackedBox } from '../stacked.fixture.js';
import { StackedNetwork } from '../stacked-network.js';
import { IpvlanDriver } from './index.js';
import { parseIpvlanOptions } from './options.js';

let box: StackedBox;
beforeAll(() => {
  box = new StackedBox();
});
afterAll(() => {
  box.close();
});

/** Whether this kernel has ipvlan links. */
function hasIpvlan(): boolean {
  using routes = RouteSocket.open(box.sandbox('probe'));
  try {
    routes.run(linkRequests.addIpvlan({ name: 'probe', parent: 0x7fffffff, mode: 'l2', flag: 'bridge' }));
  } catch (error) {
    return !isErrno(error, 'EOPNOTSUPP');
  }
  return true;
}

describe('an ipvlan network', () => {
  const open = (options: Record<string, string> = {}) =>
    new IpvlanDriver(box.host).validate(box.record({ options: { parent: 'uplink', ...options } }));

  it('is refused before anything is made where the kernel has no such links', () => {
    if (hasIpvlan()) return;
    const before = box.world();
    expect(() => {
      open().create();
    }).toThrow(
      expect.objectContaining({
        code: 'unsupported',
        message:
          'this kernel has no ipvlan links (CONFIG_IPVLAN is not set, or module ipvlan not there): use the bridge driver, or a kernel with them',
      }),
    );
    expect(() => {
      open({ parent: '' }).create();
    }).toThrow('CONFIG_IPVLAN');
    expect(box.world()).toBe(before);
  });

  it('joins sandboxes to each other where the kernel can', async () => {
    if (!hasIpvlan()) return;
    for (const ipvlan_mode of ['l2', 'l3', 'l3s']) {
      const before = box.world();
      const network = open({ ipvlan_mode });
      network.create();
      const attachments = [box.attachment('a', 10), box.attachment('b', 11)];
      for (const attachment of attachments) network.attach(attachment);
      expect(box.pings('a', '10.20.0.11')).toBe(true);
      expect(box.pings('a', '10.20.0.1')).toBe(ipvlan_mode === 'l2');
      for (const { endpoint, namespace } of attachments) await network.detach(endpoint, namespace);
      await network.delete();
      expect(box.world()).toBe(before);
    }
  });

  it('has a default route without a gateway where the host routes', async () => {
    // Any kind of links will do.
    const links = {
      kind: 'macvlan' as const,
      deviceRoute: true,
      sharesParent: true,
      add: (link: { name?: string; parent: number }) => linkRequests.addMacvlan({ ...link, mode: 'bridge' }),
    };
    const network = new StackedNetwork(
      box.host,
      box.record(),
      links,
      { parent: 'uplink', interfacePrefix: 'eth' },
      [],
    );
    network.create();
    const attachment = box.attachment('a', 10);
    network.attach(attachment);
    const complete = box.world();
    expect(box.inside('a', 'ip', 'route', 'show', 'default')).toBe('default dev eth0 scope link');
    expect(box.inside('a', 'ip', '-6', 'route', 'show', 'default')).toContain('default dev eth0');
    network.restore(attachment);
    expect(box.world()).toBe(complete);
    await network.detach(attachment.endpoint, attachment.namespace);
  });
});

describe('options of an ipvlan network', () => {
  const parse = (options: Record<string, string>) => parseIpvlanOptions({ options, enableIPv6: false });

  it('are Docker’s', () => {
    expect(parse({ parent: 'eth0', ipvlan_mode: 'l3s', ipvlan_flag: 'private' })).toEqual({
      options: { parent: 'eth0', mode: 'l3s', flag: 'private', interfacePrefix: 'eth' },
      warnings: [],
    });
    expect(parse({}).options).toEqual({ mode: 'l2', flag: 'bridge', interfacePrefix: 'eth' });
    expect(parse({ macvlan_mode: 'bridge' }).warnings).toEqual([
      'unknown option macvlan_mode of an ipvlan network: it has no effect',
    ]);
  });

  it.each([
    ['ipvlan_mode', 'l4', 'one of l2, l3, l3s'],
    ['ipvlan_flag', 'passthru', 'one of bridge, private, vepa'],
    ['com.docker.network.driver.mtu', '67', 'a number from 68'],
  ])('are refused: %s=%s', (name, value, message) => {
    expect(() => parse({ [name]: value })).toThrow(message);
  });
});
