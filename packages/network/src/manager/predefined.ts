import { BerthError } from '@berth/core';
import {
  BRIDGE_NAME,
  DEFAULT_BRIDGE,
  ENABLE_ICC,
  ENABLE_MASQUERADE,
  HOST_BINDING,
} from '../drivers/bridge/index.js';
import { MTU } from '../drivers/option-values.js';
import { formatAddress, formatPrefix, parsePrefix, type Family } from '../ipam/address.js';
import type { IpamConfig, NetworkSpec } from '../model.js';
import type { NetworkRecord } from '../records.js';
import type { ManagerContext } from './context.js';
import type { Networks } from './networks.js';
import type { NetworkOptions } from './options.js';

/**
 * The networks that are always there, as the options of the daemon want them.
 *
 * @throws BerthError `invalid` for a `bip` or `fixedCidr` that is none
 */
function predefinedNetworks({ bridgeName, defaultBridge }: NetworkOptions): NetworkSpec[] {
  const { bip, fixedCidr, ipv6, bip6, fixedCidr6, mtu, icc, ipMasq } = defaultBridge;
  const config = [
    ...subnetOf(4, { name: 'bip', value: bip }, { name: 'fixed-cidr', value: fixedCidr }),
    ...(ipv6 ? subnetOf(6, { name: 'bip6', value: bip6 }, { name: 'fixed-cidr-v6', value: fixedCidr6 }) : []),
  ];
  const common = { labels: {}, options: {} };
  return [
    {
      ...common,
      name: 'bridge',
      driver: 'bridge',
      enableIPv6: ipv6,
      options: {
        [DEFAULT_BRIDGE]: 'true',
        [ENABLE_ICC]: String(icc),
        [ENABLE_MASQUERADE]: String(ipMasq),
        [HOST_BINDING]: '0.0.0.0',
        [BRIDGE_NAME]: bridgeName,
        ...(mtu !== undefined && { [MTU]: String(mtu) }),
      },
      ipam: { config },
    },
    { ...common, name: 'host', driver: 'host' },
    { ...common, name: 'none', driver: 'null' },
  ];
}

interface Flag {
  readonly name: string;
  readonly value: string | undefined;
}

/** What the daemon's flags say of the default bridge's addresses of a family; nothing where they say nothing. */
function subnetOf(family: Family, bip: Flag, fixed: Flag): IpamConfig[] {
  const gateway = parse(family, bip);
  const range = parse(family, fixed);
  // Docker's rule: without an address for the bridge the part that containers get is the whole.
  if (gateway === undefined) return range === undefined ? [] : [{ subnet: formatPrefix(range.prefix) }];
  if (gateway.address.value === gateway.prefix.base && gateway.prefix.length < (family === 4 ? 31 : 127)) {
    throw new BerthError(
      'invalid',
      `invalid --${bip.name} ${bip.value}: it should be the bridge's own address, not that of its subnet`,
    );
  }
  const subnet = formatPrefix(gateway.prefix);
  const ipRange = range === undefined ? undefined : formatPrefix(range.prefix);
  return [
    {
      subnet,
      gateway: formatAddress(gateway.address),
      ...(ipRange !== undefined && ipRange !== subnet && { ipRange }),
    },
  ];
}

function parse(family: Family, { name, value }: Flag): ReturnType<typeof parsePrefix> {
  if (value === undefined) return undefined;
  const parsed = parsePrefix(value);
  if (parsed?.prefix.family === family) return parsed;
  const right = family === 4 ? '172.17.0.1/16' : 'fd00:1::1/64';
  throw new BerthError(
    'invalid',
    `invalid --${name} ${value}: it should be an IPv${family} address and a length, like ${right}`,
  );
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
  if (record.enableIPv6 !== (spec.enableIPv6 ?? false)) return true;
  return (spec.ipam?.config ?? []).some(
    (wanted) =>
      !record.ipam.config.some(
        (has) =>
          wanted.subnet === has.subnet &&
          (wanted.gateway ?? has.gateway) === has.gateway &&
          wanted.ipRange === has.ipRange,
      ),
  );
}
