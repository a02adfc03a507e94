import { BerthError, type Logger } from '@berth/core';
import { closeDescriptor, type NetworkNamespace } from '@berth/kernel';
import { BoundedWarning } from './bounded-warning.js';
import { Forwarder } from './forwarder.js';
import { Records, type EndpointRecord } from './records.js';
import { redirectNameService } from './redirect.js';
import { Responder } from './responder.js';
import { NAME_SERVICE_ADDRESS, bindSandboxSockets } from './sandbox-sockets.js';
import { SandboxState, type NameServiceCounters } from './sandbox-state.js';
import { TcpServer } from './server-tcp.js';
import { UdpServer } from './server-udp.js';
import type { SharedParts } from './shared-parts.js';
import { parseUpstream } from './upstream.js';

export interface NameServiceOptions {
  readonly logger: Logger;
  /** The host's resolvers, asked for at each question that is forwarded for a sandbox without its own. */
  readonly hostResolvers: () => readonly string[];
}

export interface OpenOptions {
  /** Addresses of the servers that unknown names go to (`--dns`); none or empty means the host's resolvers. */
  readonly upstreams?: readonly string[];
  /** Whether names that are not ours are asked upstream; not from a sandbox that is on internal networks alone. */
  readonly forwarding: boolean;
}

interface OpenSandbox {
  readonly state: SandboxState;
  readonly servers: readonly { close(): Promise<void> }[];
}

/** The name server of all sandboxes: it answers at 127.0.0.11 in each, for the networks that it is on. */
export class NameService {
  readonly #records = new Records();
  readonly #shared: SharedParts;
  readonly #sandboxes = new Map<string, OpenSandbox>();

  constructor(options: NameServiceOptions) {
    const warnings = new BoundedWarning(options.logger);
    const forwarder = new Forwarder(options.hostResolvers, warnings);
    this.#shared = { responder: new Responder(this.#records), forwarder, warnings };
  }

  /**
   * Starts to answer in a sandbox. What an earlier daemon, or an earlier call, has left there is replaced.
   *
   * @param namespace with its loopback interface up; not needed any more once the promise has resolved
   * @throws BerthError `invalid` when an upstream is no address; KernelError when the namespace can't be used
   */
  async open(sandboxId: string, namespace: NetworkNamespace, options: OpenOptions): Promise<void> {
    const upstreams = (options.upstreams ?? []).map(upstreamOf);
    await this.close(sandboxId);
    const state = new SandboxState(sandboxId, upstreams, options.forwarding);
    const sockets = bindSandboxSockets(sandboxId, namespace);
    const unused = new Set([sockets.udp.fd, sockets.tcp.fd]);
    const servers: (UdpServer | TcpServer)[] = [];
    try {
      for (const [server, { fd }] of [
        [UdpServer, sockets.udp],
        [TcpServer, sockets.tcp],
      ] as const) {
        servers.push(await server.open(fd, state, this.#shared));
        unused.delete(fd);
      }
      redirectNameService(namespace, NAME_SERVICE_ADDRESS, { udp: sockets.udp.port, tcp: sockets.tcp.port });
    } catch (error) {
      for (const fd of unused) closeDescriptor(fd);
      await Promise.all(servers.map((server) => server.close()));
      throw error;
    }
    this.#sandboxes.set(sandboxId, { state, servers });
  }

  /** Stops to answer in a sandbox; its names are kept as long as its endpoints. One that isn't open is no error. */
  async close(sandboxId: string): Promise<void> {
    const open = this.#sandboxes.get(sandboxId);
    this.#sandboxes.delete(sandboxId);
    await Promise.all(open?.servers.map((server) => server.close()) ?? []);
  }

  /** Whether names that are not ours are asked upstream, from the next question on. */
  setForwarding(sandboxId: string, forwarding: boolean): void {
    const open = this.#sandboxes.get(sandboxId);
    if (open) open.state.forwarding = forwarding;
  }

  /** Which servers names that are not ours are asked of, from the next question on; none: the host's resolvers. */
  setUpstreams(sandboxId: string, upstreams: readonly string[]): void {
    const open = this.#sandboxes.get(sandboxId);
    if (open) open.state.upstreams = upstreams.map(upstreamOf);
  }

  /** Adds an endpoint's names, or replaces what they were; seen by the next question. */
  setEndpoint(endpoint: EndpointRecord): void {
    this.#records.set(endpoint);
  }

  /** Forgets an endpoint's names; one that isn't known is no error. */
  removeEndpoint(endpointId: string): void {
    this.#records.remove(endpointId);
  }

  /** What has happened in a sandbox since it was opened; undefined when it isn't open. */
  counters(sandboxId: string): NameServiceCounters | undefined {
    const open = this.#sandboxes.get(sandboxId);
    return open && { ...open.state.counters };
  }

  /** Stops to answer everywhere. The redirects stay in the sandboxes, for the next daemon to replace. */
  async shutdown(): Promise<void> {
    this.#shared.forwarder.close();
    await Promise.all([...this.#sandboxes.keys()].map((sandboxId) => this.close(sandboxId)));
  }
}

function upstreamOf(text: string): NonNullable<ReturnType<typeof parseUpstream>> {
  const upstream = parseUpstream(text);
  if (upstream) return upstream;
  throw new BerthError('invalid', `${text} is not an IP address, which a DNS server must be given as`, {
    op: 'open name service',
    subject: text,
  });
}
