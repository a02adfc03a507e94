import { isIPv6 } from 'node:net';
import { BerthError, toError, type Logger } from '@berth/core';
import { ConntrackSocket, type ConntrackEntry } from '@berth/kernel';
import type { FirewallPort } from '../firewall/elements.js';
import type { EndpointRecord } from '../records.js';

/** The kernel's tracked connections, of which none may outlive what it belongs to. */
export class Connections {
  readonly #socket: ConntrackSocket;
  readonly #logger: Logger;

  constructor(logger: Logger) {
    this.#socket = ConntrackSocket.open();
    this.#logger = logger;
  }

  /**
   * Deletes what an endpoint that has gone was part of: otherwise what a client goes on sending to the old address
   * (UDP above all) would be led to whoever has it next.
   */
  async forget(endpoint: EndpointRecord): Promise<void> {
    const { ipv4, ipv6 } = endpoint.interface ?? {};
    for (const one of [ipv4, ipv6]) if (one !== undefined) await this.#socket.deleteOfAsync(one.address);
  }

  /** As {@link forget}; a failure is logged. */
  async forgetQuietly(endpoint: EndpointRecord): Promise<void> {
    try {
      await this.forget(endpoint);
    } catch (error) {
      this.#logger.warn('cannot delete tracked connections', { error: toError(error) });
    }
  }

  /**
   * Deletes what was under way to host ports before they were published, to the host itself or to an earlier owner: a
   * client that never pauses would never be led to the container.
   */
  forgetUnpublished(ports: readonly FirewallPort[]): Promise<void> {
    // What TCP had under way was answered by a reset; only datagrams go on.
    const datagrams = ports.filter(({ protocol }) => protocol === 'udp');
    return this.#forget(datagrams, (port, { reply }) => reply.source !== port.address);
  }

  /** Deletes what came by host ports that are published no more, while their container goes on. */
  forgetPublished(ports: readonly FirewallPort[]): Promise<void> {
    return this.#forget(ports, (port, { reply }) => reply.source === port.address);
  }

  close(): void {
    this.#socket.close();
  }

  async #forget(
    ports: readonly FirewallPort[],
    other: (port: FirewallPort, entry: ConntrackEntry) => boolean,
  ): Promise<void> {
    try {
      for (const protocol of new Set(ports.map((port) => port.protocol))) {
        for (const ipv6 of [false, true]) {
          const wanted = ports.filter((port) => port.protocol === protocol && isIPv6(port.address) === ipv6);
          if (wanted.length === 0) continue;
          const entries = await this.#socket.listAsync({ family: ipv6 ? 'inet6' : 'inet', protocol });
          for (const entry of entries)
            if (wanted.some((port) => goesTo(entry, port) && other(port, entry))) this.#socket.delete(entry);
        }
      }
    } catch (error) {
      // The ports are as they should be; what is under way ends by itself in time.
      if (!(error instanceof BerthError)) throw error;
      this.#logger.warn('cannot delete tracked connections', { error });
    }
  }
}

function goesTo({ original }: ConntrackEntry, { hostAddress, hostPort, count }: FirewallPort): boolean {
  const port = original.destinationPort ?? 0;
  return (
    port >= hostPort &&
    port < hostPort + count &&
    (hostAddress === undefined || hostAddress === original.destination)
  );
}
