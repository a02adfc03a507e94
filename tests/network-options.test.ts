import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { HOST_ADDRESS, OUTSIDE_ADDRESS } from './box/index.js';
import { useBox } from './box/fixture.js';

const fixture = useBox();
/** A command line without quotes. */
const words = (line: string) => line.split(' ');
const berth = (line: string) => fixture.box.berth(...words(line));
const tryBerth = (line: string) => fixture.box.tryBerth(...words(line));
const host = (line: string) => fixture.box.host(...words(line));

const sleeper = (name: string, flags: string) => fixture.box.sleeper(name, ...words(flags));
const addressOf = (name: string) =>
  fixture.box.berth('inspect', '-f', '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}', name);

interface Shown {
  readonly IPAM: { readonly Config: readonly { readonly Subnet: string; readonly Gateway?: string }[] };
  readonly Options: Readonly<Record<string, string>>;
  readonly [key: string]: unknown;
}
async function inspect(network: string): Promise<Shown> {
  const [shown] = JSON.parse(await berth(`network inspect ${network}`)) as [Shown];
  return shown;
}
const subnetOf = async (network: string) => (await inspect(network)).IPAM.Config[0]?.Subnet;

interface Answer {
  readonly status: number;
  readonly body: { readonly Id?: string; readonly Warning?: string; readonly message?: string };
}
/** `POST /networks/create` as any client may send it. */
async function create(body: object): Promise<Answer> {
  const curl = words('curl -s --unix-socket /run/berth/berth.sock -w \n%{http_code} -H');
  const printed = await fixture.box.host(
    ...curl,
    'Content-Type: application/json',
    '-d',
    JSON.stringify(body),
    'http://d/networks/create',
  );
  const [text = '', status = ''] = printed.trimEnd().split(/\n(?=\d+$)/);
  return { status: Number(status), body: JSON.parse(text) as Answer['body'] };
}
const withOption = (name: string, value: string, more: object = {}) =>
  create({ Name: 'wrong', Options: { [name]: value }, ...more });

afterEach(async () => {
  await fixture.daemon.removeEverything();
});

