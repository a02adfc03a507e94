import type { ChildProcess } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { HOST_ADDRESS, eventually, start, type HostInABox } from './box/index.js';
import { useBox } from './box/fixture.js';

/** The IPv6 addresses of the host and of the machine outside, of the prefix for documentation (RFC 3849). */
const HOST6 = '2001:db8:1::1';
const OUTSIDE6 = '2001:db8:1::2';
const WEB = 'busybox httpd -f -p 80 -h /etc';
/** Tells each client the address that it is seen with. */
const SITE = `require('http')
  .createServer((request, response) => response.end(request.socket.remoteAddress))
  .listen(80, '${OUTSIDE6}', () => console.log('ready'))`;

/** A command line without quotes. */
const words = (line: string) => line.split(' ').filter(Boolean);

/** Joins host and outside by IPv6 as well, with a web site there. */
async function joinByIPv6(box: HostInABox): Promise<ChildProcess> {
  await box.outside(...words(`ip addr add ${OUTSIDE6}/64 dev eth0 nodad`));
  await box.host(...words(`ip addr add ${HOST6}/64 dev eth0 nodad`));
  await box.host(...words(`ip route add default via ${OUTSIDE6}`));
  const enter = ['nsenter', '-t', String(box.outsidePid), '--net', '--'];
  const site = start([...enter, process.execPath, '-e', SITE]);
  let printed = '';
  site.stdout?.on('data', (chunk: Buffer) => (printed += chunk.toString()));
  await eventually('the outside machine answers by IPv6', () => printed.includes('ready'));
  return site;
}
async function end(child: ChildProcess | undefined): Promise<void> {
  if (child === undefined) return;
  const ended = new Promise((resolve) => child.once('close', resolve));
  child.kill();
  await ended;
}

interface Settings {
  readonly IPAddress: string;
  readonly GlobalIPv6Address: string;
  readonly GlobalIPv6PrefixLen: number;
  readonly IPv6Gateway: string;
}
async function settings(box: HostInABox, container: string, network: string): Promise<Settings> {
  const [shown] = JSON.parse(await box.docker('inspect', container)) as [
    { NetworkSettings: { Networks: Record<string, Settings> } },
  ];
  const found = shown.NetworkSettings.Networks[network];
  if (found === undefined) throw new Error(`${container} is not on ${network}`);
  return found;
}

