import { BerthError } from '@berth/core';
import type { NetworkRecord } from '../../records.js';
import { optionValue } from '../option-values.js';
import { parseStackedOptions, type StackedOptions } from '../stacked-options.js';

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
export function parseMacvlanOptions(record: Pick<NetworkRecord, 'options' | 'enableIPv6'>): {
  options: MacvlanOptions;
  warnings: string[];
} {
  let mode: MacvlanOptions['mode'] = 'bridge';
  let hostAccess = false;
  const { options, warnings } = parseStackedOptions('macvlan', record, (name, value) => {
    switch (name) {
      case MACVLAN_MODE:
        if (value !== '') mode = optionValue.oneOf(name, value, MODES);
        return true;
      case HOST_ACCESS:
        hostAccess = optionValue.boolean(name, value);
        return true;
      default:
        return false;
    }
  });
  const parsed: MacvlanOptions = { ...options, mode, hostAccess };
  if (parsed.hostAccess && (parsed.mode !== 'bridge' || parsed.parent === undefined)) {
    throw new BerthError(
      'invalid',
      `option ${HOST_ACCESS} is for ${MACVLAN_MODE}=bridge and a network with a parent: links of other modes don't reach each other`,
      { op: 'check network options', subject: HOST_ACCESS },
    );
  }
  return { options: parsed, warnings };
}
