import { isIPv4, isIPv6 } from 'node:net';
import { BerthError, shortId } from '@berth/core';
import { bindSocket, closeDescriptor, isErrno } from '@berth/kernel';
import type { PortSpec, PublishedPort, SandboxId } from '../model.js';

export const ANY_ADDRESS = '0.0.0.0';

interface Reservation {
  readonly port: PublishedPort;
  readonly fd: number;
}

/**
 * Host ports that are held for sandboxes: for each a bound socket that nobody uses, so that no other program gets the
 * port while the firewall leads its traffic to a container.
 */
export class PortReservations {
  readonly #held = new Map<SandboxId, readonly Reservation[]>();

  /**
   * Reserves all ports of a sandbox, or none.
   *
   * @param defaultAddress for ports that name no host address
   * @throws BerthError `conflict` naming the port that is taken, `invalid`, `unsupported`
   */
  reserve(sandbox: SandboxId, ports: readonly PortSpec[], defaultAddress: string): PublishedPort[] {
    const reservations: Reservation[] = [];
    try {
      for (const spec of ports) {
        const hostAddress = checkHostAddress(spec.hostAddress || defaultAddress);
        const same = reservations.some(
          ({ port }) =>
            port.protocol === spec.protocol &&
            port.containerPort === spec.containerPort &&
            port.hostAddress === hostAddress &&
            port.hostPort === spec.hostPort,
        );
        if (!same) reservations.push(this.#bind(spec, hostAddress, reservations));
      }
    } catch (error) {
      for (const { fd } of reservations) closeDescriptor(fd);
      throw error;
    }
    this.release(sandbox);
    if (reservations.length > 0) this.#held.set(sandbox, reservations);
    return reservations.map(({ port }) => port);
  }

  /** Lets go of the ports of a sandbox; one that holds none is no error. */
  release(sandbox: SandboxId): void {
    for (const { fd } of this.#held.get(sandbox) ?? []) closeDescriptor(fd);
    this.#held.delete(sandbox);
  }

  releaseAll(): void {
    for (const sandbox of [...this.#held.keys()]) this.release(sandbox);
  }

  #bind(spec: PortSpec, hostAddress: string, own: readonly Reservation[]): Reservation {
    const { protocol, containerPort, hostPort = 0 } = spec;
    try {
      const { fd, port } = bindSocket({ protocol, address: hostAddress, port: hostPort });
      return { fd, port: { protocol, containerPort, hostAddress, hostPort: port } };
    } catch (cause) {
      const where = `Bind for ${hostAddress}:${hostPort} failed`;
      const details = { op: 'reserve port', subject: `${hostAddress}:${hostPort}/${protocol}`, cause };
      if (isErrno(cause, 'EADDRINUSE')) {
        const holder = this.#holder(protocol, hostAddress, hostPort, own);
        throw new BerthError(
          'conflict',
          `${where}: port is already allocated (${protocol}, by ${holder})`,
          details,
        );
      }
      if (isErrno(cause, 'EADDRNOTAVAIL')) {
        throw new BerthError('invalid', `${where}: this host has no address ${hostAddress}`, details);
      }
      throw cause;
    }
  }

  #holder(protocol: string, address: string, port: number, own: readonly Reservation[]): string {
    const clashes = ({ port: held }: Reservation) =>
      held.protocol === protocol &&
      held.hostPort === port &&
      (held.hostAddress === address || held.hostAddress === ANY_ADDRESS || address === ANY_ADDRESS);
    if (own.some(clashes)) return 'this container itself';
    for (const [sandbox, held] of this.#held) if (held.some(clashes)) return `container ${shortId(sandbox)}`;
    return 'another program on this host';
  }
}

function checkHostAddress(text: string): string {
  if (isIPv4(text)) return text;
  if (isIPv6(text)) {
    throw new BerthError('unsupported', `publishing at ${text}: only IPv4 host addresses are supported yet`, {
      subject: text,
    });
  }
  throw new BerthError(
    'invalid',
    `invalid host address ${text}: it should be an IPv4 address like 127.0.0.1`,
    {
      subject: text,
    },
  );
}