describe('the addresses of a network', () => {
  test('come from its second subnet when the first is full; the bridge is the gateway of both', async () => {
    const first = '--subnet 10.21.0.0/30 --gateway 10.21.0.1';
    await berth(
      `network create ${first} --subnet 10.22.0.0/24 --gateway 10.22.0.9 -o com.docker.network.bridge.name=brtwo two`,
    );
    await sleeper('aa', '--network two');
    await sleeper('bb', '--network two');
    expect(await addressOf('aa')).toBe('10.21.0.2');
    expect(await addressOf('bb')).toMatch(/^10\.22\.0\./);
    const bridge = await host('ip -o -4 addr show dev brtwo');
    expect(bridge).toContain('10.21.0.1/30');
    expect(bridge).toContain('10.22.0.9/24');
    expect(await berth('exec aa ip route')).toContain('default via 10.21.0.1 ');
    expect(await berth('exec bb ip route')).toContain('default via 10.22.0.9 ');
    expect(await berth('exec bb ping -c1 -W2 aa')).toContain(' 0% packet loss');
    expect(await berth(`exec bb wget -qO- http://${OUTSIDE_ADDRESS}/`)).toBe(HOST_ADDRESS);
  });

  test('come from the range, never from the auxiliary ones, which nobody else gets either', async () => {
    const aux = '--aux-address router=10.23.0.10 --aux-address printer=10.23.0.9';
    await berth(`network create --subnet 10.23.0.0/24 --ip-range 10.23.0.8/30 ${aux} narrow`);
    expect((await inspect('narrow')).IPAM.Config).toEqual([
      {
        Subnet: '10.23.0.0/24',
        Gateway: '10.23.0.1',
        IPRange: '10.23.0.8/30',
        AuxiliaryAddresses: { router: '10.23.0.10', printer: '10.23.0.9' },
      },
    ]);
    await sleeper('aa', '--network narrow');
    await sleeper('bb', '--network narrow');
    expect([await addressOf('aa'), await addressOf('bb')].sort()).toEqual(['10.23.0.11', '10.23.0.8']);
    const full = await tryBerth('run -d --name cc --network narrow busybox true');
    expect(full.status).toBe(125);
    const taken = await tryBerth('run -d --name dd --network narrow --ip 10.23.0.10 busybox true');
    expect(taken.stderr).toMatch(
      /10\.23\.0\.10.*Address already in use|Address already in use.*10\.23\.0\.10/,
    );
    // By name it may be outside the range.
    await sleeper('ee', '--network narrow --ip 10.23.0.200');
    expect(await addressOf('ee')).toBe('10.23.0.200');
  });

  test('may run out: that is said, nothing is left of who came too late, and one is free again after a removal', async () => {
    await berth('network create --subnet 10.24.0.0/29 small');
    for (const name of ['a1', 'a2', 'a3', 'a4', 'a5']) await sleeper(name, '--network small');
    const links = await host('ip -o link');
    const late = await tryBerth('run -d --name late --network small busybox sleep 600');
    expect(late.status).toBe(125);
    expect(late.stderr).toMatch(/small/);
    expect(late.stderr).toMatch(/no .*address/i);
    expect((await host('ip -o link')).split('\n').length).toBe(links.split('\n').length);
    expect(Object.keys((await inspect('small'))['Containers'] as object)).toHaveLength(5);
    const freed = await addressOf('a3');
    await berth('rm -f a3');
    await berth('start late');
    expect(await addressOf('late')).toBe(freed);
  });

  test('are a subnet of the size asked for: --subnet 0.0.0.0/24', async () => {
    await berth('network create --subnet 0.0.0.0/24 sized');
    expect(await subnetOf('sized')).toMatch(/^172\.\d+\.\d+\.0\/24$/);
    await berth('network create --subnet 0.0.0.0/24 another');
    expect(await subnetOf('another')).not.toBe(await subnetOf('sized'));
    await sleeper('aa', '--network sized');
    expect(await berth(`exec aa wget -qO- http://${OUTSIDE_ADDRESS}/`)).toBe(HOST_ADDRESS);
  });

  test('overlap neither a route of the host nor its name server', async () => {
    await host(`ip route add 172.18.7.0/24 via ${OUTSIDE_ADDRESS}`);
    await host(`ip route add 172.20.0.0/15 via ${OUTSIDE_ADDRESS}`);
    const resolvConf = join(fixture.box.folder, 'resolv.conf');
    writeFileSync(resolvConf, 'nameserver 172.19.0.53\n');
    try {
      await berth('network create beside');
      expect(await subnetOf('beside')).toBe('172.22.0.0/16');
    } finally {
      writeFileSync(resolvConf, `nameserver ${OUTSIDE_ADDRESS}\n`);
      await host('ip route del 172.18.7.0/24');
      await host('ip route del 172.20.0.0/15');
    }
  });

  test.each([
    ['198.51.100.0/25', /198\.51\.100\.0\/25 overlaps the host's route to 198\.51\.100\.0\/24 \(eth0\)/],
    ['172.17.128.0/17', /Pool overlaps with other one .*: 172\.17\.128\.0\/17 with 172\.17\.0\.0\/16/],
  ])('that overlap what is there are refused: %s', async (subnet, reason) => {
    const refused = await tryBerth(`network create --subnet ${subnet} over`);
    expect(refused.status).toBe(1);
    expect(refused.stderr).toMatch(reason);
    expect(await berth('network ls -q --filter name=over')).toBe('');
  });

  test('are of IPv6 alone where IPv4 is not wanted', async () => {
    await berth('network create --ipv4=false --ipv6 --subnet fd00:26::/64 six');
    expect(await inspect('six')).toMatchObject({ EnableIPv4: false, EnableIPv6: true });
    await sleeper('aa', '--network six');
    await sleeper('bb', '--network six --ip6 fd00:26::b');
    expect(await addressOf('aa')).toBe('');
    expect(await berth('exec aa ip -4 addr show eth0')).toBe('');
    expect(await berth('exec aa ip -6 route')).toContain('default via fd00:26::1 ');
    expect(await berth('exec aa ping -6 -c1 -W2 bb')).toContain('(fd00:26::b)');
    expect(await berth('exec bb ping -c1 -W2 fd00:26::1')).toContain(' 0% packet loss');
  });
});

test('a network says that it is attachable, and what its labels are', async () => {
  await berth('network create --attachable --label team=sea --label bare kind');
  expect(await inspect('kind')).toMatchObject({ Attachable: true, Labels: { team: 'sea', bare: '' } });
});

describe('a configuration', () => {
  test('is taken over whole, and stays as long as it is used', async () => {
    const mtu = '-o com.docker.network.driver.mtu=1300';
    await berth(`network create --config-only --subnet 10.25.0.0/24 --label team=sea ${mtu} plan`);
    expect(await inspect('plan')).toMatchObject({ ConfigOnly: true });
    expect((await tryBerth('run --rm --network plan busybox true')).stderr).toMatch(/plan/);
    await berth('network create --config-from plan made');
    expect(await inspect('made')).toMatchObject({
      ConfigFrom: { Network: 'plan' },
      ConfigOnly: false,
      IPAM: { Config: [{ Subnet: '10.25.0.0/24', Gateway: '10.25.0.1' }] },
      Options: { 'com.docker.network.driver.mtu': '1300' },
    });
    await sleeper('aa', '--network made');
    expect(await addressOf('aa')).toMatch(/^10\.25\.0\./);
    expect(await berth('exec aa cat /sys/class/net/eth0/mtu')).toBe('1300');
    const used = await tryBerth('network rm plan');
    expect(used.status).toBe(1);
    expect(used.stderr).toMatch(/configuration network "plan" is in use by network made/);
    await berth('rm -f aa');
    await berth('network rm made plan');
  });

  test.each(['--internal', '--subnet 10.25.9.0/24', '-o com.docker.network.driver.mtu=1400', '--ipv6'])(
    'is not mixed with %s',
    async (flag) => {
      await berth('network create --config-only --subnet 10.25.0.0/24 plan');
      const refused = await tryBerth(`network create --config-from plan ${flag} made`);
      expect(refused.status).toBe(1);
      expect(refused.stderr).toMatch(/user specified configurations are not supported/);
    },
  );

  test('must be one', async () => {
    await berth('network create plain');
    expect((await tryBerth('network create --config-from plain made')).stderr).toMatch(
      /plain is no configuration/,
    );
    expect((await tryBerth('network create --config-from nowhere made')).stderr).toMatch(/nowhere not found/);
  });
});

describe('an option', () => {
  test('names the bridge, and the interfaces in containers, and sets their MTU', async () => {
    const name = '-o com.docker.network.bridge.name=brnamed';
    const prefix = '-o com.docker.network.container_iface_prefix=sea';
    await berth(`network create ${name} ${prefix} -o com.docker.network.driver.mtu=1280 named`);
    await sleeper('aa', '--network named');
    expect(await berth('exec aa ls /sys/class/net')).toBe('lo\nsea0');
    expect(await berth('exec aa cat /sys/class/net/sea0/mtu')).toBe('1280');
    expect(await host('cat /sys/class/net/brnamed/mtu')).toBe('1280\n');
    await berth('network create -o com.docker.network.container_iface_prefix=land landed');
    await berth('network connect landed aa');
    expect(await berth('exec aa ls /sys/class/net')).toBe('land0\nlo\nsea0');
  });

  test('gives no other network the bridge of that name', async () => {
    await berth('network create -o com.docker.network.bridge.name=brmine mine');
    const refused = await tryBerth('network create -o com.docker.network.bridge.name=brmine theirs');
    expect(refused.status).toBe(1);
    expect(refused.stderr).toMatch(/brmine is that of network mine already/);
    await host('ip link add brforeign type bridge');
    const foreign = await tryBerth('network create -o com.docker.network.bridge.name=brforeign theirs');
    await host('ip link del brforeign');
    expect(foreign.status).toBe(1);
    expect(foreign.stderr).toMatch(/brforeign/);
  });

  test('leaves the bridge without an IPv4 address: inhibit_ipv4', async () => {
    const name = '-o com.docker.network.bridge.name=brmute';
    await berth(
      `network create ${name} -o com.docker.network.bridge.inhibit_ipv4=true --subnet 10.27.0.0/24 mute`,
    );
    expect(await host('ip -o -4 addr show dev brmute')).toBe('');
    await sleeper('aa', '--network mute');
    await sleeper('bb', '--network mute');
    expect(await berth('exec aa ping -c1 -W2 bb')).toContain(' 0% packet loss');
    expect((await tryBerth('exec aa ping -c1 -W1 10.27.0.1')).status).not.toBe(0);
  });

  test('that is unknown has no effect, and is told of', async () => {
    const option = 'com.docker.network.bridge.colour';
    const { status, body } = await create({ Name: 'odd', Options: { [option]: 'blue' } });
    expect(status).toBe(201);
    expect(body.Warning).toBe(`unknown option ${option} of a bridge network: it has no effect`);
    expect(fixture.daemon.log).toContain(`unknown option ${option}`);
    expect((await inspect('odd')).Options).toEqual({ [option]: 'blue' });
    const shown = await fixture.box.tryBerth('network', 'create', '-o', `${option}=red`, 'odder');
    expect(shown).toMatchObject({ status: 0 });
    expect(shown.stderr).toContain(`WARNING: unknown option ${option}`);
    expect((await create({ Name: 'even', Options: {} })).body.Warning).toBe('');
  });

  test.each([
    ['com.docker.network.driver.mtu', 'big', /it should be a number from 68 to 65535/],
    ['com.docker.network.driver.mtu', '67', /it should be a number from 68/],
    ['com.docker.network.bridge.enable_icc', 'maybe', /it should be true or false/],
    ['com.docker.network.bridge.enable_ip_masquerade', '2', /it should be true or false/],
    ['com.docker.network.bridge.inhibit_ipv4', '-', /it should be true or false/],
    [
      'com.docker.network.bridge.gateway_mode_ipv4',
      'natty',
      /it should be one of nat, nat-unprotected, routed/,
    ],
    ['com.docker.network.bridge.gateway_mode_ipv4', 'isolated', /isolated is for internal networks/],
    ['com.docker.network.host_ipv4', 'fd00::1', /it should be an IPv4 address/],
    ['com.docker.network.host_ipv6', '10.0.0.1', /it should be an IPv6 address/],
    ['com.docker.network.bridge.host_binding_ipv4', 'localhost', /it should be an IPv4 address/],
    ['com.docker.network.bridge.trusted_host_interfaces', 'eth0:a name', /it should be an interface name/],
    [
      'com.docker.network.bridge.name',
      'a-name-that-is-too-long',
      /it should be an interface name of 1 to 15/,
    ],
    ['com.docker.network.container_iface_prefix', '0', /it should be a letter and up to 11/],
  ])('with a value that cannot be read is refused: %s=%s', async (option, value, right) => {
    const { status, body } = await withOption(option, value);
    expect(status).toBe(400);
    expect(body.message).toContain(option);
    expect(body.message).toMatch(right);
    expect(await berth('network ls -q --filter name=wrong')).toBe('');
  });

  test.each([
    [{ IPAM: { Config: [{ Subnet: '10.0.0.0' }] } }, /invalid subnet 10\.0\.0\.0.*10\.10\.0\.0\/16/],
    [{ IPAM: { Config: [{ Subnet: '10.0.0.1/24' }] } }, /it should be 10\.0\.0\.0\/24/],
    [{ IPAM: { Config: [{ Subnet: '10.0.0.0/24', Gateway: '10.0.1.1' }] } }, /invalid gateway 10\.0\.1\.1/],
    [
      { IPAM: { Config: [{ Subnet: '10.0.0.0/24', IPRange: '10.0.0.0/16' }] } },
      /invalid ip-range 10\.0\.0\.0\/16/,
    ],
    [{ IPAM: { Config: [{ Subnet: 'fd00::/64' }] } }, /IPv6 is not enabled/],
    [{ EnableIPv6: true, Options: { 'com.docker.network.driver.mtu': '1000' } }, /from 1280 to 65535/],
  ])('or an address that makes no sense: %j', async (body, reason) => {
    const answer = await create({ Name: 'wrong', ...body });
    expect(answer.status).toBe(400);
    expect(answer.body.message).toMatch(reason);
  });

  test('of a MAC address is refused as well', async () => {
    const bad = await tryBerth('run --rm --mac-address 02:42:zz:00:00:01 busybox true');
    expect(bad.status).toBe(125);
    expect(bad.stderr).toMatch(/02:42:zz:00:00:01/);
    const multicast = await tryBerth('run --rm --mac-address 01:00:5e:00:00:01 busybox true');
    expect(multicast.status).toBe(125);
    expect(multicast.stderr).toMatch(/01:00:5e:00:00:01/);
  });
});

const web = 'busybox httpd -f -p 80 -h /etc';
const fetchHost = (address: string) => words(`curl -sf --max-time 3 http://${address}:8080/hostname`);

test('host_binding_ipv4 is where ports go that name no address', async () => {
  const option = 'com.docker.network.bridge.host_binding_ipv4';
  await berth(`network create -o ${option}=127.0.0.1 bound`);
  await berth(`run -d --name aa --network bound -p 8080:80 ${web}`);
  expect(await berth('port aa')).toBe('80/tcp -> 127.0.0.1:8080');
  await fixture.box.host(...fetchHost('127.0.0.1'));
  expect((await fixture.box.tryHost(fetchHost(HOST_ADDRESS))).status).not.toBe(0);
  expect((await fixture.box.tryOutside(...fetchHost(HOST_ADDRESS))).status).not.toBe(0);
  // One that names an address goes there.
  await berth(`run -d --name bb --network bound -p 0.0.0.0:8090:80 ${web}`);
  await fixture.box.outside(...words(`curl -sf --max-time 3 http://${HOST_ADDRESS}:8090/hostname`));
});

describe('berth daemon --ip 127.0.0.1', () => {
  const own = useBox({ flags: ['--ip', '127.0.0.1'] });

  test('is where ports go that name no address, on all networks', async () => {
    await own.box.berth('network', 'create', 'sea');
    for (const network of ['bridge', 'sea']) {
      await own.box.berth(...words(`run -d --name aa --network ${network} -p 8080:80 ${web}`));
      expect(await own.box.berth('port', 'aa')).toBe('80/tcp -> 127.0.0.1:8080');
      await own.box.host(...fetchHost('127.0.0.1'));
      expect((await own.box.tryOutside(...fetchHost(HOST_ADDRESS))).status).not.toBe(0);
      await own.box.berth('rm', '-f', 'aa');
    }
  });
});
