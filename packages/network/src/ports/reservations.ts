import { BerthError, isBerthError, shortId } from '@berth/core';
import { BindGuard, bindSocket, boundPorts, closeDescriptor, holderOf, isErrno } from '@berth/kernel';
import type { Protocol, PublishedPort, SandboxId } from '../model.js';
import { isAnyAddress, type Binding } from './bindings.js';

/** From how many neighbouring ports on they are held together, by a guard of the kernel, and not by a socket each. */
const GUARDED_FROM = 33;
/** How often another port of the host's choice is tried where one is free at one address and taken at another. */
const TRIES = 32;

interface Reservation {
  readonly port: PublishedPort;
  /** Sockets that nobody uses. */
  readonly descriptors: readonly number[];
  readonly guarded: boolean;
}

/** The reservations of one sandbox while they are being changed. */
interface Claim {
  readonly sandbox: SandboxId;
  /** What it had; what is still to be had of it is {@link kept} in the end. */
  readonly before: Reservation[];
  readonly kept: Reservation[];
  readonly made: Reservation[];
  /** Earlier ones that were in the way of new ones. */
  readonly dropped: Reservation[];
}

/**
 * Host ports that are held for sandboxes, so that no other program gets them while the firewall leads their traffic to a
 * container: a bound socket for each that nobody uses; for a long run of them, where the kernel can, one entry that
 * refuses to bind them.
 */
export class PortReservations {
  readonly #held = new Map<SandboxId, readonly Reservation[]>();
  /** Undefined until it is needed; null where the kernel has none. */
  #guard: BindGuard | null | undefined;

