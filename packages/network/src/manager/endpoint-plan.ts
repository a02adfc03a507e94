import { BerthError, newId } from '@berth/core';
import { contains, formatAddress, formatPrefix, parseAddress } from '../ipam/address.js';
import { checkMac, macOf } from '../ipam/mac.js';
import type { EndpointId, EndpointSpec } from '../model.js';
import type { EndpointInterface, EndpointRecord } from '../records.js';
import type { NetworkEntry, NetworkState, SandboxEntry } from './state.js';

/** Hex digits of a host interface's name, after `veth`. */
const HOST_NAME_DIGITS = 7;

/**
 * Refuses what can't be: a second endpoint on one network, the host's network for a private sandbox, …
 *
 * @throws BerthError `forbidden`, `unsupported`
 */
export function checkAttachment(
  sandbox: SandboxEntry,
  entry: NetworkEntry,
  networks: NetworkState['networks'],
): void {
  const { kind } = sandbox.record;
  if (sandbox.endpoints.some(({ networkId }) => networkId === entry.id)) {
    throw new BerthError('forbidden', `endpoint already exists in network ${entry.name}`, {
      subject: entry.name,
    });
  }
  if (kind !== entry.driver.sandboxKind) {
    throw new BerthError(
      'forbidden',
      'container cannot be disconnected from host network or connected to host network',
      {
        subject: entry.name,
      },
    );
  }
  const others = sandbox.endpoints.map(({ networkId }) => networks.get(networkId)?.driver);
  const isNull = (driver: NetworkEntry['driver'] | undefined) => driver?.name === 'null';
  if (others.length > 0 && (isNull(entry.driver) || others.some(isNull))) {
    throw new BerthError(
      'forbidden',
      'container cannot be connected to multiple networks with one of the networks in private (none) mode',
      { subject: entry.name },
    );
  }
}

/**
 * Leases an address and gives names: what the endpoint shall be.
 *
 * @throws BerthError `invalid`, `conflict`, `exhausted`; nothing is leased then
 */
export function planEndpoint(
  sandbox: SandboxEntry,
  entry: NetworkEntry,
  spec: EndpointSpec,
  sequence: number,
): EndpointRecord {
  const id = newId<EndpointId>();
  const { containerName, names } = spec;
  const record = { id, networkId: entry.id, sandboxId: sandbox.record.id, sequence, containerName, names };
  const [driverOption] = Object.keys(spec.driverOptions ?? {});
  if (driverOption !== undefined) {
    throw new BerthError('unsupported', `endpoint option ${driverOption} is not supported: leave it out`);
  }
  if (entry.addresses === undefined) {
    const wanted = spec.ipv4Address ?? spec.macAddress;
    if (wanted === undefined) return record;
    throw new BerthError('invalid', `network ${entry.name} gives no addresses: ${wanted} can't be asked for`);
  }
  const chosenMac = spec.macAddress === undefined ? undefined : checkMac(spec.macAddress);
  if (chosenMac !== undefined) checkMacIsFree(chosenMac, entry);
  const address = leaseAddress(entry, entry.addresses, spec.ipv4Address);
  const { gateway } = entry.record.ipam.config[0] ?? {};
  return {
    ...record,
    interface: {
      name: freeInterfaceName(sandbox, entry.network.interfacePrefix),
      hostName: `veth${id.slice(0, HOST_NAME_DIGITS)}`,
      macAddress: chosenMac ?? macOf(address),
      address,
      prefixLength: entry.addresses.subnet.length,
      ...(entry.network.isGateway && gateway !== undefined && { gateway }),
    },
  };
}

/** Gives the endpoint's address back. */
export function releaseAddress(entry: NetworkEntry, { address }: EndpointInterface): void {
  const parsed = parseAddress(address);
  if (parsed !== undefined) entry.addresses?.pool.release(parsed.value);
}

function leaseAddress(
  entry: NetworkEntry,
  { subnet, pool }: NonNullable<NetworkEntry['addresses']>,
  wanted: string | undefined,
): string {
  if (wanted === undefined || wanted === '') {
    const value = pool.lease();
    if (value !== undefined) return formatAddress({ family: subnet.family, value });
    const where = `${entry.name} (${formatPrefix(subnet)})`;
    throw new BerthError(
      'exhausted',
      `no available IPv4 addresses on this network's address pools: ${where}`,
      {
        subject: entry.name,
      },
    );
  }
  if (entry.record.predefined) {
    throw new BerthError('invalid', 'user specified IP address is supported on user defined networks only', {
      subject: wanted,
    });
  }
  const address = parseAddress(wanted);
  if (address?.family !== 4) {
    throw new BerthError(
      'invalid',
      `invalid IPv4 address: ${wanted}, it should look like ${exampleIn(subnet.base)}`,
      {
        subject: wanted,
      },
    );
  }
  if (!contains(subnet, address)) {
    throw new BerthError(
      'invalid',
      `no configured subnet contains IP address ${wanted}: network ${entry.name} has ${formatPrefix(subnet)}`,
      { subject: wanted },
    );
  }
  if (!pool.leaseAddress(address.value)) {
    throw new BerthError('conflict', `Address already in use: ${wanted} is ${holderOf(entry, wanted)}`, {
      subject: wanted,
    });
  }
  return wanted;
}

function exampleIn(base: bigint): string {
  return formatAddress({ family: 4, value: base + 2n });
}

function holderOf(entry: NetworkEntry, address: string): string {
  if (entry.record.ipam.config[0]?.gateway === address) return `the gateway's of network ${entry.name}`;
  for (const endpoint of entry.endpoints.values()) {
    if (endpoint.interface?.address === address) return `container ${endpoint.containerName}'s`;
  }
  return `reserved in network ${entry.name}`;
}

function checkMacIsFree(mac: string, entry: NetworkEntry): void {
  for (const endpoint of entry.endpoints.values()) {
    if (endpoint.interface?.macAddress !== mac) continue;
    throw new BerthError(
      'conflict',
      `MAC address ${mac} is container ${endpoint.containerName}'s on network ${entry.name}`,
    );
  }
}

function freeInterfaceName(sandbox: SandboxEntry, prefix: string): string {
  const taken = new Set(sandbox.endpoints.map((endpoint) => endpoint.interface?.name));
  for (let number = 0; ; number += 1) if (!taken.has(`${prefix}${number}`)) return `${prefix}${number}`;
}
