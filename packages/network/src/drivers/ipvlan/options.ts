import type { NetworkRecord } from '../../records.js';
import { INTERFACE_PREFIX, MTU, optionValue, unknownOption } from '../option-values.js';
import { PARENT } from '../parent-link.js';
import type { StackedOptions } from '../stacked-network.js';

export const IPVLAN_MODE = 'ipvlan_mode';
export const IPVLAN_FLAG = 'ipvlan_flag';
const MODES = ['l2', 'l3', 'l3s'] as const;
const FLAGS = ['bridge', 'private', 'vepa'] as const;

/** What an ipvlan network's options say, checked. */
export interface IpvlanOptions extends StackedOptions {
  /** `l2`: endpoints resolve neighbours themselves; `l3`: the host routes for them; `l3s`: and tracks connections. */
  readonly mode: (typeof MODES)[number];
  /** Who of those on the same parent can talk to each other. */
  readonly flag: (typeof FLAGS)[number];
}

/**
 * Parses the options of an ipvlan network.
 *
 * @returns the options, and a warning for each that Berth doesn't know
 * @throws BerthError `invalid` with what would be right
 */
export function parseIpvlanOptions({ options, enableIPv6 }: Pick<NetworkRecord, 'options' | 'enableIPv6'>): {
  options: IpvlanOptions;
  warnings: string[];
} {
  const warnings: string[] = [];
  const parsed: { -readonly [K in keyof IpvlanOptions]: IpvlanOptions[K] } = {
    mode: 'l2',
    flag: 'bridge',
    interfacePrefix: 'eth',
  };
  for (const [name, value] of Object.entries(options)) {
    switch (name) {
      case PARENT:
        if (value !== '') parsed.parent = optionValue.interfaceName(name, value);
        break;
      case IPVLAN_MODE:
        if (value !== '') parsed.mode = optionValue.oneOf(name, value, MODES);
        break;
      case IPVLAN_FLAG:
        if (value !== '') parsed.flag = optionValue.oneOf(name, value, FLAGS);
        break;
      case MTU:
        parsed.mtu = optionValue.mtu(name, value, enableIPv6);
        break;
      case INTERFACE_PREFIX:
        parsed.interfacePrefix = optionValue.interfacePrefix(name, value);
        break;
      default:
        warnings.push(unknownOption(name, 'ipvlan'));
    }
  }
  return { options: parsed, warnings };
}
