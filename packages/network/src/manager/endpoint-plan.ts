import { BerthError, newId } from '@berth/core';
import { formatAddress, formatPrefix, parseAddress, type Family } from '../ipam/address.js';
import { checkMac, macOf, macOfId } from '../ipam/mac.js';
import type { NetworkAddresses } from '../ipam/network-addresses.js';
import type { EndpointAddress, EndpointId, EndpointSpec } from '../model.js';
import type { EndpointInterface, EndpointRecord } from '../records.js';
import { endpointOptions } from './endpoint-options.js';
import type { NetworkEntry, NetworkState, SandboxEntry } from './state.js';

/** Hex digits of a host interface's name, after `veth`. */
const HOST_NAME_DIGITS = 7;

/**
 * Refuses what can't be: a second endpoint on one network, the host's network for a private sandbox, …
 *
 * @throws BerthError `forbidden`
 */
export function checkAttachment(
  sandbox: SandboxEntry,
  entry: NetworkEntry,
  networks: NetworkState['networks'],
): void {
  const { kind } = sandbox.record;
  const forbidden = (text: string) => new BerthError('forbidden', text, { subject: entry.name });
  if (entry.record.configOnly)
    throw forbidden(`cannot connect to network ${entry.name}: it is a configuration for other networks`);
  if (sandbox.endpoints.some(({ networkId }) => networkId === entry.id))
    throw forbidden(`endpoint already exists in network ${entry.name}`);
  if (kind !== entry.driver.sandboxKind)
    throw forbidden('container cannot be disconnected from host network or connected to host network');
  const others = sandbox.endpoints.map(({ networkId }) => networks.get(networkId)?.driver);
  const isNull = (driver: NetworkEntry['driver'] | undefined) => driver?.name === 'null';
  if (others.length > 0 && (isNull(entry.driver) || others.some(isNull))) {
    throw forbidden(
      'container cannot be connected to multiple networks with one of the networks in private (none) mode',
    );
  }
}

/**
 * Leases addresses and gives names: what the endpoint shall be.
 *
 * @throws BerthError `invalid`, `conflict`, `exhausted`, `unsupported`; nothing is leased then
 */
export function planEndpoint(
  sandbox: SandboxEntry,
  entry: NetworkEntry,
  spec: EndpointSpec,
  sequence: number,
): EndpointRecord {
  const id = newId<EndpointId>();
  const { containerName, names, links = {}, gatewayPriority = 0 } = spec;
  const sandboxId = sandbox.record.id;
  const record = {
    id,
    networkId: entry.id,
    sandboxId,
    sequence,
    containerName,
    names,
    links,
    gatewayPriority,
  };
  const { interfaceName, sysctls } = endpointOptions(spec.driverOptions ?? {});
  const { addresses } = entry;
  if (addresses === undefined) {
    const wanted = spec.ipv4Address ?? spec.ipv6Address ?? spec.macAddress ?? spec.linkLocalAddresses?.[0];
    if (wanted === undefined) return record;
    throw new BerthError('invalid', `network ${entry.name} gives no addresses: ${wanted} can't be asked for`);
  }
  const chosenMac = spec.macAddress === undefined ? undefined : checkMac(spec.macAddress);
  if (chosenMac !== undefined) checkMacIsFree(chosenMac, entry);
  const linkLocalAddresses = (spec.linkLocalAddresses ?? []).map(checkLinkLocal);
  const name = freeInterfaceName(sandbox, entry.network.interfacePrefix, interfaceName);
  const leased = leaseAddresses(entry, addresses, spec, sandboxId);
  return {
    ...record,
    interface: {
      name,
      hostName: `veth${id.slice(0, HOST_NAME_DIGITS)}`,
      macAddress: chosenMac ?? macFor(spec, leased, id),
      ...leased,
      linkLocalAddresses,
      sysctls,
    },
  };
}

/**
 * The hardware address goes with the address that is the endpoint's at every start: its neighbours remember the two
 * together, and would send to the old one after a restart.
 */
function macFor(spec: EndpointSpec, { ipv4, ipv6 }: Leased, id: string): string {
  const fixedByIPv6 = spec.ipv6Address !== undefined && spec.ipv4Address === undefined;
  if (ipv6 !== undefined && (ipv4 === undefined || fixedByIPv6)) return macOfId(ipv6.address);
  return ipv4 === undefined ? macOfId(id) : macOf(ipv4.address);
}

/** Gives the endpoint's addresses back; those that are reserved stay with their owner. */
export function releaseAddresses(entry: NetworkEntry, { ipv4, ipv6 }: Leased): void {
  for (const leased of [ipv4, ipv6]) if (leased !== undefined) entry.addresses?.release(leased.address);
}

/**
 * Checks an address that is asked for by name, and gives its usual text.
 *
 * @throws BerthError `invalid`
 */