describe('a network with both families', () => {
  const fixture = useBox();
  const berth = (line: string) => fixture.box.berth(...words(line));
  const tryBerth = (line: string) => fixture.box.tryBerth(...words(line));
  const host = (line: string) => fixture.box.host(...words(line));
  const fetch = (address: string) => words(`curl -sf -g --max-time 3 http://${address}/hostname`);
  const dig = (line: string) => berth(`nsexec aa -- dig @127.0.0.11 +short +time=2 +tries=1 ${line}`);
  async function subnetOf(network: string): Promise<string | undefined> {
    const [shown] = JSON.parse(await berth(`network inspect ${network}`)) as [
      { IPAM: { Config: { Subnet: string }[] } },
    ];
    return shown.IPAM.Config.map(({ Subnet }) => Subnet).find((subnet) => subnet.includes(':'));
  }
  let site: ChildProcess | undefined;

  beforeAll(async () => {
    site = await joinByIPv6(fixture.box);
    await berth('network create --ipv6 --subnet 10.81.0.0/24 --subnet fd00:81::/64 sea');
    await berth(`run -d --name aa --network sea ${WEB}`);
    await berth('run -d --name bb --network sea --ip6 fd00:81::b busybox sleep 600');
  }, 60_000);
  afterAll(async () => {
    await end(site);
  });

  test('gives a container two addresses, and docker sees them', async () => {
    const aa = await settings(fixture.box, 'aa', 'sea');
    expect(aa).toMatchObject({ GlobalIPv6PrefixLen: 64, IPv6Gateway: 'fd00:81::1' });
    expect(aa.GlobalIPv6Address).toMatch(/^fd00:81::[0-9a-f]+$/);
    expect(aa.IPAddress).toMatch(/^10\.81\.0\./);
    expect((await settings(fixture.box, 'bb', 'sea')).GlobalIPv6Address).toBe('fd00:81::b');
    const inside = await berth('exec aa ip addr show eth0');
    expect(inside).toContain(`inet6 ${aa.GlobalIPv6Address}/64 scope global`);
    expect(inside).toContain(`inet ${aa.IPAddress}/24`);
    expect(await berth('exec aa ip -6 route')).toContain('default via fd00:81::1 dev eth0');
    const taken = await tryBerth('run --rm --network sea --ip6 fd00:81::b busybox true');
    expect(taken).toMatchObject({ status: 125 });
    expect(taken.stderr).toMatch(/[Aa]ddress already in use/);
    expect((await tryBerth('run --rm --network sea --ip6 fd00:99::b busybox true')).stderr).toMatch(
      /fd00:99::b/,
    );
  });

  test('has addresses that are usable from the first moment on', async () => {
    const flags = 'run --rm --network sea busybox';
    // Duplicate address detection would take a second or two.
    const script = ['sh', '-c', 'ip -6 addr show eth0; wget -qO- http://[2001:db8:1::2]/'];
    const printed = await fixture.box.berth(...words(flags), ...script);
    expect(printed).toMatch(/inet6 fd00:81::/);
    expect(printed).not.toMatch(/tentative|dadfailed/);
    expect(printed).toMatch(new RegExp(`${HOST6}$`));
  });

  test('leads out by the addresses of the host', async () => {
    expect(await berth(`exec aa wget -qO- http://[${OUTSIDE6}]/`)).toBe(HOST6);
    expect(await berth('exec aa wget -qO- http://198.51.100.2/')).toBe(HOST_ADDRESS);
    expect(await host('cat /proc/sys/net/ipv6/conf/all/forwarding')).toBe('1\n');
  });

  test('has names for both', async () => {
    const bb = await settings(fixture.box, 'bb', 'sea');
    expect(await dig('AAAA bb')).toBe('fd00:81::b');
    expect(await dig('A bb')).toBe(bb.IPAddress);
    expect(await dig('-x fd00:81::b')).toBe('bb.sea.');
    expect(await berth('exec aa ping -6 -c1 -W2 bb')).toContain('(fd00:81::b)');
    expect(await berth('exec aa ping -4 -c1 -W2 bb')).toContain(`(${bb.IPAddress})`);
    const id = (await berth('inspect -f {{.Id}} bb')).slice(0, 12);
    const hosts = (await berth('exec bb cat /etc/hosts'))
      .split('\n')
      .map((line) => line.replace(/\s+/g, ' '));
    expect(hosts).toEqual(
      expect.arrayContaining([
        `fd00:81::b ${id}`,
        `${bb.IPAddress} ${id}`,
        '::1 localhost ip6-localhost ip6-loopback',
      ]),
    );
  });

  test('publishes ports at both, for everybody', async () => {
    const id = await berth(`run -d --name web --network sea -p 8080:80 ${WEB}`);
    const expected = `${id.slice(0, 12)}\n`;
    expect((await berth('port web')).split('\n').sort()).toEqual([
      '80/tcp -> 0.0.0.0:8080',
      '80/tcp -> [::]:8080',
    ]);
    // Older docker commands write no brackets.
    const seen = (await fixture.box.docker('port', 'web')).replace('-> :::', '-> [::]:');
    expect(seen.split('\n').sort()).toEqual(['80/tcp -> 0.0.0.0:8080', '80/tcp -> [::]:8080']);
    expect(await berth('ps')).toContain('0.0.0.0:8080->80/tcp, [::]:8080->80/tcp');
    for (const address of [HOST_ADDRESS, `[${HOST6}]`]) {
      expect(await fixture.box.outside(...fetch(`${address}:8080`))).toBe(expected);
      const url = `http://${address}:8080/hostname`;
      for (const client of ['web', 'bb']) {
        expect([client, await berth(`exec ${client} timeout 5 wget -qO- ${url}`)]).toEqual([
          client,
          expected.trim(),
        ]);
      }
    }
    for (const address of [HOST_ADDRESS, `[${HOST6}]`, '127.0.0.1', '[::1]', '[fd00:81::1]', '10.81.0.1'])
      expect([address, await host(fetch(`${address}:8080`).join(' '))]).toEqual([address, expected]);
    await berth('network create --ipv6 elsewhere');
    const abroad = `run --rm --network elsewhere busybox timeout 5 wget -qO- http://[${HOST6}]:8080/hostname`;
    expect(await berth(abroad)).toBe(expected.trim());
    await berth('network rm elsewhere');
    await berth('rm -f web');
    expect((await fixture.box.tryOutside(...fetch(`[${HOST6}]:8080`))).status).not.toBe(0);
  });

  test('publishes at one address only, where one is named', async () => {
    await host('ip addr add 2001:db8:1::9/64 dev eth0 nodad');
    await berth(`run -d --name web --network sea -p [${HOST6}]:8081:80 -p [::1]:8082:80 ${WEB}`);
    await fixture.box.outside(...fetch(`[${HOST6}]:8081`));
    await host(fetch(`[${HOST6}]:8081`).join(' '));
    await berth(`exec web timeout 5 wget -qO- http://[${HOST6}]:8081/hostname`);
    for (const address of ['[2001:db8:1::9]', HOST_ADDRESS])
      expect((await fixture.box.tryOutside(...fetch(`${address}:8081`))).status).not.toBe(0);
    expect((await fixture.box.tryHost(fetch('[::1]:8081'))).status).not.toBe(0);
    await host(fetch('[::1]:8082').join(' '));
    for (const address of [`[${HOST6}]`, HOST_ADDRESS])
      expect((await fixture.box.tryOutside(...fetch(`${address}:8082`))).status).not.toBe(0);
    // The container itself has a ::1 of its own, where nobody listens at 8082.
    expect((await tryBerth(`exec web timeout 5 wget -qO- http://[::1]:8082/hostname`)).status).not.toBe(0);
    await berth('rm -f web');
    await host('ip addr del 2001:db8:1::9/64 dev eth0');
  });

  test('shows the container who asks by IPv6', async () => {
    await berth('run -d --name seer --network sea -p 9001:9001 busybox sleep 600');
    const script = `require('net').createServer((c) => c.end(c.remoteAddress)).listen(9001, '::', () => console.log('ready'))`;
    const server = fixture.box.startOnHost(
      ...[fixture.box.berthCommand, 'nsexec', 'seer', '--', process.execPath, '-e', script],
    );
    let printed = '';
    server.stdout?.on('data', (chunk: Buffer) => (printed += chunk.toString()));
    await eventually('the server is ready', () => printed.includes('ready'));
    expect(await fixture.box.outside('nc', '-w2', HOST6, '9001')).toBe(OUTSIDE6);
    await end(server);
    await berth('rm -f seer');
  });

  test('closes what is not published, even to one who routes to it', async () => {
    await fixture.box.outside(...words(`ip route add fd00:81::/64 via ${HOST6}`));
    const { GlobalIPv6Address } = await settings(fixture.box, 'aa', 'sea');
    await host(fetch(`[${GlobalIPv6Address}]`).join(' '));
    expect((await fixture.box.tryOutside(...fetch(`[${GlobalIPv6Address}]`))).status).not.toBe(0);
    await fixture.box.outside(...words('ip route del fd00:81::/64'));
  });

  test('is separated from others in both families', async () => {
    await berth('network create --ipv6 --internal --subnet fd00:82::/64 closed');
    await berth(`run -d --name cc --network closed ${WEB}`);
    const { GlobalIPv6Address, IPAddress } = await settings(fixture.box, 'cc', 'closed');
    for (const address of [GlobalIPv6Address, IPAddress])
      expect((await tryBerth(`exec aa ping -c1 -W1 ${address}`)).status).not.toBe(0);
    expect(await berth('exec cc ip -6 route')).not.toContain('default');
    expect((await tryBerth(`exec cc ping -c1 -W1 ${OUTSIDE6}`)).status).not.toBe(0);
    await berth('network connect --ip6 fd00:82::77 closed aa');
    expect(await berth(`exec aa ping -c1 -W2 ${GlobalIPv6Address}`)).toContain(' 0% packet loss');
    expect(await berth('exec cc ping -6 -c1 -W2 aa')).toContain('(fd00:82::77)');
    await berth('network disconnect closed aa');
    await berth('rm -f cc');
    await berth('network rm closed');
  });

  test('gets a unique local subnet of this host where none is given', async () => {
    const subnets: string[] = [];
    for (const name of ['one', 'two']) {
      await berth(`network create --ipv6 ${name}`);
      subnets.push((await subnetOf(name)) ?? '');
    }
    for (const subnet of subnets) expect(subnet).toMatch(/^fd[0-9a-f]{2}:[0-9a-f:]+::\/64$/);
    expect(new Set(subnets).size).toBe(2);
    await berth('run -d --name cc --network one busybox sleep 600');
    expect(await berth(`exec cc wget -qO- http://[${OUTSIDE6}]/`)).toBe(HOST6);
    await berth('rm -f cc');
    await berth('network create --ipv6 --subnet ::/80 three');
    expect(await subnetOf('three')).toMatch(/^fd[0-9a-f:]+\/80$/);
    await berth('network rm one two three');
  });

  test('keeps its addresses over a restart of the container and of the daemon', async () => {
    const before = await settings(fixture.box, 'bb', 'sea');
    await berth('exec aa ping -6 -c1 -W2 bb');
    await berth('restart -t 0 bb');
    expect(await berth('exec aa ping -6 -c1 -W2 bb')).toContain(' 0% packet loss');
    expect((await settings(fixture.box, 'bb', 'sea')).GlobalIPv6Address).toBe(before.GlobalIPv6Address);
    await fixture.daemon.stop();
    await fixture.box.startDaemon();
    // Its neighbours remember the hardware address that it had.
    expect(await berth('exec aa ping -6 -c1 -W2 bb')).toContain('(fd00:81::b)');
    expect(await berth('exec bb ping -6 -c1 -W2 aa')).toContain(' 0% packet loss');
    expect(await berth(`exec bb wget -qO- http://[${OUTSIDE6}]/`)).toBe(HOST6);
  });

  test('is not what one of IPv4 is, whose containers have no IPv6 address at all', async () => {
    await berth('run -d --name four busybox sleep 600');
    expect(await berth('exec four ip -6 addr show eth0')).toBe('');
    expect(await settings(fixture.box, 'four', 'bridge')).toMatchObject({
      GlobalIPv6Address: '',
      IPv6Gateway: '',
    });
    await berth('rm -f four');
  });
});

