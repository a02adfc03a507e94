import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Box, clear, interfaces, place, run } from '../box.fixture.js';
import type { NetworkOptions } from './options.js';
import { NetworkManager } from './network-manager.js';

let box: Box;
let manager: NetworkManager | undefined;
beforeAll(() => void (box = new Box()));
afterAll(() => box.close());
afterEach(async () => {
  if (manager !== undefined) await clear(manager);
  manager = undefined;
  // What is stored would be kept where the next flags say nothing else.
  const stored = box.store.collection('network.networks');
  for (const [key] of stored.entries()) stored.delete(key);
});

async function open(defaultBridge: Partial<NetworkOptions['defaultBridge']> = {}): Promise<NetworkManager> {
  const options = box.options();
  manager = await NetworkManager.open({
    ...options,
    defaultBridge: { ...options.defaultBridge, ...defaultBridge },
  });
  return manager;
}
const config = (of: NetworkManager) => of.network('bridge').ipam.config;
const addresses = () =>
  interfaces()
    .get('berth0')
    ?.addr_info.map(({ local, prefixlen }) => `${local}/${prefixlen}`)
    .filter((address) => !address.startsWith('fe80'));

describe('the default network', () => {
  it.each<[string, Partial<NetworkOptions['defaultBridge']>, object[], string[]]>([
    [
      'bip and fixed-cidr',
      { bip: '10.9.0.5/16', fixedCidr: '10.9.7.0/24' },
      [{ subnet: '10.9.0.0/16', gateway: '10.9.0.5', ipRange: '10.9.7.0/24' }],
      ['10.9.0.5/16'],
    ],
    [
      'fixed-cidr alone',
      { fixedCidr: '10.9.7.0/24' },
      [{ subnet: '10.9.7.0/24', gateway: '10.9.7.1' }],
      ['10.9.7.1/24'],
    ],
    [
      'bip6 and fixed-cidr-v6',
      { ipv6: true, bip: '10.9.0.1/16', bip6: 'fd00:9::1/48', fixedCidr6: 'fd00:9:0:7::/64' },
      [
        { subnet: '10.9.0.0/16', gateway: '10.9.0.1' },
        { subnet: 'fd00:9::/48', gateway: 'fd00:9::1', ipRange: 'fd00:9:0:7::/64' },
      ],
      ['10.9.0.1/16', 'fd00:9::1/48'],
    ],
    [
      'fixed-cidr-v6 alone',
      { ipv6: true, bip: '10.9.0.1/16', fixedCidr6: 'fd00:9:0:7::/64' },
      [
        { subnet: '10.9.0.0/16', gateway: '10.9.0.1' },
        { subnet: 'fd00:9:0:7::/64', gateway: 'fd00:9:0:7::1' },
      ],
      ['10.9.0.1/16', 'fd00:9:0:7::1/64'],
    ],
  ])('has the addresses of %s', async (_, flags, wanted, bridge) => {
    const opened = await open(flags);
    expect(config(opened)).toEqual(wanted);
    expect(addresses()).toEqual(bridge);
  });

  it('with IPv6 alone said has a unique local subnet, and gives addresses of both families', async () => {
    const opened = await open({ ipv6: true });
    expect(config(opened).map(({ subnet }) => subnet)).toEqual([
      '172.17.0.0/16',
      expect.stringMatching(/^fd[0-9a-f]{2}:.*\/64$/),
    ]);
    const web = await place(opened, 'web', ['bridge']);
    const [endpoint] = opened.sandbox(web.id)?.endpoints ?? [];
    expect(endpoint?.ipv6?.gateway).toBe(config(opened)[1]?.gateway);
  });

  it('takes its containers’ addresses from the part that is fixed', async () => {
    const opened = await open({
      ipv6: true,
      bip: '10.9.0.5/16',
      fixedCidr: '10.9.7.0/24',
      bip6: 'fd00:9::1/48',
      fixedCidr6: 'fd00:9:0:7::/64',
    });
    const web = await place(opened, 'web', ['bridge']);
    expect(opened.sandbox(web.id)?.endpoints[0]).toMatchObject({
      ipv4: { address: '10.9.7.0', prefixLength: 16, gateway: '10.9.0.5' },
      ipv6: { address: 'fd00:9:0:7::', prefixLength: 48, gateway: 'fd00:9::1' },
    });
  });

  it.each<[Partial<NetworkOptions['defaultBridge']>, string]>([
    [{ bip: '10.9.0.0/16' }, "invalid --bip 10.9.0.0/16: it should be the bridge's own address"],
    [{ bip: '10.9.0.1' }, 'invalid --bip 10.9.0.1: it should be an IPv4 address and a length'],
    [{ bip: 'fd00::1/64' }, 'invalid --bip fd00::1/64: it should be an IPv4 address'],
    [{ ipv6: true, bip6: '10.9.0.1/16' }, 'invalid --bip6 10.9.0.1/16: it should be an IPv6 address'],
    [{ ipv6: true, fixedCidr6: 'fd00' }, 'invalid --fixed-cidr-v6 fd00: it should be an IPv6 address'],
    [{ bip: '10.9.0.1/24', fixedCidr: '10.8.0.0/24' }, "doesn't contain ip-range"],
  ])('is refused with %j', async (flags, message) => {
    await expect(open(flags)).rejects.toThrow(message);
    expect(run('ip', '-br', 'link')).not.toContain('berth0');
  });

  it('is made anew when it should be another, unless containers are on it', async () => {
    const first = await open();
    const { id } = first.network('bridge');
    await first.close();
    const second = await open({ icc: false, ipv6: true });
    expect(second.network('bridge').id).not.toBe(id);
    expect(second.network('bridge')).toMatchObject({
      enableIPv6: true,
      options: { 'com.docker.network.bridge.enable_icc': 'false' },
    });
    await place(second, 'web', ['bridge']);
    const kept = second.network('bridge').id;
    await second.close();
    const third = await open({ icc: true });
    expect(third.network('bridge')).toMatchObject({ id: kept, enableIPv6: true });
  });

  it('is the same at each start while nothing else is said', async () => {
    const first = await open({ ipv6: true, mtu: 1400 });
    const before = first.network('bridge');
    await first.close();
    const second = await open({ ipv6: true, mtu: 1400 });
    expect(second.network('bridge')).toEqual(before);
    expect(interfaces().get('berth0')?.mtu).toBe(1400);
  });
});
