import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { run } from '../../box.fixture.js';
import type { DriverNetwork } from '../driver.js';
import { StackedBox } from '../stacked.fixture.js';
import { MacvlanDriver } from './index.js';
import { parseMacvlanOptions } from './options.js';

let box: StackedBox;
beforeAll(() => {
  box = new StackedBox();
});
afterAll(() => {
  box.close();
});

const options = (changes: Record<string, string>) => ({ options: { parent: 'uplink', ...changes } });
const open = (changes: Parameters<StackedBox['record']>[0] = {}): DriverNetwork =>
  new MacvlanDriver(box.host).validate(box.record(changes));

describe('a macvlan network', () => {
  const made: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const undo of made.splice(0)) await undo();
  });

  /** A network with sandboxes a (10.20.0.10) and b (10.20.0.11) on it. */
  function joined(changes: Parameters<StackedBox['record']>[0] = {}): DriverNetwork {
    const network = open(changes);
    network.create();
    for (const [name, number] of [
      ['a', 10],
      ['b', 11],
    ] as const) {
      const attachment = box.attachment(name, number);
      made.push(() => network.detach(attachment.endpoint, attachment.namespace));
      network.attach(attachment);
    }
    return network;
  }

  it('joins sandboxes to each other and to the network of its parent, in both families', () => {
    joined();
    for (const address of ['10.20.0.1', '10.20.0.11', 'fd00:20::1', 'fd00:20::11', '198.51.100.2'])
      expect([address, box.pings('a', address)]).toEqual([address, true]);
    expect(box.inside('a', 'ip', 'route', 'show', 'default')).toBe('default via 10.20.0.1 dev eth0');
    expect(box.inside('a', 'ip', '-6', 'route', 'show', 'default')).toContain('via fd00:20::1 dev eth0');
    expect(box.host.routes.links().filter(({ kind }) => kind === 'macvlan')).toEqual([]);
  });

  it('in private mode joins them to the outside alone', () => {
    joined(options({ macvlan_mode: 'private' }));
    expect(box.pings('a', '10.20.0.1')).toBe(true);
    expect(box.pings('a', '10.20.0.11')).toBe(false);
  });

  it('gives interfaces their name, hardware address, mode and MTU', () => {
    const network = joined(options({ macvlan_mode: 'vepa', 'com.docker.network.driver.mtu': '1400' }));
    const [link] = JSON.parse(box.inside('a', 'ip', '-d', '-j', 'link', 'show', 'eth0')) as unknown[];
    expect(link).toMatchObject({
      address: '02:42:0a:14:00:0a',
      mtu: 1400,
      linkinfo: { info_kind: 'macvlan', info_data: { mode: 'vepa' } },
    });
    expect(network).toMatchObject({
      claim: { what: 'parent uplink', exclusive: false },
      interfacePrefix: 'eth',
      isGateway: { ipv4: true, ipv6: true },
      publishing: { ipv4: 'none', ipv6: 'none' },
      opensServices: false,
      warnings: [],
    });
  });

  it('has the MTU of its parent by default', () => {
    run('ip', 'link', 'set', 'uplink', 'mtu', '1450');
    made.push(() => Promise.resolve(void run('ip', 'link', 'set', 'uplink', 'mtu', '1500')));
    joined();
    expect(box.inside('a', 'ip', 'link', 'show', 'eth0')).toContain('mtu 1450');
  });

  it('leads nowhere by itself when it is internal', () => {
    expect(open({ internal: true }).isGateway).toEqual({ ipv4: false, ipv6: false });
    expect(open({ enableIPv6: false }).isGateway).toEqual({ ipv4: true, ipv6: false });
    const network = open({ internal: true });
    network.create();
    const attachment = box.attachment('a', 10, {}, { ipv4: false, ipv6: false });
    made.push(() => network.detach(attachment.endpoint, attachment.namespace));
    network.attach(attachment);
    expect(box.inside('a', 'ip', 'route')).not.toContain('default');
  });

  it('does its work once, however often it is asked, and leaves nothing', async () => {
    const before = box.world();
    const network = open();
    network.create();
    network.create();
    expect(box.world()).toBe(before);
    const attachment = box.attachment('a', 10);
    const { endpoint, namespace } = attachment;
    network.attach(attachment);
    const complete = box.world();
    network.restore(attachment);
    expect(box.world()).toBe(complete);
    await network.detach(endpoint, undefined);
    await network.detach(endpoint, namespace);
    await network.detach(endpoint, namespace);
    await network.delete();
    await network.delete();
    expect(box.world()).toBe(before);
    expect(run('ip', 'link', 'show', 'uplink')).toContain('uplink');
  });

  it('gives the host a way to its endpoints where that is asked for', async () => {
    const before = box.world();
    run('ip', 'addr', 'add', '10.20.0.2/24', 'dev', 'uplink');
    made.push(() => Promise.resolve(void run('ip', 'addr', 'del', '10.20.0.2/24', 'dev', 'uplink')));
    const network = open(options({ 'berth.host_access': 'true' }));
    network.create();
    network.create();
    const attachment = box.attachment('a', 10);
    network.attach(attachment);
    network.restore(attachment);
    expect(run('ping', '-c', '1', '-W', '2', '10.20.0.10')).toContain('1 received');
    expect(box.pings('a', '10.20.0.2')).toBe(true);
    expect(box.pings('a', '10.20.0.1')).toBe(true);
    await network.detach(attachment.endpoint, attachment.namespace);
    expect(run('ip', 'route')).not.toContain('10.20.0.10');
    await network.delete();
    expect(box.world()).toBe(before);
    const other = options({ 'berth.host_access': 'true', macvlan_mode: 'private' });
    expect(() => open(other)).toThrow('berth.host_access is for macvlan_mode=bridge');
  });

  it('restores an endpoint of which anything or nothing is left', async () => {
    const network = open();
    network.create();
    const attachment = box.attachment('a', 10);
    made.push(() => network.detach(attachment.endpoint, attachment.namespace));
    network.restore(attachment);
    expect(box.pings('a', '10.20.0.1')).toBe(true);
    box.inside('a', 'ip', 'addr', 'flush', 'dev', 'eth0');
    box.inside('a', 'ip', 'link', 'set', 'eth0', 'mtu', '1300');
    network.restore(attachment);
    expect(box.pings('a', '10.20.0.1')).toBe(true);
    expect(box.inside('a', 'ip', 'link', 'show', 'eth0')).toContain('mtu 1500');
    // Left half made: under the name that it is born with.
    await network.detach(attachment.endpoint, attachment.namespace);
    const { hostName = '' } = attachment.endpoint.interface ?? {};
    run('ip', 'link', 'add', 'link', 'uplink', 'name', hostName, 'type', 'macvlan', 'mode', 'bridge');
    run('ip', 'link', 'set', hostName, 'netns', `${box.box.folder}/a`);
    network.restore(attachment);
    expect(box.pings('a', '10.20.0.1')).toBe(true);
    expect(box.inside('a', 'ip', '-br', 'link')).not.toContain('veth');
    // Renamed from within.
    box.inside('a', 'ip', 'link', 'set', 'eth0', 'down');
    box.inside('a', 'ip', 'link', 'set', 'eth0', 'name', 'mine');
    await network.detach(attachment.endpoint, attachment.namespace);
    expect(box.inside('a', 'ip', '-br', 'link')).not.toContain('mine');
  });

  it('has nothing to take away when its parent has gone, and says what is missing', async () => {
    run('ip', 'link', 'add', 'card', 'type', 'veth', 'peer', 'name', 'socket');
    const network = open(options({ parent: 'card' }));
    network.create();
    const attachment = box.attachment('a', 10);
    network.attach(attachment);
    run('ip', 'link', 'delete', 'card');
    await network.detach(attachment.endpoint, attachment.namespace);
    expect(() => {
      network.restore(attachment);
    }).toThrow(
      expect.objectContaining({
        code: 'unavailable',
        message: expect.stringContaining('parent card is not there any more') as unknown,
      }),
    );
    await network.delete();
  });

  it('finds its interface’s name free though the host has one of that name', () => {
    run('ip', 'link', 'add', 'eth0', 'type', 'veth', 'peer', 'name', 'eth0peer');
    made.push(() => Promise.resolve(void run('ip', 'link', 'delete', 'eth0')));
    joined();
    expect(box.pings('a', '10.20.0.11')).toBe(true);
  });

  it('in passthru mode takes its parent for one endpoint', async () => {
    run('ip', 'link', 'add', 'card', 'type', 'veth', 'peer', 'name', 'socket');
    made.push(() => Promise.resolve(void run('ip', 'link', 'delete', 'card')));
    const network = open(options({ parent: 'card', macvlan_mode: 'passthru' }));
    network.create();
    const [first, second] = [box.attachment('a', 10), box.attachment('b', 11)];
    const { address } = box.host.routes.link('card') ?? {};
    network.attach(first);
    network.create();
    expect(box.inside('a', 'ip', 'link', 'show', 'eth0')).toContain(address);
    expect(box.host.routes.link('card')?.address).toBe(address);
    expect(() => {
      network.attach(second);
    }).toThrow(
      expect.objectContaining({
        code: 'conflict',
        message: expect.stringContaining('parent card takes no further macvlan link') as unknown,
      }),
    );
    for (const { endpoint, namespace } of [first, second]) await network.detach(endpoint, namespace);
    network.attach(second);
    await network.detach(second.endpoint, second.namespace);
  });

  it('refuses a hardware address that is in use on its parent, and leaves what detach takes away', async () => {
    const network = joined();
    const attachment = box.attachment('c', 12, { macAddress: '02:42:0a:14:00:0b' });
    expect(() => {
      network.attach(attachment);
    }).toThrow('MAC address 02:42:0a:14:00:0b is in use on parent uplink: choose another one');
    await network.detach(attachment.endpoint, attachment.namespace);
    expect(box.inside('c', 'ip', '-br', 'link')).not.toContain('eth0');
  });
});

