import type { Logger } from '@berth/core';
import { NftSocket, Nftables, isErrno, nftChanges, type NftElements } from '@berth/kernel';
import { networkElements, portElements } from './elements.js';
import { TABLE, ruleset, type FirewallNetwork, type FirewallPort } from './ruleset.js';

/**
 * The host's table of ours. It knows what should be in it, so that a table that somebody has flushed is written
 * again, whole, at the next change.
 */
export class Firewall {
  readonly #logger: Logger;
  readonly #nftables: Nftables;
  readonly #socket: NftSocket;
  readonly #networks = new Map<string, FirewallNetwork>();
  readonly #ports = new Map<string, FirewallPort>();
  #written = false;

  private constructor(logger: Logger, nftables: Nftables, socket: NftSocket) {
    this.#logger = logger;
    this.#nftables = nftables;
    this.#socket = socket;
  }

  /**
   * Opens the firewall of this thread's network namespace. Changes are only remembered until {@link write}.
   * To be called while the process has few descriptors open (see `Nftables`).
   */
  static open(logger: Logger): Firewall {
    const nftables = Nftables.open();
    try {
      return new Firewall(logger, nftables, NftSocket.open());
    } catch (error) {
      nftables.close();
      throw error;
    }
  }

  /** Replaces the table, in one transaction, with what should be in it. */
  write(): void {
    this.#nftables.run(ruleset([...this.#networks.values()], [...this.#ports.values()]));
    this.#written = true;
  }

  /** Adds a network; one that is there with other properties is replaced. */
  addNetwork(network: FirewallNetwork): void {
    const known = this.#networks.get(network.bridge);
    this.#networks.set(network.bridge, network);
    try {
      this.#commit(known === undefined ? [] : networkElements(known), networkElements(network));
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
    this.#commit(networkElements(known), []);
  }

  /** Opens ports, all or none. A port that leads somewhere already is led elsewhere. */
  publish(ports: readonly FirewallPort[]): void {
    const replaced = ports.flatMap((port) => this.#ports.get(keyOf(port)) ?? []);
    for (const port of ports) this.#ports.set(keyOf(port), port);
    try {
      this.#commit(portElements(replaced), portElements(ports));
    } catch (error) {
      for (const port of ports) this.#ports.delete(keyOf(port));
      for (const port of replaced) this.#ports.set(keyOf(port), port);
      throw error;
    }
  }

  /** Closes ports, all or none; those that aren't open are no error. */
  unpublish(ports: readonly FirewallPort[]): void {
    const known = ports.flatMap((port) => this.#ports.get(keyOf(port)) ?? []);
    for (const port of known) this.#ports.delete(keyOf(port));
    this.#commit(portElements(known), []);
  }

  /** Removes the table. */
  remove(): void {
    this.#written = false;
    this.#nftables.run(`add table inet ${TABLE}\ndelete table inet ${TABLE}`);
  }

  close(): void {
    this.#socket.close();
    this.#nftables.close();
  }

  #commit(remove: readonly NftElements[], add: readonly NftElements[]): void {
    if (!this.#written) return;
    try {
      this.#socket.commit([
        ...remove.flatMap((elements) => nftChanges.deleteElements(elements)),
        ...add.flatMap((elements) => nftChanges.addElements(elements)),
      ]);
    } catch (error) {
      if (!isErrno(error, 'ENOENT', 'EEXIST')) throw error;
      this.#logger.warn('the firewall table was changed by somebody else: writing it again', { error });
      this.write();
    }
  }
}

function keyOf({ protocol, hostAddress = '*', hostPort }: FirewallPort): string {
  return `${protocol} ${hostAddress} ${hostPort}`;
}