describe('the default bridge with IPv6', () => {
  const flags = ['--ipv6', '--bip6', 'fd00:90::1/64', '--fixed-cidr-v6', 'fd00:90::100/120'];
  const own = useBox({ flags });

  test('has the addresses that the daemon was told, and leads out', async () => {
    const { box } = own;
    const site = await joinByIPv6(box);
    expect(await box.host('ip', '-6', 'addr', 'show', 'dev', 'berth0')).toContain('inet6 fd00:90::1/64');
    await box.berth(...words(`run -d --name aa -p 8080:80 ${WEB}`));
    const aa = await settings(box, 'aa', 'bridge');
    expect(aa.GlobalIPv6Address).toMatch(/^fd00:90::1[0-9a-f]{2}$/);
    expect(aa).toMatchObject({ GlobalIPv6PrefixLen: 64, IPv6Gateway: 'fd00:90::1' });
    expect(await box.berth('exec', 'aa', 'wget', '-qO-', `http://[${OUTSIDE6}]/`)).toBe(HOST6);
    await box.outside('curl', '-sf', '-g', '--max-time', '3', `http://[${HOST6}]:8080/hostname`);
    const [old] = JSON.parse(await box.docker('inspect', 'aa')) as [{ NetworkSettings: Settings }];
    expect(old.NetworkSettings).toMatchObject({
      GlobalIPv6Address: aa.GlobalIPv6Address,
      IPv6Gateway: 'fd00:90::1',
    });
    await end(site);
  });
});

describe('the default bridge with a subnet for its containers', () => {
  const own = useBox({ flags: ['--ipv6', '--fixed-cidr-v6', 'fd00:91::/64'] });

  test('takes the first address of that subnet', async () => {
    const { box } = own;
    await box.berth(...words('run -d --name aa busybox sleep 600'));
    expect(await settings(box, 'aa', 'bridge')).toMatchObject({
      GlobalIPv6Address: 'fd00:91::2',
      IPv6Gateway: 'fd00:91::1',
    });
    expect(await box.berth(...words('exec aa ping -c1 -W2 fd00:91::1'))).toContain(' 0% packet loss');
  });
});
