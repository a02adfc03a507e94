import { BerthError } from '@berth/core';
import {
  bindSocket,
  boundPorts,
  closeDescriptor,
  holderOf,
  isErrno,
  type BindGuard,
  type PortRun,
} from '@berth/kernel';
import type { Protocol, PublishedPort } from '../model.js';
import { isAnyAddress } from './bindings.js';

/** Host ports that are held, and how. */
export interface Holding {
  /** With the number that the host has chosen, where it was to. */
  readonly port: PublishedPort;
  readonly descriptors: readonly number[];
}

/**
 * Holds ports by a socket each.
 *
 * @throws BerthError `conflict` naming the port and who has it, `invalid`; none is held then
 */
export function holdBySockets(port: PublishedPort): Holding {
  const descriptors: number[] = [];
  try {
    let { hostPort } = port;
    for (let offset = 0; offset < port.count; offset += 1) {
      const socket = bindPort(port, port.hostPort === 0 ? 0 : port.hostPort + offset);
      if (socket === undefined) break;
      descriptors.push(socket.fd);
      if (offset === 0) hostPort = socket.port;
    }
    return { port: { ...port, hostPort }, descriptors };
  } catch (error) {
    for (const fd of descriptors) closeDescriptor(fd);
    throw error;
  }
}

/**
 * Holds a run of ports by one entry of the kernel's guard.
 *
 * @throws BerthError `conflict` naming a port that a program has
 */
export function holdByGuard(guard: BindGuard, port: PublishedPort): Holding {
  const { hostAddress, hostPort, count } = port;
  const run = guardedRun(port);
  for (const bound of boundPorts({ protocol: run.protocol })) {
    const meet =
      bound.address.includes(':') === hostAddress.includes(':')
        ? isAnyAddress(bound.address) || isAnyAddress(hostAddress) || bound.address === hostAddress
        : bound.address === '::' && !bound.ipv6Only;
    if (meet && bound.port >= hostPort && bound.port < hostPort + count)
      throw portTaken(port, bound.port, describe(holderOf(bound.inode)));
  }
  // The guard asks nobody whether the host has the address: a bind does. [::] it refuses where 0.0.0.0 is held already.
  const first = isAnyAddress(hostAddress) ? undefined : bindPort(port, hostPort);
  if (first !== undefined) closeDescriptor(first.fd);
  guard.hold(run);
  return { port, descriptors: [] };
}

/** What the guard holds for a run. */
export function guardedRun({
  protocol,
  hostAddress: address,
  hostPort: first,
  count,
}: PublishedPort): PortRun {
  if (protocol === 'sctp') throw new TypeError('the guard knows no sctp');
  return { protocol, address, first, count };
}

/** A refusal in Docker's words, with the holder. */
export function portTaken(
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

/** A socket at a port; undefined where the kernel has no sockets of the protocol, so that nobody else can take it. */
function bindPort(port: PublishedPort, number: number): { fd: number; port: number } | undefined {
  const { protocol, hostAddress: address } = port;
  try {
    return bindSocket({ protocol, address, port: number });
  } catch (cause) {
    if (isErrno(cause, 'EADDRINUSE')) throw portTaken(port, number, programAt(protocol, number), cause);
    if (isErrno(cause, 'EADDRNOTAVAIL')) {
      const where = `Bind for ${withPort(address, number)} failed`;
      throw new BerthError('invalid', `${where}: this host has no address ${address}`, { cause });
    }
    if (protocol === 'sctp' && isErrno(cause, 'EPROTONOSUPPORT')) {
      if (number !== 0) return undefined;
      throw new BerthError(
        'invalid',
        `no port of the host's choice can be had for sctp: this kernel has no SCTP, give a number`,
      );
    }
    throw cause;
  }
}

function programAt(protocol: Protocol, number: number): string {
  if (protocol === 'sctp') return describe(undefined);
  const inode = boundPorts({ protocol }).find(({ port }) => port === number)?.inode;
  return describe(inode === undefined ? undefined : holderOf(inode));
}

function describe(holder: { pid: number; name: string } | undefined): string {
  return holder === undefined ? 'another program on this host' : `${holder.name}, process ${holder.pid}`;
}

function withPort(address: string, port: number): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}
