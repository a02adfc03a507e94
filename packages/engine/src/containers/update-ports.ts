import type { PortSpec } from '@berth/network';
import { BerthError } from '@berth/core';
import { mergePorts } from '../ports/runs.js';
import { publish, type ContainerContext } from './context.js';
import { exposedBy, portsOf, sharedContainer } from './network-mode.js';
import { asSandboxId } from './snapshot.js';
import type { ContainerRecord } from './table.js';

/**
 * Replaces the published ports of a container: at once while it runs, and for its later starts. Those that stay are not
 * interrupted.
 *
 * @throws BerthError `conflict` where a port is taken; they are as before then
 */
export async function updatePorts(
  context: ContainerContext,
  record: ContainerRecord,
  portBindings: readonly PortSpec[],
): Promise<void> {
  const { table, network } = context;
  if (sharedContainer(record.networkMode) !== undefined || ['host', 'none'].includes(record.networkMode)) {
    throw new BerthError(
      'conflict',
      `container ${record.name} has no network of its own (${record.networkMode}): it publishes no ports`,
    );
  }
  const spec = {
    ...record.spec,
    host: { ...record.spec.host, portBindings: [...portBindings] },
    exposedPorts: mergePorts(record.spec.exposedPorts, exposedBy(portBindings)),
  };
  if (['running', 'paused'].includes(record.state.status))
    await network.updatePorts(asSandboxId(record.id), portsOf(spec));
  publish(context, table.update(record.id, { spec }), 'update');
}