  /**
   * Reserves ports for a sandbox, all or none; it keeps those that it has already and lets go of the others.
   *
   * @throws BerthError `conflict` naming the port that is taken, `invalid`; what was held is held then
   */
  reserve(sandbox: SandboxId, bindings: readonly Binding[]): PublishedPort[] {
    const before = [...(this.#held.get(sandbox) ?? [])];
    const claim: Claim = { sandbox, before, kept: [], made: [], dropped: [] };
    const ports: PublishedPort[] = [];
    try {
      for (const binding of bindings) {
        for (const { port } of this.#hold(claim, binding)) {
          if (!ports.some((known) => equal(known, port))) ports.push(port);
        }
      }
    } catch (error) {
      for (const reservation of claim.made) this.#letGo(reservation);
      this.#takeBack(claim);
      throw error;
    }
    for (const reservation of claim.before) if (!claim.kept.includes(reservation)) this.#letGo(reservation);
    const held = [...claim.kept, ...claim.made];
    if (held.length > 0) this.#held.set(sandbox, held);
    else this.#held.delete(sandbox);
    return ports;
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
    for (const reservation of this.#held.get(sandbox) ?? []) this.#letGo(reservation);
    this.#held.delete(sandbox);
  }

  releaseAll(): void {
    for (const sandbox of [...this.#held.keys()]) this.release(sandbox);
    this.#guard?.close();
    this.#guard = undefined;
  }

  #hold(claim: Claim, { spec, addresses }: Binding): Reservation[] {
    const { protocol, containerPort, count = 1, hostPort, hostPortLast } = spec;
    if (addresses.length === 0) {
      const port = { protocol, containerPort, hostAddress: '', hostPort: 0, count };
      return [this.#keep(claim, port) ?? record(claim, { port, descriptors: [], guarded: false })];
    }
    const at = (first: number) =>
      addresses.map((hostAddress) => ({ protocol, containerPort, hostAddress, hostPort: first, count }));
    if (hostPort !== undefined && hostPortLast === undefined) return this.#holdAll(claim, at(hostPort));
    if (count > 1) {
      // Each gets a port of the host's choice.
      return Array.from({ length: count }, (_, offset) =>
        this.#hold(claim, { spec: { protocol, containerPort: containerPort + offset }, addresses }),
      ).flat();
    }
    const [least, most] = [hostPort ?? 1, hostPortLast ?? 65_535];
    // A port that was chosen once stays, whatever else of the container's ports changes.
    const chosen = claim.before.find(
      (earlier) =>
        !claim.kept.includes(earlier) &&
        at(earlier.port.hostPort).some((port) => equal(port, earlier.port)) &&
        earlier.port.hostPort >= least &&
        earlier.port.hostPort <= most,
    );
    if (chosen !== undefined) return this.#holdAll(claim, at(chosen.port.hostPort));
    return hostPort === undefined ? this.#holdFree(claim, at) : this.#holdOneOf(claim, at, least, most);
  }

  #holdAll(claim: Claim, ports: readonly PublishedPort[]): Reservation[] {
    const done = claim.made.length;
    try {
      return ports.map((port) => this.#keep(claim, port) ?? record(claim, this.#bind(claim, port)));
    } catch (error) {
      for (const reservation of claim.made.splice(done)) this.#letGo(reservation);
      throw error;
    }
  }

  /** At a port that is free at all addresses. */
  #holdFree(claim: Claim, at: (first: number) => PublishedPort[]): Reservation[] {
    for (let tries = 1; ; tries += 1) {
      const [first, ...rest] = at(0);
      if (first === undefined) return [];
      const chosen = record(claim, this.#bind(claim, first));
      try {
        return [
          chosen,
          ...this.#holdAll(
            claim,
            rest.map((port) => ({ ...port, hostPort: chosen.port.hostPort })),
          ),
        ];
      } catch (error) {
        claim.made.splice(claim.made.indexOf(chosen), 1);
        this.#letGo(chosen);
        if (tries === TRIES || !isBerthError(error, 'conflict')) throw error;
      }
    }
  }

  /** At the first free port of some. */
  #holdOneOf(
    claim: Claim,
    at: (first: number) => PublishedPort[],
    first: number,
    last: number,
  ): Reservation[] {
    for (let port = first; ; port += 1) {
      try {
        return this.#holdAll(claim, at(port));
      } catch (error) {
        if (port >= last || !isBerthError(error, 'conflict')) throw error;
      }
    }
  }

  /** The reservation of that very port, where there is one. */
  #keep(claim: Claim, port: PublishedPort): Reservation | undefined {
    const made = claim.made.find((reservation) => equal(reservation.port, port));
    if (made !== undefined) return made;
    const earlier = claim.before.find((reservation) => equal(reservation.port, port));
    if (earlier !== undefined && !claim.kept.includes(earlier)) claim.kept.push(earlier);
    return earlier;
  }

  #bind(claim: Claim, port: PublishedPort): Reservation {
    this.#makeWay(claim, port);
    if (port.count >= GUARDED_FROM && port.protocol !== 'sctp') {
      const guard = this.#bindGuard();
      if (guard !== undefined) return holdByGuard(guard, port);
    }
    const descriptors: number[] = [];
    try {
      let { hostPort } = port;
      for (let offset = 0; offset < port.count; offset += 1) {
        const socket = bindPort(port, port.hostPort === 0 ? 0 : port.hostPort + offset);
        if (socket === undefined) break;
        descriptors.push(socket.fd);
        if (offset === 0) hostPort = socket.port;
      }
      return { port: { ...port, hostPort }, descriptors, guarded: false };
    } catch (error) {
      for (const fd of descriptors) closeDescriptor(fd);
      throw error;
    }
  }

  #bindGuard(): BindGuard | undefined {
    if (this.#guard === undefined) this.#guard = BindGuard.open() ?? null;
    return this.#guard ?? undefined;
  }

  /**
   * Refuses what is held here already by its holder's name, which the kernel does not know. What the sandbox itself had
   * in other runs makes way.
   */
  #makeWay(claim: Claim, port: PublishedPort): void {
    if (port.hostPort === 0) return;
    const clashes = (held: Reservation) => overlap(held.port, port);
    if ([...claim.kept, ...claim.made].some(clashes))
      throw taken(port, port.hostPort, 'this container itself');
    for (const [sandbox, reservations] of this.#held) {
      const clash = sandbox === claim.sandbox ? undefined : reservations.find(clashes);
      if (clash === undefined) continue;
      throw taken(port, Math.max(clash.port.hostPort, port.hostPort), `container ${shortId(sandbox)}`);
    }
    for (const earlier of claim.before.filter(clashes)) {
      claim.before.splice(claim.before.indexOf(earlier), 1);
      claim.dropped.push(earlier);
      this.#letGo(earlier);
    }
  }

