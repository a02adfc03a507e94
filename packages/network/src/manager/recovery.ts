import { toError } from '@berth/core';
import { OWNER_PREFIX } from '../drivers/driver.js';
import type { EndpointRecord } from '../records.js';
import type { ManagerContext } from './context.js';
import { gatewaysOf, openingsOf } from './gateway.js';
import type { Names } from './names.js';
import type { SandboxEntry } from './state.js';

/** Knows the stored sandboxes and endpoints again; those whose namespace has gone (a reboot) are dropped. */
export function loadSandboxes(context: ManagerContext): void {
  const { state, namespaces, options } = context;
  for (const [, record] of state.storedSandboxes.entries()) {
    if (record.kind === 'private' && !namespaces.isAlive(record.id)) {
      options.logger.info('a sandbox has gone', { sandbox: record.id });
      state.storedSandboxes.delete(record.id);
      continue;
    }
    state.sandboxes.set(record.id, { record, endpoints: [], gateways: {}, nameService: false });
  }
  const stored = state.storedEndpoints.entries().map(([, record]) => record);
  for (const record of stored.sort((one, other) => one.sequence - other.sequence)) {
    const entry = state.networks.get(record.networkId);
    if (entry === undefined || !state.sandboxes.has(record.sandboxId)) {
      state.storedEndpoints.delete(record.id);
      continue;
    }
    state.setEndpoint(record);
    const { ipv4, ipv6 } = record.interface ?? {};
    for (const one of [ipv4, ipv6]) {
      if (one === undefined) continue;
      entry.addresses?.leaseAddress(one.address, record.sandboxId);
      entry.addresses?.continueAfter(one.address);
    }
  }
}

/**
 * Brings the kernel into line with what there shall be, whatever it is like: makes what is missing, removes what is
 * ours and unwanted. What fails is logged and costs nothing else.
 */
export async function converge(context: ManagerContext, names: Names): Promise<void> {
  const { state, host, namespaces, options } = context;
  const { logger } = options;
  const attempt = async (what: string, subject: string, job: () => Promise<void> | void) => {
    try {
      await job();
    } catch (error) {
      logger.error(`recovery: ${what} failed`, { subject, error: toError(error) });
    }
  };
  for (const entry of state.networks.values()) {
    await attempt('create network', entry.name, () => entry.network.create());
  }
  await removeUnwantedLinks(context, attempt);
  namespaces.removeOthers(state.sandboxes.keys());
  for (const sandbox of state.sandboxes.values()) {
    sandbox.gateways = gatewaysOf(context, sandbox);
    for (const endpoint of sandbox.endpoints) {
      await attempt('attach', endpoint.containerName, () => restore(context, names, sandbox, endpoint));
    }
    await attempt('reserve ports', sandbox.record.id, () => {
      const { id, ports } = sandbox.record;
      host.firewall.change({ ports: [], services: [] }, openingsOf(context, sandbox, sandbox.gateways));
      context.ports.restore(id, ports);
    });
    const served = sandbox.endpoints.some(({ networkId }) => {
      const entry = state.networks.get(networkId);
      return entry !== undefined && names.needed(entry);
    });
    if (served) await attempt('open name service', sandbox.record.id, () => names.open(sandbox));
  }
  host.firewall.write();
}

function restore(
  context: ManagerContext,
  names: Names,
  sandbox: SandboxEntry,
  endpoint: EndpointRecord,
): void {
  const entry = context.state.networks.get(endpoint.networkId);
  if (entry === undefined) return;
  using namespace =
    sandbox.record.kind === 'private' ? context.namespaces.open(sandbox.record.id) : undefined;
  entry.network.restore({
    endpoint,
    namespace,
    defaultRoute: {
      ipv4: sandbox.gateways.ipv4 === endpoint.id,
      ipv6: sandbox.gateways.ipv6 === endpoint.id,
    },
  });
  if (names.serves(entry)) names.set(entry, endpoint);
}

async function removeUnwantedLinks(
  { state, host }: ManagerContext,
  attempt: (what: string, subject: string, job: () => Promise<void>) => Promise<void>,
): Promise<void> {
  const wanted = new Set<string>(state.networks.keys());
  for (const { endpoints } of state.networks.values()) for (const id of endpoints.keys()) wanted.add(id);
  const unwanted = host.routes.links({ statistics: false }).filter(({ alias }) => {
    return alias?.startsWith(OWNER_PREFIX) === true && !wanted.has(alias.slice(OWNER_PREFIX.length));
  });
  await Promise.all(unwanted.map(({ name }) => attempt('remove link', name, () => host.reaper.reap(name))));
}
