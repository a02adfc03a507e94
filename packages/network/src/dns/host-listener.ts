import { bindSocket, closeDescriptor } from '@berth/kernel';
import { HEADER, RCODE, TYPE, writeAnswer } from './message.js';
import { wireName, wireNameAt, type WireName } from './name.js';
import { recordsOf, type Records } from './records.js';
import { Responder } from './responder.js';
import { SandboxState, type NameServiceCounters } from './sandbox-state.js';
import { TcpServer } from './server-tcp.js';
import { UdpServer } from './server-udp.js';
import type { SharedParts } from './shared-parts.js';

/** What names of containers end in, for who asks from the host: `web.sea.berth.internal`. */
export const HOST_DOMAIN = 'berth.internal';
const SUFFIX = wireName(HOST_DOMAIN) ?? '';
/** Connections that may wait to be accepted. */
const BACKLOG = 64;

/** Answers `NAME.NETWORK.berth.internal` of any network, and refuses all else: it is asked by the host alone. */
class HostResponder extends Responder {
  readonly #all: Records;

  constructor(records: Records) {
    super(records);
    this.#all = records;
  }

  protected override answer(state: SandboxState, out: Buffer, limit: number): number {
    const { query } = this;
    const name = inside(wireNameAt(query.message, HEADER, query.nameEnd));
    if (name === undefined) {
      state.counters.refused++;
      return this.empty(RCODE.REFUSED, out, limit);
    }
    state.counters.answeredHere++;
    const entry = this.#all.lookupAnywhere(name);
    if (entry === undefined) return this.empty(RCODE.NXDOMAIN, out, limit);
    const sets = query.type === TYPE.ANY ? [entry.a, entry.aaaa] : [recordsOf(entry, query.type)];
    return writeAnswer(query, RCODE.NOERROR, sets, entry.turn++, out, limit);
  }
}

/** The name `web.sea` of `web.sea.berth.internal`; undefined for names elsewhere. */
function inside(name: WireName): WireName | undefined {
  return name.endsWith(SUFFIX) && name.length > SUFFIX.length
    ? `${name.slice(0, -SUFFIX.length)}\0`
    : undefined;
}

/** A name server for the host itself, on its loopback. */
export class HostListener {
  readonly #servers: readonly { close(): Promise<void> }[];
  readonly #state: SandboxState;

  private constructor(servers: readonly { close(): Promise<void> }[], state: SandboxState) {
    this.#servers = servers;
    this.#state = state;
  }

  /** @throws KernelError EADDRINUSE, EADDRNOTAVAIL, … */
  static async open(
    at: { readonly address: string; readonly port: number },
    records: Records,
    shared: Omit<SharedParts, 'responder'>,
  ): Promise<HostListener> {
    const state = new SandboxState('host', [], false);
    const parts = { ...shared, responder: new HostResponder(records) };
    const udp = bindSocket({ protocol: 'udp', ...at });
    const servers = [await UdpServer.open(udp.fd, state, parts)];
    let fd: number | undefined;
    try {
      fd = bindSocket({ protocol: 'tcp', ...at, port: udp.port, listen: BACKLOG }).fd;
      return new HostListener([...servers, await TcpServer.open(fd, state, parts)], state);
    } catch (error) {
      if (fd !== undefined) closeDescriptor(fd);
      await Promise.all(servers.map((server) => server.close()));
      throw error;
    }
  }

  get counters(): NameServiceCounters {
    return { ...this.#state.counters };
  }

  async close(): Promise<void> {
    await Promise.all(this.#servers.map((server) => server.close()));
  }
}
