import { afterEach, describe, expect, test } from 'vitest';
import { HOST_ADDRESS, OUTSIDE_ADDRESS, eventually } from './box/index.js';
import { useBox } from './box/fixture.js';

const fixture = useBox();
/** A command line without quotes. */
const words = (line: string) => line.split(' ').filter(Boolean);
const berth = (line: string) => fixture.box.berth(...words(line));
const tryBerth = (line: string) => fixture.box.tryBerth(...words(line));
const docker = (line: string) => fixture.box.docker(...words(line));
const host = (line: string) => fixture.box.host(...words(line));

const SUBNET = `--subnet 198.51.100.0/24 --gateway ${OUTSIDE_ADDRESS}`;
const sleeper = (name: string, flags: string) => fixture.box.sleeper(name, ...words(flags));
const reaches = async (from: string, address: string) =>
  (await tryBerth(`exec ${from} ping -c1 -W1 ${address}`)).status === 0;
const linksOfHost = async () =>
  (JSON.parse(await host('ip -j link')) as { ifname: string }[]).map(({ ifname }) => ifname).sort();
const outsideFetch = (address: string) =>
  fixture.box.tryOutside(...words(`curl -sf --max-time 2 http://${address}/hostname`));
/** As soon as the server has come up. */
const outsideReaches = (address: string) =>
  eventually(`${address} answers`, async () => (await outsideFetch(address)).status === 0);

afterEach(async () => {
  await fixture.daemon.removeEverything();
  expect(await linksOfHost()).toEqual(['berth0', 'eth0', 'lo']);
  // The next container with this one's address may have another hardware address, and an entry younger than a second
  // isn't replaced by what it announces (locktime of arp(7)).
  await fixture.box.outside(...words('ip neigh flush dev eth0'));
});