describe('a parent', () => {
  const refusal = (parent: string, more: Record<string, string> = {}) => {
    const before = box.world();
    let refused: unknown;
    try {
      open({ options: { parent, ...more } }).create();
    } catch (error) {
      refused = error;
    }
    expect(box.world()).toBe(before);
    return refused;
  };

  it('must be there; those that are there are named', () => {
    for (const parent of ['enp9s0', 'enp9s0.10', 'uplink.ten'])
      expect(refusal(parent)).toMatchObject({
        code: 'invalid',
        message: `parent ${parent} is not there: it should be one of uplink, or one of them with a dot and a tag (eth0.10)`,
      });
  });

  it.each(['uplink.0', 'uplink.4095', 'uplink.010'])('can’t have a tag like that of %s', (parent) => {
    expect(refusal(parent)).toMatchObject({
      code: 'invalid',
      message: `parent ${parent} is not there and can't be made: its tag, the number after the dot, should be 1 to 4094`,
    });
  });

  it('can’t be loopback, nor a bridge’s port, nor have a lower MTU', () => {
    expect(refusal('lo')).toMatchObject({
      code: 'invalid',
      message: "loopback interface lo can't be a parent: it should be one of uplink",
    });
    expect(refusal('lo.7')).toMatchObject({ code: 'invalid' });
    run('ip', 'link', 'add', 'br7', 'type', 'bridge');
    run('ip', 'link', 'add', 'port', 'master', 'br7', 'type', 'veth', 'peer', 'name', 'socket');
    expect(refusal('port')).toMatchObject({
      code: 'invalid',
      message: "port can't be a parent, as it is a port of the bridge br7: name br7 instead",
    });
    run('ip', 'link', 'delete', 'port');
    run('ip', 'link', 'delete', 'br7');
    expect(refusal('uplink', { 'com.docker.network.driver.mtu': '9000' })).toMatchObject({
      code: 'invalid',
      message: 'MTU 9000 is more than that of parent uplink: it should be 1500 at most',
    });
  });

  it.each([
    ['uplink.10', 'vlan', 'CONFIG_VLAN_8021Q'],
    ['', 'dummy', 'CONFIG_DUMMY'],
  ])('"%s" is made, or refused where the kernel has no %s links', async (parent, kind, option) => {
    const before = box.world();
    const network = open({ options: { parent } });
    const name = parent || `dm-${box.record().id.slice(0, 12)}`;
    expect(network.claim).toEqual({ what: `parent ${name}`, exclusive: true });
    expect(network.isGateway.ipv4).toBe(parent !== '');
    try {
      network.create();
      network.create();
      expect(box.host.routes.link(name)).toMatchObject({ kind, alias: `berth:${box.record().id}` });
    } catch (error) {
      expect(error).toMatchObject({
        code: 'unsupported',
        message: expect.stringMatching(
          new RegExp(
            `^this kernel has no ${kind} links \\(${option} .*: name a link of this host with the option parent$`,
          ),
        ) as unknown,
      });
    }
    await network.delete();
    expect(box.world()).toBe(before);
  });

  it('of the user’s is not deleted, and one with a name of Berth’s is not taken', async () => {
    const name = `dm-${box.record().id.slice(0, 12)}`;
    for (const [link, parent] of [
      ['uplink.20', 'uplink.20'],
      [name, ''],
    ] as const) {
      run('ip', 'link', 'add', link, 'type', 'veth', 'peer', 'name', 'socket');
      const network = open({ options: { parent } });
      if (parent === '')
        expect(() => {
          network.create();
        }).toThrow(`interface ${name} exists on this host and is not this network's`);
      else network.create();
      await network.delete();
      expect(run('ip', '-br', 'link')).toContain(link);
      run('ip', 'link', 'delete', link);
    }
  });
});

