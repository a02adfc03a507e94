import { BerthError } from '@berth/core';
import {
  BRIDGE_NAME,
  DEFAULT_BRIDGE,
  ENABLE_ICC,
  ENABLE_MASQUERADE,
  HOST_BINDING,
  MTU,
} from '../drivers/bridge/index.js';
import { formatAddress, formatPrefix, parsePrefix } from '../ipam/address.js';
import type { NetworkSpec } from '../model.js';
import type { NetworkRecord } from '../records.js';
import type { ManagerContext } from './context.js';
import type { Networks } from './networks.js';
import type { NetworkOptions } from './options.js';

/** Bytes; Docker's default, which its inspect shows. */
const DEFAULT_MTU = 1500;

/**
 * The networks that are always there, as the options of the daemon want them.
 *
 * @throws BerthError `invalid` for a `bip` or `fixedCidr` that is none
 */
function predefinedNetworks({ bridgeName, defaultBridge }: NetworkOptions): NetworkSpec[] {
  const { bip, fixedCidr, mtu = DEFAULT_MTU, icc, ipMasq } = defaultBridge;
  const gateway = bip === undefined ? undefined : parsePrefix(bip);
  if (bip !== undefined && gateway === undefined) {
    throw new BerthError(
      'invalid',
      `invalid --bip ${bip}: it should be an address and a length, like 172.17.0.1/16`,
    );
  }
  if (
    gateway?.address.value === gateway?.prefix.base &&
    gateway !== undefined &&
    gateway.prefix.length < 31
  ) {
    throw new BerthError(
      'invalid',
      `invalid --bip ${bip}: it should be the bridge's own address, not that of its subnet`,
    );
  }
  if (fixedCidr !== undefined && gateway === undefined) {
    throw new BerthError('invalid', `--fixed-cidr ${fixedCidr} needs --bip, the subnet that it is a part of`);
  }
  const common = { labels: {}, options: {} };
  return [
    {
      ...common,
      name: 'bridge',
      driver: 'bridge',
      options: {
        [DEFAULT_BRIDGE]: 'true',
        [ENABLE_ICC]: String(icc),
        [ENABLE_MASQUERADE]: String(ipMasq),
        [HOST_BINDING]: '0.0.0.0',
        [BRIDGE_NAME]: bridgeName,
        [MTU]: String(mtu),
      },
      ipam: {
        config:
          gateway === undefined
            ? []
            : [
                {
                  subnet: formatPrefix(gateway.prefix),
                  gateway: formatAddress(gateway.address),
                  ...(fixedCidr !== undefined &&
                    fixedCidr !== formatPrefix(gateway.prefix) && { ipRange: fixedCidr }),
                },
              ],
      },
    },
    { ...common, name: 'host', driver: 'host' },
    { ...common, name: 'none', driver: 'null' },
  ];
}

/**
 * Makes the predefined networks that are missing. A default bridge that is stored but should be another now (`--bip`,
 * `--icc`, …) is made anew, unless containers are on it.
 */
export async function ensurePredefined(
  { state, options }: ManagerContext,
  networks: Networks,
): Promise<void> {
  for (const spec of predefinedNetworks(options)) {
    const entry = [...state.networks.values()].find(({ name }) => name === spec.name);
    if (entry !== undefined && !differs(entry.record, spec)) continue;
    if (entry !== undefined && entry.endpoints.size > 0) {
      options.logger.warn('the default bridge keeps its old settings while containers are on it', {
        network: spec.name,
      });
      continue;
    }
    if (entry !== undefined) await networks.discard(entry);
    await networks.create(spec, true);
  }
}

function differs(record: NetworkRecord, spec: NetworkSpec): boolean {
  const names = new Set([...Object.keys(record.options), ...Object.keys(spec.options)]);
  if ([...names].some((name) => record.options[name] !== spec.options[name])) return true;
  const wanted = spec.ipam?.config[0];
  const has = record.ipam.config[0];
  return (
    wanted !== undefined &&
    (wanted.subnet !== has?.subnet || wanted.gateway !== has?.gateway || wanted.ipRange !== has?.ipRange)
  );
}
