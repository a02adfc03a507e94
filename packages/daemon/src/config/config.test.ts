import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseArguments } from './arguments.js';

let folder: string;
beforeAll(() => (folder = mkdtempSync(join(tmpdir(), 'berth-config-'))));
afterAll(() => rmSync(folder, { recursive: true }));

function file(content: unknown): string {
  const path = join(folder, 'daemon.json');
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
  return path;
}

describe('flags', () => {
  it('has the defaults of the documentation', () => {
    expect(parseArguments([])).toMatchObject({
      sockets: ['/run/berth/berth.sock'],
      dataRoot: '/var/lib/berth',
      execRoot: '/run/berth',
      pidfile: '/run/berth/berth.pid',
      bridgeName: 'berth0',
      icc: true,
      ipMasq: true,
      ipForward: true,
      defaultBindAddress: '0.0.0.0',
      addressPools: [],
      dns: [],
      logLevel: 'info',
    });
  });

  it('reads each of them', () => {
    const argv = [
      ...['-H', 'unix:///a', '-H', 'unix:///b', '--data-root', '/d', '--exec-root', '/e', '--pidfile', '/p'],
      ...['--bip', '10.1.0.1/24', '--fixed-cidr', '10.1.0.128/25', '--mtu', '1400', '--dns', '9.9.9.9'],
      ...['--default-address-pool', 'base=10.2.0.0/16,size=24', '--icc=false', '--ip', '127.0.0.1'],
      ...['--ip-masq=false', '--ip-forward=true', '--log-level', 'debug', '--bridge-name', 'b0', '--ipv6'],
      ...[
        '--bip6',
        'fd00:1::1/64',
        '--fixed-cidr-v6',
        'fd00:1::8000/113',
        '--firewall-coexist',
        '--default-bridge-names',
      ],
      ...['--dns-single-labels', '--dns-listen', '[::1]:5354'],
    ];
    expect(parseArguments(argv)).toEqual({
      sockets: ['/a', '/b'],
      tcp: [],
      dataRoot: '/d',
      execRoot: '/e',
      pidfile: '/p',
      bridgeName: 'b0',
      bip: '10.1.0.1/24',
      fixedCidr: '10.1.0.128/25',
      ipv6: true,
      bip6: 'fd00:1::1/64',
      fixedCidr6: 'fd00:1::8000/113',
      firewallCoexist: true,
      mtu: 1400,
      icc: false,
      ipMasq: false,
      ipForward: true,
      defaultBindAddress: '127.0.0.1',
      addressPools: [{ base: '10.2.0.0/16', size: 24 }],
      dns: ['9.9.9.9'],
      defaultBridgeNames: true,
      dnsSingleLabels: true,
      dnsListen: { address: '::1', port: 5354 },
      logLevel: 'debug',
    });
  });

  it('take TCP hosts with certificates, beside sockets or alone', () => {
    const files = ['--tlsverify', '--tlscacert', '/a', '--tlscert', '/c', '--tlskey', '/k'];
    expect(parseArguments(['-H', 'tcp://[::1]', '-H', 'tcp://127.0.0.1:1', ...files])).toMatchObject({
      sockets: [],
      tcp: [
        { address: '::1', port: 2376 },
        { address: '127.0.0.1', port: 1 },
      ],
      tls: { authority: '/a', certificate: '/c', key: '/k' },
    });
  });

  it.each([
    [
      ['-H', 'tcp://0.0.0.0:2375'],
      'host "tcp://0.0.0.0:2375" needs --tlsverify, --tlscacert, --tlscert and --tlskey',
    ],
    [['-H', 'tcp://0.0.0.0', '--tlsverify', '--tlscert', '/c', '--tlskey', '/k'], 'needs --tlsverify'],
    [['-H', 'tcp://name:2376'], 'is not an IP address and a port'],
    [['-H', 'tcp://127.0.0.1:0'], 'is not an IP address and a port'],
    [['-H', 'fd://'], 'host "fd://" is not supported by Berth yet'],
    [['--tlsverify'], 'there is no tcp:// host'],
    [['-H', 'unix://relative'], 'it must be unix:///absolute/path'],
    [['-H', `unix:///${'x'.repeat(107)}`], 'at most 107 bytes'],
    [['--bip', '10.1.0.1'], 'bip "10.1.0.1" is not an IPv4 address with a prefix length'],
    [['--mtu', '12x'], '--mtu must be a whole number, not "12x"'],
    [['--mtu', '10'], 'mtu '],
    [['--icc=maybe'], '--icc must be true or false, not "maybe"'],
    [['--dns', 'ns.example'], 'dns "ns.example" is not an IP address'],
    [['--dns-listen', '0.0.0.0:53'], 'dns-listen "0.0.0.0:53" is not a loopback address and a port'],
    [['--dns-listen', '127.0.0.1'], 'e.g. 127.0.0.54:53'],
    [['--default-address-pool', '10.0.0.0/8'], 'must be base=CIDR,size=BITS'],
    [
      ['--default-address-pool', 'base=10.0.0.0/16,size=8'],
      'size 8 does not fit base 10.0.0.0/16: it must be from 16 to 30',
    ],
    [['--log-level', 'loud'], 'log-level'],
    [['--bip6', '10.1.0.1/24'], 'bip6 "10.1.0.1/24" is not an IPv6 address with a prefix length'],
    [['--bridge-name', 'a-name-that-is-too-long'], 'at most 15 bytes'],
  ])('refuses %j by name', (argv, message) => {
    expect(() => parseArguments(argv)).toThrow(message);
  });
});

describe('the configuration file', () => {
  it("has dockerd's names", () => {
    const path = file({ 'data-root': '/d', bip: '10.1.0.1/24', dns: ['1.1.1.1'], icc: false });
    expect(parseArguments(['--config-file', path, '--mtu', '1400'])).toMatchObject({
      dataRoot: '/d',
      bip: '10.1.0.1/24',
      dns: ['1.1.1.1'],
      icc: false,
      mtu: 1400,
    });
  });

  it('refuses a setting that is given in both places', () => {
    const path = file({ bip: '10.1.0.1/24' });
    expect(() => parseArguments(['--config-file', path, '--bip', '10.2.0.1/24'])).toThrow(
      'both as a flag and in the configuration file: bip: (from flag: 10.2.0.1/24, from file: 10.1.0.1/24)',
    );
  });

  it.each([
    [{ bipp: 'x' }, "the following directives don't match any configuration option: bipp"],
    [{ icc: 'no' }, 'icc must be boolean'],
    ['{', 'cannot read the configuration file'],
    [[], 'must hold one JSON object'],
    [{ 'default-address-pools': [{ base: '10.0.0.0/8' }] }, 'default-address-pools.0'],
  ])('refuses %j', (content, message) => {
    expect(() => parseArguments(['--config-file', file(content)])).toThrow(message);
  });

  it('refuses a file that is not there', () => {
    expect(() => parseArguments(['--config-file', '/nowhere.json'])).toThrow(
      'cannot read the configuration file /nowhere.json',
    );
  });
});
