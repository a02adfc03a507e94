import { describe, expect, it } from 'vitest';
import { parseBridgeOptions } from './options.js';

const parse = (options: Record<string, string>, rest: { internal?: boolean; enableIPv6?: boolean } = {}) =>
  parseBridgeOptions({ options, internal: false, enableIPv6: false, ...rest });

describe('options of a bridge network', () => {
  it('are Docker’s', () => {
    const { options, warnings } = parse({
      'com.docker.network.bridge.name': 'br-mine',
      'com.docker.network.bridge.enable_icc': 'false',
      'com.docker.network.bridge.enable_ip_masquerade': '0',
      'com.docker.network.bridge.host_binding_ipv4': '127.0.0.1',
      'com.docker.network.bridge.gateway_mode_ipv4': 'nat-unprotected',
      'com.docker.network.bridge.gateway_mode_ipv6': 'routed',
      'com.docker.network.bridge.inhibit_ipv4': 'true',
      'com.docker.network.bridge.trusted_host_interfaces': 'wg0:vlan.7',
      'com.docker.network.host_ipv4': '198.51.100.7',
      'com.docker.network.host_ipv6': '2001:db8::7',
      'com.docker.network.driver.mtu': '9000',
      'com.docker.network.container_iface_prefix': 'lan',
      'berth.anti_spoofing': 'false',
    });
    expect(options).toEqual({
      bridge: 'br-mine',
      icc: false,
      masquerade: false,
      mtu: 9000,
      interfacePrefix: 'lan',
      gatewayMode: { ipv4: 'nat-unprotected', ipv6: 'routed' },
      inhibitIPv4: true,
      defaultBinding: '127.0.0.1',
      trustedInterfaces: ['wg0', 'vlan.7'],
      source: { ipv4: '198.51.100.7', ipv6: '2001:db8::7' },
      antiSpoofing: false,
    });
    expect(warnings).toEqual([]);
  });

  it('have defaults', () => {
    expect(parse({ 'com.docker.network.bridge.host_binding_ipv4': '0.0.0.0' }).options).toEqual({
      icc: true,
      masquerade: true,
      interfacePrefix: 'eth',
      gatewayMode: { ipv4: 'nat', ipv6: 'nat' },
      inhibitIPv4: false,
      trustedInterfaces: [],
      source: {},
      antiSpoofing: true,
    });
  });

  it('warn by name where Berth doesn’t know them', () => {
    expect(parse({ 'com.example.colour': 'red' }).warnings).toEqual([
      'unknown option com.example.colour of a bridge network: it has no effect',
    ]);
  });

  it('let an internal network alone be isolated', () => {
    const isolated = { 'com.docker.network.bridge.gateway_mode_ipv6': 'isolated' };
    expect(parse(isolated, { internal: true }).options.gatewayMode.ipv6).toBe('isolated');
    expect(() => parse(isolated)).toThrow('isolated is for internal networks');
  });

  it('want the MTU that IPv6 needs', () => {
    const small = { 'com.docker.network.driver.mtu': '1279' };
    expect(parse(small).options.mtu).toBe(1279);
    expect(() => parse(small, { enableIPv6: true })).toThrow('a number from 1280 to 65535');
  });

  it.each([
    ['com.docker.network.driver.mtu', '67', 'a number from 68 to 65535'],
    ['com.docker.network.driver.mtu', '1e3', 'a number from 68 to 65535'],
    ['com.docker.network.bridge.enable_icc', 'yes', 'true or false'],
    ['com.docker.network.bridge.name', 'a-name-of-16-byte', '1 to 15 characters'],
    ['com.docker.network.bridge.name', 'a/b', '1 to 15 characters'],
    ['com.docker.network.container_iface_prefix', '', 'a letter and up to 11'],
    [
      'com.docker.network.bridge.gateway_mode_ipv4',
      'bridged',
      'one of nat, nat-unprotected, routed, isolated',
    ],
    ['com.docker.network.bridge.host_binding_ipv4', '::1', 'an IPv4 address'],
    ['com.docker.network.bridge.trusted_host_interfaces', 'a b', '1 to 15 characters'],
    ['com.docker.network.host_ipv4', '2001:db8::7', 'an IPv4 address'],
    ['com.docker.network.host_ipv6', '198.51.100.7', 'an IPv6 address'],
    ['berth.anti_spoofing', 'maybe', 'true or false'],
  ])('are refused: %s=%s', (name, value, message) => {
    expect(() => parse({ [name]: value })).toThrow(message);
  });
});
