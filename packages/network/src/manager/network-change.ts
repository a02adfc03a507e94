import { isIP } from 'node:net';
import { BerthError, toError } from '@berth/core';
import { ANTI_SPOOFING, ENABLE_ICC } from '../drivers/bridge/index.js';
import { MTU } from '../drivers/option-values.js';
import type { NetworkChange } from '../model.js';
import type { EndpointRecord, NetworkRecord } from '../records.js';
import type { ManagerContext } from './context.js';
import { leading } from './endpoint-plan.js';
import { openingsOf, settleGateways } from './gateway.js';
import type { Names } from './names.js';
import type { Networks } from './networks.js';
import type { NetworkEntry } from './state.js';

/** Options that can be changed while containers are on the network. */
const CHANGEABLE: readonly string[] = [MTU, ENABLE_ICC, ANTI_SPOOFING];

/**
 * Changes a network that is there, with all that are on it, without interrupting them.
 *
 * @throws BerthError `invalid`, `forbidden`; the network is as before then
 */
export function changeNetwork(
  context: ManagerContext,
  networks: Networks,
  names: Names,
  entry: NetworkEntry,
  change: NetworkChange,
): void {
  const { state } = context;
  const before = { record: entry.record, network: entry.network };
  const record = changedRecord(entry.record, change);
  const { network } = networks.open(record);
  const apply = (next: typeof before) => applyNetwork(context, names, entry, next);
  try {
    apply({ record, network });
    state.storedNetworks.put(record.id, record);
    // Connections that were let pass would go on.
    if (record.internal && !before.record.internal)
      for (const endpoint of entry.endpoints.values()) void context.connections.forgetQuietly(endpoint);
  } catch (error) {
    try {
      apply(before);
    } catch (undoError) {
      context.options.logger.error('cannot undo the change of a network', {
        network: entry.name,
        error: toError(undoError),
      });
    }
    throw error;
  }
}

/**
 * Brings the kernel to what a network and its endpoints are now.
 *
 * @param next what the network is to be
 */
export function applyNetwork(
  context: ManagerContext,
  names: Names,
  entry: NetworkEntry,
  next: Pick<NetworkEntry, 'record' | 'network'> = entry,
): void {
  const { state, namespaces } = context;
  const affected = [...entry.endpoints.values()].flatMap((endpoint) => {
    const sandbox = state.sandboxes.get(endpoint.sandboxId);
    // What is open under the network as it has been so far, before that is another.
    if (sandbox === undefined) return [];
    return [{ endpoint, sandbox, before: openingsOf(context, sandbox, sandbox.gateways) }];
  });
  entry.record = next.record;
  entry.network = next.network;
  entry.network.create();
  for (const { endpoint, sandbox, before } of affected) {
    const renewed = withGateways(entry, endpoint);
    state.setEndpoint(renewed);
    if (sandbox.record.kind === 'private' && namespaces.isAlive(sandbox.record.id)) {
      using namespace = namespaces.open(sandbox.record.id);
      entry.network.restore({ endpoint: renewed, namespace, defaultRoute: { ipv4: false, ipv6: false } });
    }
    settleGateways(context, sandbox, before);
    names.refresh(sandbox);
  }
}

/** The endpoint with the ways out that its network has now. */
function withGateways(entry: NetworkEntry, endpoint: EndpointRecord): EndpointRecord {
  const { interface: own } = endpoint;
  if (own === undefined) return endpoint;
  const { ipv4, ipv6, ...rest } = own;
  return {
    ...endpoint,
    interface: {
      ...rest,
      ...(ipv4 && { ipv4: leading(entry, 'ipv4', ipv4) }),
      ...(ipv6 && { ipv6: leading(entry, 'ipv6', ipv6) }),
    },
  };
}

function changedRecord(
  record: NetworkRecord,
  { labels, options, internal, dns }: NetworkChange,
): NetworkRecord {
  const { name } = record;
  if (record.predefined && internal !== undefined) {
    throw new BerthError('forbidden', `${name} is a pre-defined network: it can't be made internal`, {
      subject: name,
    });
  }
  for (const option of Object.keys(options ?? {})) {
    if (CHANGEABLE.includes(option)) continue;
    throw new BerthError(
      'invalid',
      `option ${option} can't be changed while the network is there: ${CHANGEABLE.join(', ')} can`,
      { subject: option },
    );
  }
  for (const server of dns ?? []) {
    if (isIP(server) !== 0) continue;
    throw new BerthError('invalid', `invalid name server ${server}: it should be an IP address`, {
      subject: server,
    });
  }
  return {
    ...record,
    labels: merge(record.labels, labels),
    options: merge(record.options, options),
    internal: internal ?? record.internal,
    dns: dns === undefined ? record.dns : [...dns],
  };
}

function merge(
  before: Readonly<Record<string, string>>,
  change: Readonly<Record<string, string | null>> = {},
): Record<string, string> {
  const entries = Object.entries({ ...before, ...change });
  return Object.fromEntries(entries.filter((pair): pair is [string, string] => pair[1] !== null));
}
