import { BerthError } from '@berth/core';
import type { NetworkRecord } from '../../records.js';
import { INTERFACE_PREFIX, MTU, optionValue, unknownOption } from '../option-values.js';
import { PARENT } from '../parent-link.js';
import type { StackedOptions } from '../stacked-network.js';

/** The host itself reaches the containers, and they it. */
export const HOST_ACCESS = 'berth.host_access';
export const MACVLAN_MODE = 'macvlan_mode';
const MODES = ['bridge', 'private', 'vepa', 'passthru'] as const;

/** What a macvlan network's options say, checked. */
export interface MacvlanOptions extends StackedOptions {
  /** Who of those on the same parent can talk to each other; `passthru`: one endpoint has it for itself. */
  readonly mode: (typeof MODES)[number];
  readonly hostAccess: boolean;
}

/**
 * Parses the options of a macvlan network.
 *
 * @returns the options, and a warning for each that Berth doesn't know
 * @throws BerthError `invalid` with what would be right
 */
export function parseMacvlanOptions({ options, enableIPv6 }: Pick<NetworkRecord, 'options' | 'enableIPv6'>): {
  options: MacvlanOptions;
  warnings: string[];
} {
  const warnings: string[] = [];
  const parsed: { -readonly [K in keyof MacvlanOptions]: MacvlanOptions[K] } = {
    mode: 'bridge',
    hostAccess: false,
    interfacePrefix: 'eth',
  };
  for (const [name, value] of Object.entries(options)) {
    switch (name) {
      case PARENT:
        if (value !== '') parsed.parent = optionValue.interfaceName(name, value);
        break;
      case MACVLAN_MODE:
        if (value !== '') parsed.mode = optionValue.oneOf(name, value, MODES);
        break;
      case HOST_ACCESS:
        parsed.hostAccess = optionValue.boolean(name, value);
        break;
      case MTU:
        parsed.mtu = optionValue.mtu(name, value, enableIPv6);
        break;
      case INTERFACE_PREFIX:
        parsed.interfacePrefix = optionValue.interfacePrefix(name, value);
        break;
      default:
        warnings.push(unknownOption(name, 'macvlan'));
    }
  }
  if (parsed.hostAccess && (parsed.mode !== 'bridge' || parsed.parent === undefined)) {
    throw new BerthError(
      'invalid',
      `option ${HOST_ACCESS} is for ${MACVLAN_MODE}=bridge and a network with a parent: links of other modes don't reach each other`,
      { op: 'check network options', subject: HOST_ACCESS },
    );
  }
  return { options: parsed, warnings };
}
