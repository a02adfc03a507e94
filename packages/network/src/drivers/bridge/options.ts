import { BerthError } from '@berth/core';

/** What a bridge network's options say, checked. */
export interface BridgeOptions {
  /** Undefined: named after the network's id. */
  readonly bridge?: string;
  /** Containers of the network may talk to each other. */
  readonly icc: boolean;
  readonly masquerade: boolean;
  /** Bytes; undefined: the kernel's default. */
  readonly mtu?: number;
  /** Interfaces in containers are called this and a number. */
  readonly interfacePrefix: string;
}

export const BRIDGE_NAME = 'com.docker.network.bridge.name';
export const ENABLE_ICC = 'com.docker.network.bridge.enable_icc';
export const ENABLE_MASQUERADE = 'com.docker.network.bridge.enable_ip_masquerade';
export const HOST_BINDING = 'com.docker.network.bridge.host_binding_ipv4';
export const DEFAULT_BRIDGE = 'com.docker.network.bridge.default_bridge';
export const MTU = 'com.docker.network.driver.mtu';
const INTERFACE_PREFIX = 'com.docker.network.container_iface_prefix';

/** Docker's options that change what traffic may do: they can't be ignored. */
const NOT_YET = [
  'com.docker.network.bridge.gateway_mode_ipv4',
  'com.docker.network.bridge.gateway_mode_ipv6',
  'com.docker.network.bridge.inhibit_ipv4',
  'com.docker.network.bridge.trusted_host_interfaces',
  'com.docker.network.host_ipv4',
  'com.docker.network.host_ipv6',
];

/** What Go's strconv.ParseBool takes, as Docker does. */
const BOOLEANS: ReadonlyMap<string, boolean> = new Map([
  ...['1', 't', 'T', 'TRUE', 'true', 'True'].map((text) => [text, true] as const),
  ...['0', 'f', 'F', 'FALSE', 'false', 'False'].map((text) => [text, false] as const),
]);

/** The least MTU of IPv4 (RFC 791), and the most of a bridge (ETH_MAX_MTU of include/uapi/linux/if_ether.h). */
const MTU_RANGE = [68, 65_535] as const;
/** IFNAMSIZ (include/uapi/linux/if.h) less its null byte; and what a prefix leaves for the number. */
const INTERFACE_NAME = /^[^\s/:"%]{1,15}$/;
const INTERFACE_NAME_PREFIX = /^[a-zA-Z][a-zA-Z0-9_-]{0,11}$/;

/**
 * Parses the options of a bridge network.
 *
 * @returns the options, and a warning for each that Berth doesn't know
 * @throws BerthError `invalid` with what would be right; `unsupported` for an option of Docker's that Berth has not
 */
export function parseBridgeOptions(options: Readonly<Record<string, string>>): {
  options: BridgeOptions;
  warnings: string[];
} {
  const warnings: string[] = [];
  const parsed: { -readonly [K in keyof BridgeOptions]: BridgeOptions[K] } = {
    icc: true,
    masquerade: true,
    interfacePrefix: 'eth',
  };
  for (const [name, value] of Object.entries(options)) {
    switch (name) {
      case BRIDGE_NAME:
        if (!INTERFACE_NAME.test(value) || value === '.' || value === '..')
          throw invalid(name, value, 'an interface name of 1 to 15 characters');
        parsed.bridge = value;
        break;
      case ENABLE_ICC:
        parsed.icc = parseBoolean(name, value);
        break;
      case ENABLE_MASQUERADE:
        parsed.masquerade = parseBoolean(name, value);
        break;
      case MTU:
        parsed.mtu = parseMtu(name, value);
        break;
      case INTERFACE_PREFIX:
        if (!INTERFACE_NAME_PREFIX.test(value))
          throw invalid(name, value, 'a letter and up to 11 letters or digits');
        parsed.interfacePrefix = value;
        break;
      case HOST_BINDING:
        if (value !== '0.0.0.0' && value !== '')
          throw unsupported(
            `${name}=${value}`,
            'publish at an address (-p ADDRESS:PORT:PORT), or start the daemon with --ip',
          );
        break;
      case DEFAULT_BRIDGE:
        break;
      default:
        if (NOT_YET.includes(name)) throw unsupported(`${name}=${value}`, 'leave it out');
        warnings.push(`unknown option ${name} of a bridge network: it has no effect`);
    }
  }
  return { options: parsed, warnings };
}

function parseBoolean(name: string, value: string): boolean {
  const parsed = BOOLEANS.get(value);
  if (parsed === undefined) throw invalid(name, value, 'true or false');
  return parsed;
}

function parseMtu(name: string, value: string): number {
  const [least, most] = MTU_RANGE;
  const mtu = Number(value);
  if (!/^\d+$/.test(value) || mtu < least || mtu > most)
    throw invalid(name, value, `a number from ${least} to ${most}`);
  return mtu;
}

function invalid(name: string, value: string, right: string): BerthError {
  return new BerthError('invalid', `invalid value "${value}" of option ${name}: it should be ${right}`, {
    op: 'check network options',
    subject: name,
  });
}

function unsupported(option: string, right: string): BerthError {
  return new BerthError('unsupported', `option ${option} is not supported: ${right}`, {
    op: 'check network options',
  });
}