  /** Holds again what had made way for a change that failed. */
  #takeBack(claim: Claim): void {
    const { sandbox, before, dropped } = claim;
    if (dropped.length === 0) return;
    const again = dropped.map(({ port }) =>
      this.#bind({ ...claim, before: [], kept: before, made: [] }, port),
    );
    this.#held.set(sandbox, [...before, ...again]);
  }

  #letGo({ port, descriptors, guarded }: Reservation): void {
    for (const fd of descriptors) closeDescriptor(fd);
    if (guarded) this.#guard?.release(guardedRun(port));
  }
}

function record(claim: Claim, reservation: Reservation): Reservation {
  claim.made.push(reservation);
  return reservation;
}

/** A socket at a port; undefined where the kernel has no sockets of the protocol, so that nobody else can take it. */
function bindPort(port: PublishedPort, number: number): { fd: number; port: number } | undefined {
  const { protocol, hostAddress: address } = port;
  try {
    return bindSocket({ protocol, address, port: number });
  } catch (cause) {
    if (isErrno(cause, 'EADDRINUSE')) throw taken(port, number, programAt(protocol, number), cause);
    if (isErrno(cause, 'EADDRNOTAVAIL')) {
      const where = `Bind for ${withPort(address, number)} failed`;
      throw new BerthError('invalid', `${where}: this host has no address ${address}`, { cause });
    }
    if (protocol === 'sctp' && isErrno(cause, 'EPROTONOSUPPORT')) {
      if (number !== 0) return undefined;
      throw new BerthError(
        'invalid',
        `port of the host's choice for sctp: this kernel has no SCTP, give a number`,
      );
    }
    throw cause;
  }
}

function holdByGuard(guard: BindGuard, port: PublishedPort): Reservation {
  const { protocol, hostAddress, hostPort, count } = port;
  if (protocol === 'sctp') throw new TypeError('the guard knows no sctp');
  for (const bound of boundPorts({ protocol })) {
    const clashes =
      bound.port >= hostPort &&
      bound.port < hostPort + count &&
      (isAnyAddress(bound.address) || isAnyAddress(hostAddress) || bound.address === hostAddress);
    if (!clashes) continue;
    throw taken(port, bound.port, describe(holderOf(bound.inode)));
  }
  guard.hold(guardedRun(port));
  return { port, descriptors: [], guarded: true };
}

function guardedRun({ protocol, hostAddress: address, hostPort: first, count }: PublishedPort) {
  return { protocol: protocol === 'udp' ? ('udp' as const) : ('tcp' as const), address, first, count };
}

function programAt(protocol: Protocol, number: number): string {
  if (protocol === 'sctp') return describe(undefined);
  const inode = boundPorts({ protocol }).find(({ port }) => port === number)?.inode;
  return describe(inode === undefined ? undefined : holderOf(inode));
}

function describe(holder: { pid: number; name: string } | undefined): string {
  return holder === undefined ? 'another program on this host' : `${holder.name}, process ${holder.pid}`;
}

function taken(
  { protocol, hostAddress }: PublishedPort,
  number: number,
  by: string,
  cause?: unknown,
): BerthError {
  const where = withPort(hostAddress, number);
  return new BerthError(
    'conflict',
    `Bind for ${where} failed: port is already allocated (${protocol}, by ${by})`,
    { op: 'reserve port', subject: `${where}/${protocol}`, cause },
  );
}

function withPort(address: string, port: number): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}

function equal(one: PublishedPort, other: PublishedPort): boolean {
  return (
    one.protocol === other.protocol &&
    one.containerPort === other.containerPort &&
    one.hostAddress === other.hostAddress &&
    one.hostPort === other.hostPort &&
    one.count === other.count
  );
}

/** Whether two runs can't both be held. IPv6's :: takes the ports of IPv6 alone. */
function overlap(one: PublishedPort, other: PublishedPort): boolean {
  if (one.protocol !== other.protocol || one.hostAddress === '' || other.hostAddress === '') return false;
  const sameFamily = one.hostAddress.includes(':') === other.hostAddress.includes(':');
  const meet =
    one.hostAddress === other.hostAddress ||
    (sameFamily && (isAnyAddress(one.hostAddress) || isAnyAddress(other.hostAddress)));
  return meet && one.hostPort < other.hostPort + other.count && other.hostPort < one.hostPort + one.count;
}
