import type { NetworkRecord } from '../../records.js';
import { optionValue } from '../option-values.js';
import { parseStackedOptions, type StackedOptions } from '../stacked-options.js';

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
export function parseIpvlanOptions(record: Pick<NetworkRecord, 'options' | 'enableIPv6'>): {
  options: IpvlanOptions;
  warnings: string[];
} {
  let mode: IpvlanOptions['mode'] = 'l2';
  let flag: IpvlanOptions['flag'] = 'bridge';
  const { options, warnings } = parseStackedOptions('ipvlan', record, (name, value) => {
    switch (name) {
      case IPVLAN_MODE:
        if (value !== '') mode = optionValue.oneOf(name, value, MODES);
        return true;
      case IPVLAN_FLAG:
        if (value !== '') flag = optionValue.oneOf(name, value, FLAGS);
        return true;
      default:
        return false;
    }
  });
  return { options: { ...options, mode, flag }, warnings };
}
