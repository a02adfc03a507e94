import { RouteSocket, isErrno, routeRequests } from '@berth/kernel';
import type { FirewallPort } from '../firewall/ruleset.js';
import { ANY_ADDRESS } from '../ports/reservations.js';
import type { EndpointRecord } from '../records.js';
import type { ManagerContext } from './context.js';
import type { SandboxEntry } from './state.js';

/** The endpoint that should hold the default route and the published ports: the first that can. */
export function gatewayOf({ state }: ManagerContext, sandbox: SandboxEntry): EndpointRecord | undefined {
  return sandbox.endpoints.find(
    (endpoint) =>
      endpoint.interface !== undefined && state.networks.get(endpoint.networkId)?.network.isGateway,
  );
}

/** The published ports of a sandbox, leading to one of its endpoints. */
export function portsTo({ record }: SandboxEntry, endpoint: EndpointRecord): FirewallPort[] {
  const address = endpoint.interface?.address;
  if (address === undefined) return [];
  return record.ports.map(({ protocol, containerPort, hostAddress, hostPort }) => ({
    protocol,
    ...(hostAddress !== ANY_ADDRESS && { hostAddress }),
    hostPort,
    address,
    port: containerPort,
  }));
}

/**
 * After an endpoint has gone: gives the default route and the published ports to the one that should hold them now,
 * in a sandbox that goes on.
 */
export function moveGateway(context: ManagerContext, sandbox: SandboxEntry): void {
  const next = gatewayOf(context, sandbox);
  sandbox.gateway = next?.id;
  if (next?.interface === undefined) return;
  const { gateway, name } = next.interface;
  using namespace = context.namespaces.open(sandbox.record.id);
  using inside = RouteSocket.open(namespace);
  const index = inside.link(name)?.index;
  if (gateway !== undefined && index !== undefined) inside.run(routeRequests.replace({ gateway, index }));
  context.host.firewall.publish(portsTo(sandbox, next));
}

/** Takes the default route of an endpoint away that is about to go; a sandbox that has none is no error. */
export function dropDefaultRoute(context: ManagerContext, endpoint: EndpointRecord): void {
  const gateway = endpoint.interface?.gateway;
  if (gateway === undefined || !context.namespaces.isAlive(endpoint.sandboxId)) return;
  using namespace = context.namespaces.open(endpoint.sandboxId);
  using inside = RouteSocket.open(namespace);
  try {
    inside.run(routeRequests.delete({ gateway }));
  } catch (error) {
    if (!isErrno(error, 'ESRCH')) throw error;
  }
}
