import type { NetworkRecord } from '../../records.js';
import type { PerFamily } from '../driver.js';
import { INTERFACE_PREFIX, MTU, invalidOption, optionValue, unknownOption } from '../option-values.js';

/** How a network is joined to the rest of the world, by Docker's names. */
export type GatewayMode = 'nat' | 'nat-unprotected' | 'routed' | 'isolated';
const GATEWAY_MODES = ['nat', 'nat-unprotected', 'routed', 'isolated'] as const;

/** What a bridge network's options say, checked. */
export interface BridgeOptions {
  /** Undefined: named after the network's id. */
  readonly bridge?: string;
  /** Containers of the network may talk to each other. */
  readonly icc: boolean;
  readonly masquerade: boolean;
  /** Bytes; undefined: that of the host's ways out. */
  readonly mtu?: number;
  /** Interfaces in containers are called this and a number. */
  readonly interfacePrefix: string;
  readonly gatewayMode: PerFamily<GatewayMode>;
  /** The bridge gets no IPv4 address: somebody else is the gateway. */
  readonly inhibitIPv4: boolean;
  /** Where ports are published that name no host address. */
  readonly defaultBinding?: string;
  /** Links whose neighbours may reach published ports at the container's own address. */
  readonly trustedInterfaces: readonly string[];
  /** The host's address that containers leave by. */
  readonly source: { readonly ipv4?: string; readonly ipv6?: string };
  /** What a container sends must be its own. */
  readonly antiSpoofing: boolean;
}

export const BRIDGE_NAME = 'com.docker.network.bridge.name';
export const ENABLE_ICC = 'com.docker.network.bridge.enable_icc';
export const ENABLE_MASQUERADE = 'com.docker.network.bridge.enable_ip_masquerade';
export const HOST_BINDING = 'com.docker.network.bridge.host_binding_ipv4';
export const DEFAULT_BRIDGE = 'com.docker.network.bridge.default_bridge';
export const GATEWAY_MODE = {
  ipv4: 'com.docker.network.bridge.gateway_mode_ipv4',
  ipv6: 'com.docker.network.bridge.gateway_mode_ipv6',
} as const;
const INHIBIT_IPV4 = 'com.docker.network.bridge.inhibit_ipv4';
const TRUSTED_INTERFACES = 'com.docker.network.bridge.trusted_host_interfaces';
const SOURCE_IPV4 = 'com.docker.network.host_ipv4';
const SOURCE_IPV6 = 'com.docker.network.host_ipv6';
export const ANTI_SPOOFING = 'berth.anti_spoofing';

/**
 * Parses the options of a bridge network.
 *
 * @returns the options, and a warning for each that Berth doesn't know
 * @throws BerthError `invalid` with what would be right
 */
export function parseBridgeOptions({
  options,
  enableIPv6,
  internal,
}: Pick<NetworkRecord, 'options' | 'enableIPv6' | 'internal'>): {
  options: BridgeOptions;
  warnings: string[];
} {
  const warnings: string[] = [];
  const parsed: { -readonly [K in keyof BridgeOptions]: BridgeOptions[K] } = {
    icc: true,
    masquerade: true,
    interfacePrefix: 'eth',
    gatewayMode: { ipv4: 'nat', ipv6: 'nat' },
    inhibitIPv4: false,
    trustedInterfaces: [],
    source: {},
    antiSpoofing: true,
  };
  const gatewayMode = (name: string, value: string): GatewayMode => {
    const mode = optionValue.oneOf(name, value === '' ? 'nat' : value, GATEWAY_MODES);
    if (mode === 'isolated' && !internal)
      throw invalidOption(name, value, 'another one: isolated is for internal networks');
    return mode;
  };
  for (const [name, value] of Object.entries(options)) {
    switch (name) {
      case BRIDGE_NAME:
        parsed.bridge = optionValue.interfaceName(name, value);
        break;
      case ENABLE_ICC:
        parsed.icc = optionValue.boolean(name, value);
        break;
      case ENABLE_MASQUERADE:
        parsed.masquerade = optionValue.boolean(name, value);
        break;
      case MTU:
        parsed.mtu = optionValue.mtu(name, value, enableIPv6);
        break;
      case INTERFACE_PREFIX:
        parsed.interfacePrefix = optionValue.interfacePrefix(name, value);
        break;
      case HOST_BINDING:
        if (value !== '' && value !== '0.0.0.0') parsed.defaultBinding = optionValue.address(name, value, 4);
        break;
      case GATEWAY_MODE.ipv4:
        parsed.gatewayMode = { ...parsed.gatewayMode, ipv4: gatewayMode(name, value) };
        break;
      case GATEWAY_MODE.ipv6:
        parsed.gatewayMode = { ...parsed.gatewayMode, ipv6: gatewayMode(name, value) };
        break;
      case INHIBIT_IPV4:
        parsed.inhibitIPv4 = optionValue.boolean(name, value);
        break;
      case TRUSTED_INTERFACES:
        parsed.trustedInterfaces = value
          .split(':')
          .filter((link) => link !== '')
          .map((link) => optionValue.interfaceName(name, link));
        break;
      case SOURCE_IPV4:
        parsed.source = { ...parsed.source, ipv4: optionValue.address(name, value, 4) };
        break;
      case SOURCE_IPV6:
        parsed.source = { ...parsed.source, ipv6: optionValue.address(name, value, 6) };
        break;
      case ANTI_SPOOFING:
        parsed.antiSpoofing = optionValue.boolean(name, value);
        break;
      case DEFAULT_BRIDGE:
        break;
      default:
        warnings.push(unknownOption(name, 'bridge'));
    }
  }
  return { options: parsed, warnings };
}
