import { RouteMonitor } from '@berth/kernel';
import { toError } from '@berth/core';
import type { ManagerContext } from './context.js';
import { hostRoutes, leastUplinkMtu, overlappingRoutes } from './host-routes.js';
import type { NetworkEntry } from './state.js';

/** Milliseconds in which several changes of the host's routes are taken for one. */
const SETTLE_MS = 100;

/** Follows the host's links and routes: which MTU leads out, and which routes get in the way of our networks. */
export class HostWatch {
  readonly #context: ManagerContext;
  readonly #onMtu: () => void;
  #monitor: RouteMonitor | undefined;
  #timer: NodeJS.Timeout | undefined;
  #mtu: number | undefined;

  /** @param onMtu called when the least MTU of the ways out has changed */
  constructor(context: ManagerContext, onMtu: () => void) {
    this.#context = context;
    this.#onMtu = onMtu;
    this.#mtu = leastUplinkMtu(context.host.routes);
  }

  /** Bytes; undefined where the host has no way out. */
  get mtu(): number | undefined {
    return this.#mtu;
  }

  start(): void {
    this.#monitor = RouteMonitor.open(() => {
      this.#timer ??= setTimeout(() => {
        this.#timer = undefined;
        this.#look();
      }, SETTLE_MS);
    });
    for (const entry of this.#context.state.networks.values()) this.look(entry);
  }

  /** Finds the routes that overlap a network, as they are now. */
  look(entry: NetworkEntry, routes = hostRoutes(this.#context.host.routes)): void {
    const { addresses, record, driver } = entry;
    const subnets = [...(addresses?.prefixes(4) ?? []), ...(addresses?.prefixes(6) ?? [])];
    const found = record.configOnly || driver.sharesSubnets ? [] : overlappingRoutes(subnets, routes);
    if (found.join() === entry.overlaps.join()) return;
    entry.overlaps = found;
    const { options } = this.#context;
    if (found.length > 0)
      options.logger.warn('routes of the host overlap a network', {
        network: entry.name,
        routes: found.join(', '),
      });
    options.onOverlap?.(entry.id, found);
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#monitor?.close();
  }

  #look(): void {
    const { host, state, options } = this.#context;
    try {
      const mtu = leastUplinkMtu(host.routes);
      if (mtu !== this.#mtu) {
        options.logger.info('the MTU of the ways out has changed', { from: this.#mtu, to: mtu });
        this.#mtu = mtu;
        this.#onMtu();
      }
      const routes = hostRoutes(host.routes);
      for (const entry of state.networks.values()) this.look(entry, routes);
    } catch (error) {
      options.logger.error('cannot follow the routes of the host', { error: toError(error) });
    }
  }
}
