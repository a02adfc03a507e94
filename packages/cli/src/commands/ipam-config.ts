import { BlockList, isIP } from 'node:net';
import { Failure } from './command.js';
import { pairs } from './words.js';

/** What a command line says of a network's addresses. */
export interface IpamOptions {
  readonly subnet?: string[];
  readonly gateway?: string[];
  readonly ipRange?: string[];
  readonly auxAddress?: string[];
}

interface SubnetConfig {
  readonly Subnet: string;
  IPRange?: string;
  Gateway?: string;
  AuxiliaryAddresses?: Record<string, string>;
}

/**
 * One entry a subnet, in their order; gateways, ranges and auxiliary addresses go to the subnet that contains them, as
 * docker sorts them (docker/cli, network/create.go, createIPAMConfig).
 *
 * @throws Failure for one that no subnet contains, and for a second gateway or range of one subnet
 */
export function ipamConfig(options: IpamOptions): SubnetConfig[] {
  const { subnet = [], gateway = [], ipRange = [], auxAddress = [] } = options;
  if (subnet.length < ipRange.length || subnet.length < gateway.length)
    throw new Failure('every ip-range or gateway must have a corresponding subnet');
  const configs: SubnetConfig[] = [];
  for (const prefix of subnet) {
    if (configs.some(({ Subnet }) => contains(Subnet, prefix) || contains(prefix, Subnet)))
      throw new Failure('multiple overlapping subnet configuration is not supported');
    configs.push({ Subnet: prefix });
  }
  for (const range of ipRange) {
    const config = configOf(configs, 'range', range);
    if (config.IPRange !== undefined)
      throw new Failure(
        `cannot configure multiple ranges (${range}, ${config.IPRange}) on the same subnet (${config.Subnet})`,
      );
    config.IPRange = range;
  }
  for (const address of gateway) {
    const config = configOf(configs, 'gateway', address);
    if (config.Gateway !== undefined)
      throw new Failure(
        `cannot configure multiple gateways (${address}, ${config.Gateway}) for the same subnet (${config.Subnet})`,
      );
    config.Gateway = address;
  }
  for (const [name, address] of Object.entries(pairs('auxiliary address', auxAddress))) {
    const config = configOf(configs, 'aux-address', address);
    config.AuxiliaryAddresses = { ...config.AuxiliaryAddresses, [name]: address };
  }
  return configs;
}

function configOf(configs: readonly SubnetConfig[], kind: string, value: string): SubnetConfig {
  const found = configs.find(({ Subnet }) => contains(Subnet, value));
  if (found === undefined) throw new Failure(`no matching subnet for ${kind} ${value}`);
  return found;
}

/** Whether an address, or the first address of a prefix, is one of a subnet's. @throws Failure for what is neither */
function contains(subnet: string, value: string): boolean {
  const { address, length, family } = prefixOf(subnet);
  if (length === undefined) throw new Failure(`invalid subnet ${subnet} : invalid CIDR address: ${subnet}`);
  const inner = prefixOf(value);
  if (family !== inner.family) return false;
  const list = new BlockList();
  list.addSubnet(address, length, family);
  return list.check(inner.address, family);
}

function prefixOf(text: string): { address: string; length?: number; family: 'ipv4' | 'ipv6' } {
  const [, address = '', digits] = /^([^/]*)(?:\/(\d+))?$/.exec(text) ?? [];
  const version = isIP(address);
  const length = Number(digits ?? 0);
  if (version === 0 || address.includes('%') || length > (version === 4 ? 32 : 128)) {
    const wanted = text.includes('/') ? 'CIDR' : 'IP';
    throw new Failure(`invalid ${wanted} address: ${text}`);
  }
  const family = version === 4 ? 'ipv4' : 'ipv6';
  return digits === undefined ? { address, family } : { address, length, family };
}
