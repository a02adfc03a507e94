import { describe, expect, it } from 'vitest';
import { parseBridgeOptions } from './options.js';

describe('options of a bridge network', () => {
  it('are Docker’s', () => {
    const { options, warnings } = parseBridgeOptions({
      'com.docker.network.bridge.name': 'br-mine',
      'com.docker.network.bridge.enable_icc': 'false',
      'com.docker.network.bridge.enable_ip_masquerade': '0',
      'com.docker.network.bridge.host_binding_ipv4': '0.0.0.0',
      'com.docker.network.driver.mtu': '9000',
      'com.docker.network.container_iface_prefix': 'lan',
    });
    expect(options).toEqual({
      bridge: 'br-mine',
      icc: false,
      masquerade: false,
      mtu: 9000,
      interfacePrefix: 'lan',
    });
    expect(warnings).toEqual([]);
  });

  it('warn by name where Berth doesn’t know them', () => {
    expect(parseBridgeOptions({ 'com.example.colour': 'red' }).warnings).toEqual([
      'unknown option com.example.colour of a bridge network: it has no effect',
    ]);
  });

  it.each([
    ['com.docker.network.driver.mtu', '67', 'a number from 68 to 65535'],
    ['com.docker.network.driver.mtu', '1e3', 'a number from 68 to 65535'],
    ['com.docker.network.bridge.enable_icc', 'yes', 'true or false'],
    ['com.docker.network.bridge.name', 'a-name-of-16-byte', '1 to 15 characters'],
    ['com.docker.network.bridge.name', 'a/b', '1 to 15 characters'],
    ['com.docker.network.container_iface_prefix', '', 'a letter and up to 11'],
    ['com.docker.network.bridge.gateway_mode_ipv4', 'routed', 'is not supported'],
    ['com.docker.network.bridge.host_binding_ipv4', '127.0.0.1', 'publish at an address'],
  ])('are refused: %s=%s', (name, value, message) => {
    expect(() => parseBridgeOptions({ [name]: value })).toThrow(message);
  });
});