export function checkWantedAddress(entry: NetworkEntry, family: Family, wanted: string): string {
  const { record, addresses } = entry;
  if (record.predefined) {
    throw new BerthError('invalid', 'user specified IP address is supported on user defined networks only', {
      subject: wanted,
    });
  }
  const prefixes = addresses?.prefixes(family) ?? [];
  const example =
    prefixes[0] === undefined ? 'nothing' : formatAddress({ family, value: prefixes[0].base + 2n });
  const address = parseAddress(wanted);
  if (address?.family !== family) {
    throw new BerthError(
      'invalid',
      `invalid IPv${family} address: ${wanted}, it should look like ${example}`,
      {
        subject: wanted,
      },
    );
  }
  return formatAddress(address);
}

/** Says why an address can't be had. */
export function addressRefusal(entry: NetworkEntry, family: Family, wanted: string, why: string): BerthError {
  const prefixes = (entry.addresses?.prefixes(family) ?? []).map(formatPrefix);
  if (why !== 'taken') {
    const has = prefixes.length === 0 ? `no IPv${family} subnet` : prefixes.join(' and ');
    return new BerthError(
      'invalid',
      `no configured subnet contains IP address ${wanted}: network ${entry.name} has ${has}`,
      { subject: wanted },
    );
  }
  return new BerthError('conflict', `Address already in use: ${wanted} is ${holderOf(entry, wanted)}`, {
    subject: wanted,
  });
}

type Leased = Pick<EndpointInterface, 'ipv4' | 'ipv6'>;

function leaseAddresses(
  entry: NetworkEntry,
  addresses: NetworkAddresses,
  spec: EndpointSpec,
  owner: string,
): Leased {
  const ipv4 = leaseAddress(entry, addresses, 4, spec.ipv4Address, owner);
  try {
    const ipv6 = leaseAddress(entry, addresses, 6, spec.ipv6Address, owner);
    return { ...(ipv4 && { ipv4 }), ...(ipv6 && { ipv6 }) };
  } catch (error) {
    releaseAddresses(entry, { ...(ipv4 && { ipv4 }) });
    throw error;
  }
}

function leaseAddress(
  entry: NetworkEntry,
  addresses: NetworkAddresses,
  family: Family,
  wanted: string | undefined,
  owner: string,
): EndpointAddress | undefined {
  const { record, name } = entry;
  const enabled = family === 4 ? record.enableIPv4 : record.enableIPv6;
  const asked = wanted !== undefined && wanted !== '';
  if (!enabled) {
    if (asked) throw addressRefusal(entry, family, wanted, 'outside');
    return undefined;
  }
  const leased = asked
    ? addresses.leaseAddress(checkWantedAddress(entry, family, wanted), owner)
    : addresses.lease(family);
  if (typeof leased === 'string') throw addressRefusal(entry, family, wanted ?? '', leased);
  if (leased === undefined) {
    const where = `${name} (${addresses.prefixes(family).map(formatPrefix).join(', ')})`;
    throw new BerthError(
      'exhausted',
      `no available IPv${family} addresses on this network's address pools: ${where}`,
      { subject: name },
    );
  }
  return leading(entry, family === 4 ? 'ipv4' : 'ipv6', leased);
}

/** An address with its subnet's gateway, where the network leads out of it. */
export function leading(
  entry: NetworkEntry,
  family: 'ipv4' | 'ipv6',
  { address, prefixLength }: EndpointAddress,
): EndpointAddress {
  const gateway = entry.network.isGateway[family] ? entry.addresses?.gatewayFor(address) : undefined;
  return { address, prefixLength, ...(gateway !== undefined && { gateway }) };
}

function holderOf(entry: NetworkEntry, address: string): string {
  if (entry.record.ipam.config.some(({ gateway }) => gateway === address))
    return `the gateway's of network ${entry.name}`;
  for (const endpoint of entry.endpoints.values()) {
    const { ipv4, ipv6 } = endpoint.interface ?? {};
    if (ipv4?.address === address || ipv6?.address === address)
      return `container ${endpoint.containerName}'s`;
  }
  const owner = entry.addresses?.reservedFor(address);
  if (owner !== undefined) return `reserved for container ${owner.slice(0, 12)} in network ${entry.name}`;
  return `reserved in network ${entry.name}`;
}

/** 169.254.0.0/16 (RFC 3927) and fe80::/10 (RFC 4291, section 2.4). */
function checkLinkLocal(text: string): string {
  const address = parseAddress(text);
  const right =
    address?.family === 4 ? address.value >> 16n === 0xa9fen : (address?.value ?? 0n) >> 118n === 0x3fan;
  if (address !== undefined && right) return formatAddress(address);
  throw new BerthError(
    'invalid',
    `invalid link-local address ${text}: it should be one of 169.254.0.0/16 or fe80::/10`,
    { subject: text },
  );
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

function freeInterfaceName(sandbox: SandboxEntry, prefix: string, wanted: string | undefined): string {
  const taken = new Set(['lo', ...sandbox.endpoints.map((endpoint) => endpoint.interface?.name)]);
  if (wanted !== undefined) {
    if (!taken.has(wanted)) return wanted;
    throw new BerthError('conflict', `interface name ${wanted} is taken in this container`, {
      subject: wanted,
    });
  }
  for (let number = 0; ; number += 1) if (!taken.has(`${prefix}${number}`)) return `${prefix}${number}`;
}
