import type { ContainerContext } from './context.js';

/** Publishes that a container came to a network or left it. */
export function publishNetwork(
  { network, events }: Pick<ContainerContext, 'network' | 'events'>,
  networkId: string,
  action: 'connect' | 'disconnect',
  container: string,
): void {
  const found = network.networks().find(({ id }) => id === networkId);
  if (found === undefined) return;
  const attributes = { container, name: found.name, type: found.driver };
  events.publish({ type: 'network', action, actor: { id: found.id, attributes } });
}
