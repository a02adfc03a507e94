import { describe, expect, test } from 'vitest';
import { command, parse } from './command.js';
import {
  addConnectOptions,
  addCreateOptions,
  addUpdateOptions,
  connectEndpoint,
  createNetworkBody,
  updateNetworkBody,
} from './network-options.js';

const words = (line: string): string[] => line.split(' ');

describe('the body of a new network', () => {
  function bodyOf(line: string): unknown {
    const parser = addCreateOptions(command('network create', '[OPTIONS] NETWORK', 'Create a network'));
    const [name = ''] = parse(parser, words(line)) ?? [];
    return createNetworkBody(name, parser.opts());
  }

  test('families are said only when given', () => {
    expect(bodyOf('net')).not.toHaveProperty('EnableIPv4');
    expect(bodyOf('net')).not.toHaveProperty('EnableIPv6');
    expect(bodyOf('--ipv4=false --ipv6 net')).toMatchObject({
      Name: 'net',
      EnableIPv4: false,
      EnableIPv6: true,
    });
    expect(bodyOf('--ipv6=false --ipv4 net')).toMatchObject({ EnableIPv4: true, EnableIPv6: false });
  });

  test('switches and configurations', () => {
    expect(
      bodyOf('--config-only --internal --attachable --ingress --scope swarm -d macvlan net'),
    ).toMatchObject({
      Driver: 'macvlan',
      ConfigOnly: true,
      Internal: true,
      Attachable: true,
      Ingress: true,
      Scope: 'swarm',
    });
    expect(bodyOf('--config-from conf net')).toMatchObject({
      ConfigFrom: { Network: 'conf' },
      ConfigOnly: false,
      Ingress: false,
    });
    expect(bodyOf('net')).not.toHaveProperty('Scope');
    expect(bodyOf('net')).not.toHaveProperty('ConfigFrom');
  });

  test('addresses of both families', () => {
    expect(
      bodyOf('--subnet 10.1.0.0/16 --subnet fd00::/64 --gateway fd00::1 --gateway 10.1.0.1 net'),
    ).toMatchObject({
      IPAM: {
        Config: [
          { Subnet: '10.1.0.0/16', Gateway: '10.1.0.1' },
          { Subnet: 'fd00::/64', Gateway: 'fd00::1' },
        ],
      },
    });
    expect(() => bodyOf('--subnet 10.1.0.0/16 --gateway 10.9.0.1 net')).toThrow(
      'no matching subnet for gateway 10.9.0.1',
    );
  });
});

describe('the endpoint of a connection', () => {
  function endpointOf(line: string): unknown {
    const parser = addConnectOptions(command('network connect', '[OPTIONS] NETWORK CONTAINER', 'Connect'));
    const [network = ''] = parse(parser, words(line)) ?? [];
    return connectEndpoint(network, parser.opts());
  }

  test('says all that was asked for, and nothing else', () => {
    expect(
      endpointOf(
        '--alias x --alias y --ip 10.1.0.5 --ip6 fd00::5 --link-local-ip fe80::5 --link-local-ip 169.254.0.5 ' +
          '--link db:store --link cache --driver-opt k=v --gw-priority -5 net web',
      ),
    ).toEqual({
      Aliases: ['x', 'y'],
      Links: ['db:store', 'cache'],
      IPAMConfig: {
        IPv4Address: '10.1.0.5',
        IPv6Address: 'fd00::5',
        LinkLocalIPs: ['fe80::5', '169.254.0.5'],
      },
      DriverOpts: { k: 'v' },
      GwPriority: -5,
    });
    expect(endpointOf('--driver-opt k=v,"l=m,n" net web')).toEqual({ DriverOpts: { k: 'v', l: 'm,n' } });
    expect(endpointOf('net web')).toEqual({});
    expect(endpointOf('--gw-priority=0 net web')).toEqual({ GwPriority: 0 });
  });

  test.each([
    ['--gw-priority 1.5', 'invalid argument "1.5" for "--gw-priority" flag'],
    ['--ip6 10.1.0.5', 'invalid IPv6 address "10.1.0.5"'],
    ['--ip fd00::5', 'invalid IPv4 address "fd00::5"'],
    ['--link a:b:c', 'bad format for links: a:b:c'],
    ['--link-local-ip x', 'invalid link-local IP address "x"'],
  ])('%s is refused', (flags, message) => {
    expect(() => endpointOf(`${flags} net web`)).toThrow(message);
  });
});

describe('the body of an update of a network', () => {
  function bodyOf(line: string): unknown {
    const parser = addUpdateOptions(command('network update', '[OPTIONS] NETWORK', 'Change a network'));
    parse(parser, words(line));
    return updateNetworkBody(parser.opts());
  }

  test('says only what was asked for', () => {
    expect(bodyOf('--label a=b --label c --label-rm d net')).toEqual({ Labels: { a: 'b', c: '', d: null } });
    expect(bodyOf('--mtu 1400 --icc=false --anti-spoofing=false net')).toEqual({
      Options: {
        'com.docker.network.driver.mtu': '1400',
        'com.docker.network.bridge.enable_icc': 'false',
        'berth.anti_spoofing': 'false',
      },
    });
    expect(bodyOf('--internal net')).toEqual({ Internal: true });
    expect(bodyOf('--internal=false net')).toEqual({ Internal: false });
    expect(bodyOf('--dns 9.9.9.9 --dns 2620:fe::fe net')).toEqual({ Dns: ['9.9.9.9', '2620:fe::fe'] });
    expect(bodyOf('--dns none net')).toEqual({ Dns: [] });
  });

  test.each([
    ['net', 'you must provide one or more flags when using this command'],
    ['--dns none --dns 9.9.9.9 net', 'cannot specify both --dns none and name servers'],
    ['--dns x net', 'invalid argument "x" for "--dns" flag: IP address is not correctly formatted: x'],
    ['--mtu x net', 'invalid argument "x" for "--mtu" flag'],
    ['--label a=b --label-rm a net', 'label "a" cannot be both set and removed'],
    ['--icc=x net', 'invalid argument "x" for "--icc" flag'],
  ])('%s is refused', (line, message) => {
    expect(() => bodyOf(line)).toThrow(message);
  });
});