describe('a macvlan network', () => {
  test('makes containers machines of the network that the host is on', async () => {
    await docker(`network create -d macvlan ${SUBNET} -o parent=eth0 lan`);
    await docker('run -d --name aa --network lan --ip 198.51.100.10 busybox httpd -f -p 80 -h /etc');
    await docker('run -d --name bb --network lan --ip 198.51.100.11 busybox sleep 600');
    expect(await reaches('bb', '198.51.100.10')).toBe(true);
    expect(await reaches('bb', 'aa')).toBe(true);
    expect(await berth('exec bb ip route')).toContain(`default via ${OUTSIDE_ADDRESS} dev eth0`);
    // Outside it is seen by its own address.
    expect(await berth(`exec bb wget -qO- http://${OUTSIDE_ADDRESS}/`)).toBe('198.51.100.11');
    expect(await berth('exec bb wget -qO- http://outside.example/')).toBe('198.51.100.11');
    const id = await berth('inspect -f {{.Id}} aa');
    await outsideReaches('198.51.100.10');
    expect((await outsideFetch('198.51.100.10')).stdout).toBe(`${id.slice(0, 12)}\n`);
    // The kernel doesn't deliver between a parent and its links.
    expect(await reaches('bb', HOST_ADDRESS)).toBe(false);
    expect((await fixture.box.tryHost(words('ping -c1 -W1 198.51.100.11'))).status).not.toBe(0);
    // The outside machine sees the container's hardware address, not the host's.
    const neighbours = await fixture.box.outside('ip', 'neigh', 'show', '198.51.100.11');
    expect(neighbours).toContain(await berth('exec bb cat /sys/class/net/eth0/address'));
    expect(await linksOfHost()).toEqual(['berth0', 'eth0', 'lo']);
    expect(JSON.parse(await docker('network inspect lan'))).toMatchObject([
      {
        Driver: 'macvlan',
        Options: { parent: 'eth0' },
        IPAM: { Config: [{ Subnet: '198.51.100.0/24', Gateway: OUTSIDE_ADDRESS }] },
      },
    ]);
  });

  test('has no published ports: its containers have addresses of their own', async () => {
    await berth(`network create -d macvlan ${SUBNET} -o parent=eth0 lan`);
    await berth(
      `run -d --name aa --network lan --ip 198.51.100.10 -p 8080:80 busybox httpd -f -p 80 -h /etc`,
    );
    await outsideReaches('198.51.100.10');
    expect((await outsideFetch(`${HOST_ADDRESS}:8080`)).status).not.toBe(0);
    // Nor one on an address of the host: it isn't shown as if it led anywhere, and stays free for others.
    await berth('run -d --name bb --network lan --ip 198.51.100.11 -p 127.0.0.1:8080:80 busybox sleep 600');
    for (const name of ['aa', 'bb'])
      expect(await docker(`ps --format {{.Ports}} --filter name=${name}`)).toBe('80/tcp');
    await berth(`run -d --name cc -p 8080:80 busybox httpd -f -p 80 -h /etc`);
    await outsideReaches(`${HOST_ADDRESS}:8080`);
  });

  test('in private mode keeps its containers apart', async () => {
    await berth(`network create -d macvlan ${SUBNET} -o parent=eth0 -o macvlan_mode=private lan`);
    await sleeper('aa', '--network lan --ip 198.51.100.10');
    await sleeper('bb', '--network lan --ip 198.51.100.11');
    expect(await reaches('aa', '198.51.100.11')).toBe(false);
    expect(await reaches('aa', OUTSIDE_ADDRESS)).toBe(true);
    expect(await reaches('bb', OUTSIDE_ADDRESS)).toBe(true);
  });

  test('in passthru mode has one container, which has the parent for itself', async () => {
    await berth(`network create -d macvlan ${SUBNET} -o parent=eth0 -o macvlan_mode=passthru lan`);
    await sleeper('aa', '--network lan --ip 198.51.100.10');
    expect(await reaches('aa', OUTSIDE_ADDRESS)).toBe(true);
    const second = await tryBerth('run -d --name bb --network lan --ip 198.51.100.11 busybox sleep 600');
    expect(second.status).toBe(125);
    expect(second.stderr).toMatch(/parent eth0 takes no further macvlan link: .*in passthru mode no other/);
    await berth('rm -f aa');
    await berth('start bb');
    expect(await reaches('bb', OUTSIDE_ADDRESS)).toBe(true);
  });

  test('keeps a container on it and on a bridge reachable both ways', async () => {
    await berth(`network create -d macvlan ${SUBNET} -o parent=eth0 lan`);
    await berth('network create sea');
    await berth('run -d --name aa --network sea -p 8080:80 busybox httpd -f -p 80 -h /etc');
    await berth('network connect --ip 198.51.100.10 lan aa');
    await outsideReaches('198.51.100.10');
    expect(
      (await fixture.box.tryHost(words('curl -sf --max-time 2 http://127.0.0.1:8080/hostname'))).status,
    ).toBe(0);
    await berth('network disconnect lan aa');
    expect((await outsideFetch('198.51.100.10')).status).not.toBe(0);
    await outsideReaches(`${HOST_ADDRESS}:8080`);
  });

  test('is found by the next daemon, with what is on it', async () => {
    await berth(`network create -d macvlan ${SUBNET} -o parent=eth0 lan`);
    await sleeper('aa', '--network lan --ip 198.51.100.10');
    const before = await berth('exec aa ip addr show eth0');
    await fixture.daemon.stop();
    await fixture.box.startDaemon();
    expect(await berth('exec aa ip addr show eth0')).toBe(before);
    expect(await reaches('aa', OUTSIDE_ADDRESS)).toBe(true);
    await sleeper('bb', '--network lan');
    expect(await reaches('bb', 'aa')).toBe(true);
    await berth('stop -t 0 aa');
    await berth('start aa');
    expect(await reaches('aa', OUTSIDE_ADDRESS)).toBe(true);
  });

  test.each([
    [
      '-o parent=eth7',
      /parent eth7 is not there: it should be one of eth0, or one of them with a dot and a tag/,
    ],
    ['-o parent=lo', /loopback interface lo can't be a parent: it should be one of eth0/],
    [
      '-o parent=eth0 -o macvlan_mode=public',
      /macvlan_mode: it should be one of bridge, private, vepa, passthru/,
    ],
    ['-o parent=eth0.4095', /tag.*1 to 4094/],
    ['-o parent=eth0 -o com.docker.network.driver.mtu=9000', /MTU 9000 is more than that of parent eth0/],
  ])('that cannot be is refused, and leaves nothing: %s', async (options, reason) => {
    const refused = await tryBerth(`network create -d macvlan ${SUBNET} ${options} lan`);
    expect(refused.stderr).toMatch(reason);
    expect(refused.status).toBe(1);
    expect(await berth('network ls -q --filter name=lan')).toBe('');
  });
});

/**
 * What not every kernel has: it works, or is refused with the name of the kernel's option.
 *
 * @returns whether it works
 */
async function createsOrNames(flags: string, option: string): Promise<boolean> {
  const made = await tryBerth(`network create ${flags} perhaps`);
  if (made.status === 0) return true;
  expect(made.stderr).toContain(option);
  expect(made.stderr).toMatch(/this kernel has no \w+ links/);
  expect(await berth('network ls -q --filter name=perhaps')).toBe('');
  return false;
}

describe('where the kernel can', () => {
  test('a parent with a tag is made for the network, and goes with it', async () => {
    if (!(await createsOrNames('-d macvlan --subnet 10.71.0.0/24 -o parent=eth0.10', 'CONFIG_VLAN_8021Q')))
      return;
    expect(await host('ip -d link show eth0.10')).toContain('vlan protocol 802.1Q id 10');
    await fixture.box.outside(...words('ip link add link eth0 name eth0.10 type vlan id 10'));
    await fixture.box.outside(...words('ip addr add 10.71.0.1/24 dev eth0.10'));
    await fixture.box.outside(...words('ip link set eth0.10 up'));
    await sleeper('aa', '--network perhaps --ip 10.71.0.10');
    expect(await reaches('aa', '10.71.0.1')).toBe(true);
    await fixture.box.outside(...words('ip link del eth0.10'));
  });

  test.each(['l2', 'l3', 'l3s'])('an ipvlan network has mode %s', async (mode) => {
    const flags = `-d ipvlan ${mode === 'l2' ? SUBNET : '--subnet 10.72.0.0/24'} -o parent=eth0 -o ipvlan_mode=${mode}`;
    if (!(await createsOrNames(flags, 'CONFIG_IPVLAN'))) return;
    await sleeper('aa', '--network perhaps');
    await sleeper('bb', '--network perhaps');
    expect(await reaches('aa', 'bb')).toBe(true);
    const parent = (await host('cat /sys/class/net/eth0/address')).trim();
    expect(await berth('exec aa cat /sys/class/net/eth0/address')).toBe(parent);
    if (mode === 'l2') expect(await reaches('aa', OUTSIDE_ADDRESS)).toBe(true);
  });

  test('one without a parent is internal', async () => {
    if (!(await createsOrNames('-d macvlan --subnet 10.73.0.0/24', 'CONFIG_DUMMY'))) return;
    await sleeper('aa', '--network perhaps');
    await sleeper('bb', '--network perhaps');
    expect(await reaches('aa', 'bb')).toBe(true);
    expect(await reaches('aa', OUTSIDE_ADDRESS)).toBe(false);
    expect(await berth('exec aa ip route')).not.toContain('default');
  });
});
