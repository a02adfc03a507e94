import { isBerthError, shortId } from '@berth/core';
import { BindGuard, closeDescriptor } from '@berth/kernel';
import type { PublishedPort, SandboxId } from '../model.js';
import type { Binding } from './bindings.js';
import { HeldPorts, samePorts, type Reservation } from './held-ports.js';
import { guardedRun, holdByGuard, holdBySockets, portTaken } from './holding.js';

/** From how many neighbouring ports on they are held together, by a guard of the kernel, and not by a socket each. */
const GUARDED_FROM = 33;
/** How often another port of the host's choice is tried where one is free at one address and taken at another. */
const TRIES = 32;

/** The reservations of one sandbox while they are being changed. */
interface Claim {
  readonly sandbox: SandboxId;
  /** What it had and has not been asked for again. */
  readonly before: Set<Reservation>;
  readonly kept: Set<Reservation>;
  readonly made: Set<Reservation>;
  /** Earlier ones that were in the way of new ones. */
  readonly dropped: Reservation[];
}

/**
 * Host ports that are held for sandboxes, so that no other program gets them while the firewall leads their traffic to a
 * container: a bound socket for each that nobody uses; for a long run of them, where the kernel can, one entry that
 * refuses to bind them.
 */
export class PortReservations {
  readonly #sandboxes = new Map<SandboxId, ReadonlySet<Reservation>>();
  readonly #held = new HeldPorts();
  /** Undefined until it is needed; null where the kernel has none. */
  #guard: BindGuard | null | undefined;

