import { describe, expect, test } from 'vitest';
import { command, parse } from './command.js';
import { addContainerOptions, createBody } from './container-options.js';

function bodyOf(line: string): unknown {
  const parser = addContainerOptions(command('create', '[OPTIONS] IMAGE', 'Create a container'));
  const [image = '', ...words] = parse(parser, line.split(' '), true) ?? [];
  return createBody(image, words, parser.opts(), false);
}

describe('the body of a new container', () => {
  test('what follows the image is the command, flags and all', () => {
    expect(bodyOf('--rm busybox ls --rm -- x')).toMatchObject({
      Image: 'busybox',
      Cmd: ['ls', '--rm', '--', 'x'],
      HostConfig: { AutoRemove: true, NetworkMode: 'default' },
    });
  });

  test('aliases and addresses are those of the first network', () => {
    expect(bodyOf('--network a --network b --network-alias x --ip 10.0.0.5 busybox')).toMatchObject({
      HostConfig: { NetworkMode: 'a' },
      NetworkingConfig: {
        EndpointsConfig: { a: { Aliases: ['x'], IPAMConfig: { IPv4Address: '10.0.0.5' } }, b: {} },
      },
    });
  });

  test('the long form of a network', () => {
    expect(bodyOf('--network name=a,alias=x,alias=y,driver-opt=k=v busybox')).toMatchObject({
      NetworkingConfig: { EndpointsConfig: { a: { Aliases: ['x', 'y'], DriverOpts: { k: 'v' } } } },
    });
    // A value with commas of its own stands in quotes.
    expect(bodyOf('--network name=a,"driver-opt=k=v,""w""",alias=x busybox')).toMatchObject({
      NetworkingConfig: { EndpointsConfig: { a: { Aliases: ['x'], DriverOpts: { k: 'v,"w"' } } } },
    });
    expect(() => bodyOf('--network name=a,alias="x busybox')).toThrow('quotes should enclose a field');
  });

  test('addresses of both families, of the link, and the order of gateways', () => {
    const word =
      'name=a,ip=10.0.0.5,ip6=fd00::5,link-local-ip=fe80::5,link-local-ip=169.254.0.5,gw-priority=-2';
    const a = {
      IPAMConfig: {
        IPv4Address: '10.0.0.5',
        IPv6Address: 'fd00::5',
        LinkLocalIPs: ['fe80::5', '169.254.0.5'],
      },
      GwPriority: -2,
    };
    expect(bodyOf(`--network ${word} busybox`)).toMatchObject({
      NetworkingConfig: { EndpointsConfig: { a } },
    });
    expect(bodyOf('--network a --ip6 fd00::5 --link-local-ip fe80::5 busybox')).toMatchObject({
      NetworkingConfig: {
        EndpointsConfig: { a: { IPAMConfig: { IPv6Address: 'fd00::5', LinkLocalIPs: ['fe80::5'] } } },
      },
    });
  });

  test('links are of the network, or of the container where the network is not one of the user', () => {
    expect(bodyOf('--network a --network b --link db --link c:cache busybox')).toMatchObject({
      HostConfig: { NetworkMode: 'a' },
      NetworkingConfig: { EndpointsConfig: { a: { Links: ['db', 'c:cache'] }, b: {} } },
    });
    for (const flags of ['', '--network bridge ']) {
      const body = bodyOf(`${flags}--link db --link c:cache busybox`);
      expect(body).toMatchObject({
        HostConfig: { Links: ['db', 'c:cache'] },
        NetworkingConfig: { EndpointsConfig: {} },
      });
    }
    expect(bodyOf('busybox')).not.toHaveProperty('HostConfig.Links');
  });

  test('ranges of ports stay ranges', () => {
    expect(bodyOf('-p 20000-29999:20000-29999 --expose 7000-7999 busybox')).toMatchObject({
      ExposedPorts: { '20000-29999/tcp': {}, '7000-7999/tcp': {} },
      HostConfig: { PortBindings: { '20000-29999/tcp': [{ HostIp: '', HostPort: '20000-29999' }] } },
    });
  });

  test.each([
    [
      '--dns 1.2.3',
      'invalid argument "1.2.3" for "--dns" flag: IP address is not correctly formatted: 1.2.3',
    ],
    ['--add-host x', 'invalid argument "x" for "--add-host" flag: bad format for add-host: "x"'],
    ['--add-host a:b', 'invalid IP address in add-host: "b"'],
    ['--dns-search _', '_ is not a valid domain'],
    ['--mac-address 02:42:0g', '02:42:0g is not a valid mac address'],
    ['--ip 1.2', 'invalid IPv4 address "1.2"'],
    ['--stop-timeout x', 'invalid argument "x" for "--stop-timeout" flag'],
    ['--network-alias x', 'network-scoped aliases are only supported for user-defined networks'],
    ['--network a --network a', 'network "a" is specified multiple times'],
    ['--ip6 1.2.3.4', 'invalid IPv6 address "1.2.3.4"'],
    ['--link-local-ip x', 'invalid link-local IP address "x"'],
    ['--link a:b:c', 'bad format for links: a:b:c'],
    ['--network a --link a:', 'bad format for links: a:'],
    ['--network name=a,gw-priority=x', 'invalid gw-priority (x)'],
    ['--network name=a,nosuch=x', 'invalid field key "nosuch"'],
    [
      '--network name=a,ip6=::1 --ip6 ::2',
      'conflicting options: cannot specify both --ip6 and per-network IPv6 address',
    ],
    [
      '--network name=a,link-local-ip=fe80::1 --link-local-ip fe80::2',
      'conflicting options: cannot specify both --link-local-ip and per-network link-local IP addresses',
    ],
    ['--expose 1:2', 'invalid port format for --expose: 1:2'],
    ['-e =x', 'invalid environment variable: =x'],
    ['--label =x', 'invalid label "=x"'],
  ])('%s is refused', (flags, message) => {
    expect(() => bodyOf(`${flags} busybox`)).toThrow(message);
  });
});
