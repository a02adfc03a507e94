import { BerthError } from '@berth/core';
import type { RouteSocket } from '@berth/kernel';
import { hostResolvers } from '../dns/index.js';
import {
  formatAddress,
  formatPrefix,
  parseAddress,
  parsePrefix,
  type Family,
  type Prefix,
} from '../ipam/address.js';
import type { AddressSpace } from '../ipam/address-space.js';
import { defaultGateway, planSubnet, type SubnetPlan } from '../ipam/plan.js';
import type { NetworkSpec } from '../model.js';
import type { NetworkRecord, SubnetRecord } from '../records.js';
import { checkSubnetAgainstHost, hostRoutes, type HostRoute } from './host-routes.js';

/** Which subnets a network is to have. */
export interface SubnetRequest {
  readonly spec: NetworkSpec;
  /** Whether a subnet without a gateway gets one. */
  readonly choosesGateway: boolean;
  /** Whether the subnets may be those that the host itself is on. */
  readonly sharesSubnets: boolean;
}

/**
 * Takes the subnets of a new network: those it asks for, and for each family that it has none of, one of the default
 * pools.
 *
 * @throws BerthError; none is taken then
 */
export function takeSubnets(
  space: AddressSpace,
  routes: RouteSocket,
  request: SubnetRequest,
): SubnetRecord[] {
  const { ipam, enableIPv4 = true, enableIPv6 = false, name } = request.spec;
  const plans = (ipam?.config ?? []).map(planSubnet);
  for (const { family } of plans) {
    if (family === 4 ? enableIPv4 : enableIPv6) continue;
    throw new BerthError(
      'invalid',
      `invalid network config: network ${name} has an IPv${family} subnet, but IPv${family} is not enabled`,
      { subject: name },
    );
  }
  const missing = ([4, 6] as const).filter(
    (family) => (family === 4 ? enableIPv4 : enableIPv6) && !plans.some((plan) => plan.family === family),
  );
  const wanted: SubnetPlan[] = [...plans, ...missing.map((family) => ({ family, auxiliary: {} }))];
  const host = hostRoutes(routes);
  const taken: Prefix[] = [];
  try {
    return wanted.map((plan) => {
      const subnet = takeSubnet(space, plan, host, request.sharesSubnets);
      taken.push(subnet);
      return subnetRecord(plan, subnet, request.choosesGateway);
    });
  } catch (error) {
    for (const subnet of taken) space.release(subnet);
    throw error;
  }
}

/** What a configuration for other networks says of addresses, checked; nothing is taken. */
export function checkSubnets({ ipam }: NetworkSpec): SubnetRecord[] {
  return (ipam?.config ?? []).map((config) => {
    const { subnet } = planSubnet(config);
    if (subnet === undefined) throw new BerthError('invalid', 'a configuration needs subnets of its own');
    return { ...config, subnet: formatPrefix(subnet) };
  });
}

export function releaseSubnets(space: AddressSpace, record: NetworkRecord): void {
  for (const { subnet } of record.ipam.config) {
    const prefix = parsePrefix(subnet)?.prefix;
    if (prefix !== undefined) space.release(prefix);
  }
}

function takeSubnet(
  space: AddressSpace,
  { family, subnet, length }: SubnetPlan,
  host: readonly HostRoute[],
  shares: boolean,
): Prefix {
  if (subnet === undefined) {
    const avoid = [...host.map(({ prefix }) => prefix), ...resolvers(family)];
    return space.takeNext(family, avoid, length);
  }
  if (!shares) checkSubnetAgainstHost(subnet, host);
  space.take(subnet);
  return subnet;
}

/** A subnet that covers a name server of the host would cut it off. */
function resolvers(family: Family): Prefix[] {
  return hostResolvers().flatMap((text) => {
    const address = parseAddress(text.replace(/#.*$/, ''));
    if (address?.family !== family) return [];
    return [{ family, base: address.value, length: family === 4 ? 32 : 128 }];
  });
}

function subnetRecord(plan: SubnetPlan, subnet: Prefix, choosesGateway: boolean): SubnetRecord {
  const auxiliary = Object.entries(plan.auxiliary).map(
    ([name, address]) => [name, formatAddress(address)] as const,
  );
  const gateway = plan.gateway ?? (choosesGateway ? defaultGateway(subnet, plan.auxiliary) : undefined);
  return {
    subnet: formatPrefix(subnet),
    ...(gateway && { gateway: formatAddress(gateway) }),
    ...(plan.range && { ipRange: formatPrefix(plan.range) }),
    ...(auxiliary.length > 0 && { auxiliaryAddresses: Object.fromEntries(auxiliary) }),
  };
}