  /**
   * Reserves ports for a sandbox, all or none; it keeps those that it has already and lets go of the others.
   *
   * @throws BerthError `conflict` naming the port that is taken, `invalid`; what was held is held then
   */
  reserve(sandbox: SandboxId, bindings: readonly Binding[]): PublishedPort[] {
    const before = new Set(this.#sandboxes.get(sandbox));
    const claim: Claim = { sandbox, before, kept: new Set(), made: new Set(), dropped: [] };
    const ports = new Set<PublishedPort>();
    try {
      for (const binding of bindings) for (const { port } of this.#hold(claim, binding)) ports.add(port);
    } catch (error) {
      for (const reservation of claim.made) this.#letGo(reservation);
      const again = claim.dropped.map(({ port }) => this.#bind({ ...claim, before: new Set() }, port));
      this.#remember(sandbox, [...claim.before, ...claim.kept, ...again]);
      throw error;
    }
    for (const reservation of claim.before) this.#letGo(reservation);
    this.#remember(sandbox, [...claim.kept, ...claim.made]);
    return [...ports];
  }

  /** Holds the very ports that a sandbox had, after a start of the daemon. @throws BerthError `conflict` */
  restore(sandbox: SandboxId, ports: readonly PublishedPort[]): void {
    this.reserve(
      sandbox,
      ports.map((port) => ({ spec: port, addresses: port.hostAddress === '' ? [] : [port.hostAddress] })),
    );
  }

  /** Lets go of the ports of a sandbox; one that holds none is no error. */
  release(sandbox: SandboxId): void {
    for (const reservation of this.#sandboxes.get(sandbox) ?? []) this.#letGo(reservation);
    this.#sandboxes.delete(sandbox);
  }

  releaseAll(): void {
    for (const sandbox of [...this.#sandboxes.keys()]) this.release(sandbox);
    this.#guard?.close();
    this.#guard = undefined;
  }

  #hold(claim: Claim, { spec, addresses }: Binding): Reservation[] {
    const { protocol, containerPort, count = 1, hostPort, hostPortLast } = spec;
    if (addresses.length === 0)
      return [this.#take(claim, { protocol, containerPort, hostAddress: '', hostPort: 0, count })];
    const at = (first: number) =>
      addresses.map((hostAddress) => ({ protocol, containerPort, hostAddress, hostPort: first, count }));
    if (hostPort !== undefined && hostPortLast === undefined) return this.#takeAll(claim, at(hostPort));
    if (count > 1) {
      // Each gets a port of the host's choice.
      return Array.from({ length: count }, (_, offset) =>
        this.#hold(claim, { spec: { protocol, containerPort: containerPort + offset }, addresses }),
      ).flat();
    }
    const [least, most] = [hostPort ?? 1, hostPortLast ?? 65_535];
    // A port that was chosen once stays, whatever else of the container's ports changes.
    const chosen = [...claim.before].find(
      ({ port }) =>
        at(port.hostPort).some((wanted) => samePorts(wanted, port)) &&
        port.hostPort >= least &&
        port.hostPort <= most,
    );
    if (chosen !== undefined) return this.#takeAll(claim, at(chosen.port.hostPort));
    return hostPort === undefined ? this.#takeFree(claim, at) : this.#takeOneOf(claim, at, least, most);
  }

  #takeAll(claim: Claim, ports: readonly PublishedPort[]): Reservation[] {
    const made: Reservation[] = [];
    try {
      return ports.map((port) => {
        const earlier = claim.made.size;
        const taken = this.#take(claim, port);
        if (claim.made.size > earlier) made.push(taken);
        return taken;
      });
    } catch (error) {
      for (const reservation of made) this.#giveUp(claim, reservation);
      throw error;
    }
  }

  /** At a port that is free at all addresses. */
  #takeFree(claim: Claim, at: (first: number) => PublishedPort[]): Reservation[] {
    for (let tries = 1; ; tries += 1) {
      const [first, ...rest] = at(0);
      if (first === undefined) return [];
      const chosen = this.#take(claim, first);
      try {
        const others = rest.map((port) => ({ ...port, hostPort: chosen.port.hostPort }));
        return [chosen, ...this.#takeAll(claim, others)];
      } catch (error) {
        this.#giveUp(claim, chosen);
        if (tries === TRIES || !isBerthError(error, 'conflict')) throw error;
      }
    }
  }

  /** At the first free port of some. */
  #takeOneOf(
    claim: Claim,
    at: (first: number) => PublishedPort[],
    first: number,
    last: number,
  ): Reservation[] {
    for (let port = first; ; port += 1) {
      try {
        return this.#takeAll(claim, at(port));
      } catch (error) {
        if (port >= last || !isBerthError(error, 'conflict')) throw error;
      }
    }
  }

  /** The reservation of that very run that there is, or a new one. */
  #take(claim: Claim, port: PublishedPort): Reservation {
    const known = this.#held.find(claim.sandbox, port);
    if (known !== undefined && claim.made.has(known)) return known;
    if (known !== undefined) {
      claim.before.delete(known);
      claim.kept.add(known);
      return known;
    }
    const reservation = this.#bind(claim, port);
    claim.made.add(reservation);
    return reservation;
  }

  #bind(claim: Claim, port: PublishedPort): Reservation {
    if (port.hostAddress !== '') this.#makeWay(claim, port);
    const reservation = { sandbox: claim.sandbox, ...this.#holding(port) };
    this.#held.add(reservation);
    return reservation;
  }

  #holding(port: PublishedPort): Omit<Reservation, 'sandbox'> {
    if (port.hostAddress === '') return { port, descriptors: [], guarded: false };
    if (port.count >= GUARDED_FROM && port.protocol !== 'sctp') {
      if (this.#guard === undefined) this.#guard = BindGuard.open() ?? null;
      if (this.#guard !== null) return { ...holdByGuard(this.#guard, port), guarded: true };
    }
    return { ...holdBySockets(port), guarded: false };
  }

  /**
   * Refuses what is held here already by its holder's name, which the kernel does not know. What the sandbox itself had
   * in other runs makes way.
   */
  #makeWay(claim: Claim, port: PublishedPort): void {
    if (port.hostPort === 0) return;
    for (const held of this.#held.clashing(port)) {
      if (held.sandbox !== claim.sandbox) {
        const number = Math.max(held.port.hostPort, port.hostPort);
        throw portTaken(port, number, `container ${shortId(held.sandbox)}`);
      }
      if (!claim.before.delete(held)) throw portTaken(port, port.hostPort, 'this container itself');
      claim.dropped.push(held);
      this.#letGo(held);
    }
  }

  #giveUp(claim: Claim, reservation: Reservation): void {
    if (claim.made.delete(reservation)) this.#letGo(reservation);
  }

  #letGo(reservation: Reservation): void {
    this.#held.delete(reservation);
    for (const fd of reservation.descriptors) closeDescriptor(fd);
    if (reservation.guarded) this.#guard?.release(guardedRun(reservation.port));
  }

  #remember(sandbox: SandboxId, reservations: readonly Reservation[]): void {
    if (reservations.length > 0) this.#sandboxes.set(sandbox, new Set(reservations));
    else this.#sandboxes.delete(sandbox);
  }
}
