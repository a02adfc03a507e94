import type { NetworkRecord } from '../records.js';
import { INTERFACE_PREFIX, MTU, optionValue, unknownOption } from './option-values.js';
import { PARENT } from './parent-link.js';

/** What the options of macvlan and ipvlan networks say alike, checked. */
export interface StackedOptions {
  /** Undefined: a link that is made for it and leads nowhere. */
  readonly parent?: string;
  /** Bytes; undefined: that of the parent. */
  readonly mtu?: number;
  /** Interfaces in containers are called this and a number. */
  readonly interfacePrefix: string;
}

/**
 * Parses the options of a network, those that macvlan and ipvlan have alike; the others are for `own`.
 *
 * @param own takes an option, or says false: it is none of the driver's
 * @returns the options, and a warning for each that Berth doesn't know
 * @throws BerthError `invalid` with what would be right
 */
export function parseStackedOptions(
  driver: 'macvlan' | 'ipvlan',
  { options, enableIPv6 }: Pick<NetworkRecord, 'options' | 'enableIPv6'>,
  own: (name: string, value: string) => boolean,
): { options: StackedOptions; warnings: string[] } {
  const warnings: string[] = [];
  const parsed: { -readonly [K in keyof StackedOptions]: StackedOptions[K] } = { interfacePrefix: 'eth' };
  for (const [name, value] of Object.entries(options)) {
    switch (name) {
      case PARENT:
        if (value !== '') parsed.parent = optionValue.interfaceName(name, value);
        break;
      case MTU:
        parsed.mtu = optionValue.mtu(name, value, enableIPv6);
        break;
      case INTERFACE_PREFIX:
        parsed.interfacePrefix = optionValue.interfacePrefix(name, value);
        break;
      default:
        if (!own(name, value)) warnings.push(unknownOption(name, driver));
    }
  }
  return { options: parsed, warnings };
}
