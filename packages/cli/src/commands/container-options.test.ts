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
    ['--network name=a,ip6=::1', 'ip6 in --network is not supported by Berth yet'],
    ['-e =x', 'invalid environment variable: =x'],
    ['--label =x', 'invalid label "=x"'],
  ])('%s is refused', (flags, message) => {
    expect(() => bodyOf(`${flags} busybox`)).toThrow(message);
  });
});
