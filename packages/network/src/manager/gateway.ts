import { isIPv6 } from 'node:net';
import { RouteSocket, isErrno, routeRequests } from '@berth/kernel';
import { defaultRoute } from '../drivers/sandbox-interface.js';
import type { FirewallPort, FirewallService } from '../firewall/elements.js';
import type { Openings } from '../firewall/firewall.js';
import { isAnyAddress } from '../ports/bindings.js';
import type { EndpointRecord } from '../records.js';
import type { ManagerContext } from './context.js';
import type { Gateways, SandboxEntry } from './state.js';

export type FamilyName = 'ipv4' | 'ipv6';
const FAMILIES = ['ipv4', 'ipv6'] as const;

/**
 * The endpoints that should hold the default routes and the published ports: of those that lead out of their network,
 * that with the highest gateway priority, and among equals the one that was connected first.
 */
export function gatewaysOf({ state }: ManagerContext, sandbox: SandboxEntry): Gateways {
  const best = (family: FamilyName) => {
    const leading = sandbox.endpoints.filter(
      (endpoint) =>
        endpoint.interface?.[family] !== undefined &&
        state.networks.get(endpoint.networkId)?.network.isGateway[family] === true,
    );
    const highest = Math.max(...leading.map(({ gatewayPriority }) => gatewayPriority));
    return leading.find(({ gatewayPriority }) => gatewayPriority === highest)?.id;
  };
  const [ipv4, ipv6] = [best('ipv4'), best('ipv6')];
  return { ...(ipv4 !== undefined && { ipv4 }), ...(ipv6 !== undefined && { ipv6 }) };
}

/** What a sandbox's published ports open while those endpoints are its gateways. */
export function openingsOf({ state }: ManagerContext, sandbox: SandboxEntry, gateways: Gateways): Openings {
  const ports: FirewallPort[] = [];
  const services = new Map<string, FirewallService>();
  for (const family of FAMILIES) {
    const endpoint = sandbox.endpoints.find(({ id }) => id === gateways[family]);
    const address = endpoint?.interface?.[family]?.address;
    const network = endpoint && state.networks.get(endpoint.networkId)?.network;
    if (address === undefined || network === undefined) continue;
    for (const { protocol, containerPort: port, hostAddress, hostPort, count } of sandbox.record.ports) {
      const service = { address, protocol, port, count };
      if (network.opensServices) services.set(JSON.stringify(service), service);
      const ofFamily = hostAddress !== '' && isIPv6(hostAddress) === (family === 'ipv6');
      if (network.publishing[family] !== 'nat' || !ofFamily) continue;
      ports.push({ ...service, hostPort, ...(!isAnyAddress(hostAddress) && { hostAddress }) });
    }
  }
  return { ports, services: [...services.values()] };
}

/** Whether two sets of gateways are the same. */
function same(one: Gateways, other: Gateways): boolean {
  return one.ipv4 === other.ipv4 && one.ipv6 === other.ipv6;
}

/**
 * Gives the default routes and the published ports to the endpoints that should hold them now, after one has come, gone
 * or changed.
 *
 * @param before what was open under the earlier gateways
 */
export function settleGateways(context: ManagerContext, sandbox: SandboxEntry, before: Openings): void {
  const next = gatewaysOf(context, sandbox);
  if (!same(next, sandbox.gateways)) {
    setDefaultRoutes(context, sandbox, next);
    sandbox.gateways = next;
  }
  context.host.firewall.change(before, openingsOf(context, sandbox, next));
}

/** Makes the default routes anew, after an endpoint that had taken them over has gone again. */
export function renewDefaultRoutes(context: ManagerContext, sandbox: SandboxEntry): void {
  const { gateways } = sandbox;
  setDefaultRoutes(context, { ...sandbox, gateways: {} }, gateways);
}

/** Makes the kernel's default routes those of the gateways. */
function setDefaultRoutes(context: ManagerContext, sandbox: SandboxEntry, next: Gateways): void {
  const { record, gateways } = sandbox;
  if (record.kind !== 'private' || !context.namespaces.isAlive(record.id)) return;
  using namespace = context.namespaces.open(record.id);
  using inside = RouteSocket.open(namespace);
  for (const family of FAMILIES) {
    if (next[family] === gateways[family]) continue;
    const endpoint = sandbox.endpoints.find(({ id }) => id === next[family]);
    if (endpoint === undefined) dropDefaultRoute(inside, family);
    else replaceDefaultRoute(inside, endpoint, family);
  }
}

function replaceDefaultRoute(inside: RouteSocket, endpoint: EndpointRecord, family: FamilyName): void {
  const { name, [family]: address } = endpoint.interface ?? {};
  const index = name === undefined ? undefined : inside.link(name)?.index;
  const route = address && index !== undefined ? defaultRoute(address, index) : undefined;
  if (route === undefined) return;
  // In IPv6 a route by another gateway is another route: it would stay beside the new one.
  if (family === 'ipv6') dropDefaultRoute(inside, family);
  inside.run(routeRequests.replace(route));
}

function dropDefaultRoute(inside: RouteSocket, family: FamilyName): void {
  const wanted = family === 'ipv4' ? 'inet' : 'inet6';
  for (const route of inside.routes({ family: wanted, table: MAIN_TABLE })) {
    if (route.destination !== undefined || route.outputIndex === undefined) continue;
    try {
      inside.run(
        routeRequests.delete({
          family: wanted,
          index: route.outputIndex,
          ...(route.gateway !== undefined && { gateway: route.gateway }),
        }),
      );
    } catch (error) {
      if (!isErrno(error, 'ESRCH')) throw error;
    }
  }
}

/** RT_TABLE_MAIN (include/uapi/linux/rtnetlink.h). */
const MAIN_TABLE = 254;
