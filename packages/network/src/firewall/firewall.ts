import type { Logger } from '@berth/core';
import { NftSocket, Nftables, isErrno, nftChanges, type NftChange } from '@berth/kernel';
import { asNetlink, type SetElement } from './element.js';
import {
  networkElements,
  portElements,
  serviceElements,
  stationElements,
  type FirewallNetwork,
  type FirewallPort,
  type FirewallService,
  type FirewallStation,
} from './elements.js';
import { foreignChains, foreignWarnings } from './foreign.js';
import { TABLE, ruleset, stationRuleset, type RulesetOptions } from './ruleset.js';

/** What is opened and closed together. */
export interface Openings {
  readonly ports: readonly FirewallPort[];
  readonly services: readonly FirewallService[];
}

/**
 * The host's tables of ours. It knows what should be in them, so that a table that somebody has flushed is written
 * again, whole, at the next change.
 */
export class Firewall {
  readonly #logger: Logger;
  readonly #options: RulesetOptions;
  readonly #nftables: Nftables;
  readonly #socket: NftSocket;
  readonly #networks = new Map<string, FirewallNetwork>();
  readonly #ports = new Map<string, FirewallPort>();
  readonly #services = new Map<string, FirewallService>();
  readonly #stations = new Map<string, FirewallStation>();
  #written = false;

  private constructor(logger: Logger, options: RulesetOptions, nftables: Nftables, socket: NftSocket) {
    this.#logger = logger;
    this.#options = options;
    this.#nftables = nftables;
    this.#socket = socket;
  }

  /**
   * Opens the firewall of this thread's network namespace. Changes are only remembered until {@link write}.
   * To be called while the process has few descriptors open (see `Nftables`).
   */
  static open(logger: Logger, options: RulesetOptions): Firewall {
    const nftables = Nftables.open();
    try {
      return new Firewall(logger, options, nftables, NftSocket.open());
    } catch (error) {
      nftables.close();
      throw error;
    }
  }

  /** Replaces the tables, in one transaction, with what should be in them. */
  write(): void {
    const elements = [
      ...[...this.#networks.values()].flatMap(networkElements),
      ...[...this.#ports.values()].flatMap(portElements),
      ...[...this.#services.values()].flatMap(serviceElements),
    ];
    const stations = [...this.#stations.values()].flatMap(stationElements);
    this.#nftables.run(ruleset(elements, this.#options) + stationRuleset(stations));
    this.#written = true;
  }

  /** Adds a network; one that is there with other properties is replaced. */
  addNetwork(network: FirewallNetwork): void {
    const known = this.#networks.get(network.bridge);
    this.#networks.set(network.bridge, network);
    try {
      this.#commit(replacing(known && networkElements(known), networkElements(network)));
    } catch (error) {
      if (known === undefined) this.#networks.delete(network.bridge);
      else this.#networks.set(network.bridge, known);
      throw error;
    }
  }

  removeNetwork(bridge: string): void {
    const known = this.#networks.get(bridge);
    if (known === undefined) return;
    this.#networks.delete(bridge);
    this.#commit(replacing(networkElements(known), []));
  }

  /** Lets in by a bridge's port what is that station's, and nothing else, from now on. */
  addStation(station: FirewallStation): void {
    const known = this.#stations.get(station.link);
    this.#stations.set(station.link, station);
    try {
      this.#commitStations(replacing(known && stationElements(known), stationElements(station)));
    } catch (error) {
      if (known === undefined) this.#stations.delete(station.link);
      else this.#stations.set(station.link, known);
      throw error;
    }
  }

  /** Forgets a bridge's port; one that isn't known is no error. */
  removeStation(link: string): void {
    const known = this.#stations.get(link);
    if (known === undefined) return;
    this.#stations.delete(link);
    this.#commitStations(replacing(stationElements(known), []));
  }

  /**
   * Closes ports and opens others, all in one transaction or none. Those to be closed that aren't open are no error; a
   * port to be opened that leads somewhere already is led elsewhere.
   */
  change(close: Openings, open: Openings): void {
    const ports = { map: this.#ports, keyOf: portKey, elementsOf: portElements };
    const services = { map: this.#services, keyOf: serviceKey, elementsOf: serviceElements };
    const changed = [move(ports, close.ports, open.ports), move(services, close.services, open.services)];
    try {
      this.#commit({
        remove: changed.flatMap(({ removed }) => removed),
        add: changed.flatMap(({ added }) => added),
      });
    } catch (error) {
      for (const { undo } of changed) undo();
      throw error;
    }
  }

  /** What other tables of the host stop, in words, with the rule that would let Berth's traffic pass. */
  foreignWarnings(): string[] {
    return foreignWarnings(foreignChains(this.#nftables), this.#options.coexist);
  }

  /** Removes the tables. */
  remove(): void {
    this.#written = false;
    const drop = (family: string) => `add table ${family} ${TABLE}\ndelete table ${family} ${TABLE}\n`;
    this.#nftables.run(drop('inet') + drop('bridge'));
  }

  close(): void {
    this.#socket.close();
    this.#nftables.close();
  }

  #commit({ remove, add }: Exchange): void {
    this.#send([
      ...asNetlink('inet', TABLE, remove).flatMap(nftChanges.deleteElements),
      ...asNetlink('inet', TABLE, add).flatMap(nftChanges.addElements),
    ]);
  }

  #commitStations({ remove, add }: Exchange): void {
    this.#send([
      ...asNetlink('bridge', TABLE, remove).flatMap(nftChanges.deleteElements),
      ...asNetlink('bridge', TABLE, add).flatMap(nftChanges.addElements),
    ]);
  }

  #send(changes: readonly NftChange[]): void {
    if (!this.#written) return;
    try {
      this.#socket.commit(changes);
    } catch (error) {
      if (!isErrno(error, 'ENOENT', 'EEXIST')) throw error;
      this.#logger.warn('the firewall table was changed by somebody else: writing it again', { error });
      this.write();
    }
  }
}

/** Elements to take away and elements to add. */
interface Exchange {
  readonly remove: readonly SetElement[];
  readonly add: readonly SetElement[];
}

function replacing(before: readonly SetElement[] | undefined, after: readonly SetElement[]): Exchange {
  return { remove: before ?? [], add: after };
}

interface Kind<T> {
  readonly map: Map<string, T>;
  readonly keyOf: (item: T) => string;
  readonly elementsOf: (item: T) => SetElement[];
}

/** Brings what is known to what it shall be, and tells which elements that takes and how to take it back. */
function move<T>({ map, keyOf, elementsOf }: Kind<T>, close: readonly T[], open: readonly T[]) {
  const before = new Map(map);
  const gone = [...close, ...open].map(keyOf).flatMap((key) => {
    const known = map.get(key);
    map.delete(key);
    return known === undefined ? [] : [known];
  });
  for (const item of open) map.set(keyOf(item), item);
  const undo = () => {
    map.clear();
    for (const [key, item] of before) map.set(key, item);
  };
  return { removed: gone.flatMap(elementsOf), added: open.flatMap(elementsOf), undo };
}

function portKey({ protocol, hostAddress = '*', hostPort, count, address }: FirewallPort): string {
  return `${address.includes(':') ? 6 : 4} ${protocol} ${hostAddress} ${hostPort}+${count}`;
}

function serviceKey({ protocol, address, port, count }: FirewallService): string {
  return `${protocol} ${address} ${port}+${count}`;
}
