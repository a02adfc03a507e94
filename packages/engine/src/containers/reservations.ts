import type { NetworkId } from '@berth/network';
import type { EndpointConfig } from '../model.js';
import type { ContainerContext } from './context.js';
import { asSandboxId } from './snapshot.js';
import type { ContainerRecord } from './table.js';

/**
 * Keeps the addresses that a container asks for by name as its own for as long as it exists, whether it runs or not.
 *
 * @throws BerthError `conflict`, `invalid`; none is kept then
 */
export function reserveAddresses(
  context: ContainerContext,
  { id, networks }: Pick<ContainerRecord, 'id' | 'networks'>,
): void {
  try {
    for (const { networkId, config } of Object.values(networks)) reserveOn(context, id, networkId, config);
  } catch (error) {
    releaseAddresses(context, id);
    throw error;
  }
}

/** As {@link reserveAddresses}, on one network. */
export function reserveOn(
  { network }: ContainerContext,
  id: string,
  networkId: string,
  { ipv4Address, ipv6Address }: EndpointConfig,
): void {
  const wanted = [ipv4Address, ipv6Address].filter((address) => address !== undefined);
  if (wanted.length > 0) network.reserveAddresses(asSandboxId(id), networkId as NetworkId, wanted);
}

/** Ends what a container has reserved, on one network or on all. */
export function releaseAddresses({ network }: ContainerContext, id: string, networkId?: string): void {
  network.releaseAddresses(asSandboxId(id), networkId as NetworkId | undefined);
}
