import type { PublishedPort, SandboxId } from '../model.js';
import { isAnyAddress } from './bindings.js';

/** A run of ports that is held, and by what. */
export interface Reservation {
  readonly sandbox: SandboxId;
  readonly port: PublishedPort;
  /** Sockets that nobody uses. */
  readonly descriptors: readonly number[];
  /** Held by the kernel's guard. */
  readonly guarded: boolean;
}

/** All ports that are held, found by their numbers. */
export class HeldPorts {
  readonly #single = new Map<string, Set<Reservation>>();
  readonly #runs = new Set<Reservation>();

  add(reservation: Reservation): void {
    const { port } = reservation;
    if (port.count > 1) {
      this.#runs.add(reservation);
      return;
    }
    const known = this.#single.get(keyOf(port));
    if (known === undefined) this.#single.set(keyOf(port), new Set([reservation]));
    else known.add(reservation);
  }

  delete(reservation: Reservation): void {
    const { port } = reservation;
    this.#runs.delete(reservation);
    const known = this.#single.get(keyOf(port));
    if (known?.delete(reservation) === true && known.size === 0) this.#single.delete(keyOf(port));
  }

  /** The one of that sandbox for that very run. */
  find(sandbox: SandboxId, port: PublishedPort): Reservation | undefined {
    return this.#near(port).find((held) => held.sandbox === sandbox && samePorts(held.port, port));
  }

  /** Those that can't be held together with a run. */
  clashing(port: PublishedPort): Reservation[] {
    return this.#near(port).filter((held) => overlap(held.port, port));
  }

  #near(port: PublishedPort): Reservation[] {
    const single =
      port.count === 1
        ? (this.#single.get(keyOf(port)) ?? [])
        : [...this.#single.values()].flatMap((set) => [...set]);
    return [...single, ...this.#runs];
  }
}

export function samePorts(one: PublishedPort, other: PublishedPort): boolean {
  return (
    one.protocol === other.protocol &&
    one.containerPort === other.containerPort &&
    one.hostAddress === other.hostAddress &&
    one.hostPort === other.hostPort &&
    one.count === other.count
  );
}

function keyOf({ protocol, hostPort }: PublishedPort): string {
  return `${protocol} ${hostPort}`;
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