describe('options of a macvlan network', () => {
  const parse = (given: Record<string, string>, enableIPv6 = false) =>
    parseMacvlanOptions({ options: given, enableIPv6 });

  it('are Docker’s', () => {
    expect(
      parse({
        parent: 'eth0.7',
        macvlan_mode: 'vepa',
        'com.docker.network.driver.mtu': '9000',
        'com.docker.network.container_iface_prefix': 'lan',
      }),
    ).toEqual({
      options: { parent: 'eth0.7', mode: 'vepa', mtu: 9000, interfacePrefix: 'lan', hostAccess: false },
      warnings: [],
    });
    expect(parse({ parent: '', macvlan_mode: '' }).options).toEqual({
      mode: 'bridge',
      interfacePrefix: 'eth',
      hostAccess: false,
    });
  });

  it('warn by name where Berth doesn’t know them', () => {
    expect(parse({ ipvlan_mode: 'l2' }).warnings).toEqual([
      'unknown option ipvlan_mode of a macvlan network: it has no effect',
    ]);
  });

  it.each([
    ['macvlan_mode', 'bridged', 'one of bridge, private, vepa, passthru'],
    ['parent', 'a-name-of-16-byte', 'an interface name of 1 to 15 characters'],
    ['com.docker.network.driver.mtu', '1279', 'a number from 1280 to 65535, the network having IPv6'],
    ['com.docker.network.container_iface_prefix', '7', 'a letter and up to 11'],
  ])('are refused: %s=%s', (name, value, message) => {
    expect(() => parse({ [name]: value }, true)).toThrow(message);
  });
});
