import { isIPv4, isIPv6 } from 'node:net';
import { BerthError } from '@berth/core';

/** Bytes; overrides that of the host's ways out. */
export const MTU = 'com.docker.network.driver.mtu';
export const INTERFACE_PREFIX = 'com.docker.network.container_iface_prefix';

/** What Go's strconv.ParseBool takes, as Docker does. */
const BOOLEANS: ReadonlyMap<string, boolean> = new Map([
  ...['1', 't', 'T', 'TRUE', 'true', 'True'].map((text) => [text, true] as const),
  ...['0', 'f', 'F', 'FALSE', 'false', 'False'].map((text) => [text, false] as const),
]);

/** The least MTU of IPv4 (RFC 791) and of IPv6 (RFC 8200), and the most of a bridge (ETH_MAX_MTU of include/uapi/linux/if_ether.h). */
const MTU_RANGE = { ipv4: 68, ipv6: 1280, most: 65_535 } as const;
/** IFNAMSIZ (include/uapi/linux/if.h) less its null byte; and what a prefix leaves for the number. */
const INTERFACE_NAME = /^[^\s/:"%]{1,15}$/;
const INTERFACE_NAME_PREFIX = /^[a-zA-Z][a-zA-Z0-9_-]{0,11}$/;

/** Reads the text of network options. @throws BerthError `invalid` with what would be right, each of them */
export const optionValue = {
  boolean(name: string, value: string): boolean {
    const parsed = BOOLEANS.get(value);
    if (parsed === undefined) throw invalidOption(name, value, 'true or false');
    return parsed;
  },

  mtu(name: string, value: string, ipv6: boolean): number {
    const least = ipv6 ? MTU_RANGE.ipv6 : MTU_RANGE.ipv4;
    const mtu = Number(value);
    if (!/^\d+$/.test(value) || mtu < least || mtu > MTU_RANGE.most)
      throw invalidOption(
        name,
        value,
        `a number from ${least} to ${MTU_RANGE.most}${ipv6 ? ', the network having IPv6' : ''}`,
      );
    return mtu;
  },

  interfaceName(name: string, value: string): string {
    if (!INTERFACE_NAME.test(value) || value === '.' || value === '..')
      throw invalidOption(name, value, 'an interface name of 1 to 15 characters');
    return value;
  },

  interfacePrefix(name: string, value: string): string {
    if (!INTERFACE_NAME_PREFIX.test(value))
      throw invalidOption(name, value, 'a letter and up to 11 letters or digits');
    return value;
  },

  oneOf<const T extends string>(name: string, value: string, choices: readonly T[]): T {
    const found = choices.find((choice) => choice === value);
    if (found === undefined) throw invalidOption(name, value, `one of ${choices.join(', ')}`);
    return found;
  },

  address(name: string, value: string, family: 4 | 6): string {
    if (family === 4 ? !isIPv4(value) : !isIPv6(value))
      throw invalidOption(name, value, `an IPv${family} address`);
    return value;
  },
};

export function invalidOption(name: string, value: string, right: string): BerthError {
  return new BerthError('invalid', `invalid value "${value}" of option ${name}: it should be ${right}`, {
    op: 'check network options',
    subject: name,
  });
}

/** Tells of an option that has no effect. */
export function unknownOption(name: string, driver: string): string {
  const article = /^[aeiou]/.test(driver) ? 'an' : 'a';
  return `unknown option ${name} of ${article} ${driver} network: it has no effect`;
}
