import { BerthError, type Logger } from '@berth/core';
import { closeDescriptor, type NetworkNamespace } from '@berth/kernel';
import { BoundedWarning } from './bounded-warning.js';
import { Forwarder } from './forwarder.js';
import { HostListener } from './host-listener.js';
import { Records, type EndpointRecord } from './records.js';
import { redirectNameService, removeRedirect } from './redirect.js';
import { Responder } from './responder.js';
import { NAME_SERVICE_ADDRESS, bindSandboxSockets } from './sandbox-sockets.js';
import { SandboxState, type HostAddresses, type NameServiceCounters } from './sandbox-state.js';
import { TcpServer } from './server-tcp.js';
import { UdpServer } from './server-udp.js';
import type { SharedParts } from './shared-parts.js';
import { parseUpstream } from './upstream.js';

export interface NameServiceOptions {
  readonly logger: Logger;
  /** The host's resolvers, asked for at each question that is forwarded for a sandbox without its own. */
  readonly hostResolvers: () => readonly string[];
  /** Whether names of one label that are not ours are asked upstream too. */
  readonly forwardSingleLabels?: boolean;
}

/** What may change of a sandbox while its name service is open. */
export interface SandboxSettings {
  /**
   * Addresses of the servers that unknown names go to (`--dns`), which are asked from within the sandbox; none or empty
   * means the host's resolvers.
   */
  readonly upstreams?: readonly string[];
  /** Whether the host's resolvers are asked; not for a sandbox that is on internal networks alone. */
  readonly forwarding: boolean;
  /** Where the host is found, for `host.docker.internal`. */
  readonly host?: HostAddresses;
}

/** RFC 1035 section 4.2. */
const DNS_PORT = 53;

interface OpenSandbox {
  readonly path: string;
  readonly state: SandboxState;
  readonly servers: readonly { close(): Promise<void> }[];
}

/** The name server of all sandboxes: it answers at 127.0.0.11 in each, for the networks that it is on. */
export class NameService {
  readonly #records = new Records();
  readonly #shared: SharedParts;
  readonly #sandboxes = new Map<string, OpenSandbox>();
  #hostListener: HostListener | undefined;

  constructor(options: NameServiceOptions) {
    const warnings = new BoundedWarning(options.logger);
    const forwarder = new Forwarder(options.hostResolvers, warnings);
    const responder = new Responder(this.#records, options.forwardSingleLabels ?? false);
    this.#shared = { responder, forwarder, warnings };
  }

  /**
   * Starts to answer in a sandbox. What an earlier daemon, or an earlier call, has left there is replaced.
   *
   * @param path the sandbox's namespace file
   * @param namespace the same, with its loopback interface up; not needed any more once the promise has resolved
   * @throws BerthError `invalid` when an upstream is no address; KernelError when the namespace can't be used
   */
  async open(
    sandboxId: string,
    path: string,
    namespace: NetworkNamespace,
    settings: SandboxSettings,
  ): Promise<void> {
    const state = new SandboxState(sandboxId, [], settings.forwarding);
    apply(state, path, settings);
    await this.close(sandboxId);
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
    this.#sandboxes.set(sandboxId, { path, state, servers });
  }

  /** Stops to answer in a sandbox; its names are kept as long as its endpoints. One that isn't open is no error. */
  async close(sandboxId: string): Promise<void> {
    const open = this.#sandboxes.get(sandboxId);
    this.#sandboxes.delete(sandboxId);
    await Promise.all(open?.servers.map((server) => server.close()) ?? []);
  }

  /** Stops to answer in a sandbox that goes on, and takes the redirect away. */
  async end(sandboxId: string, namespace: NetworkNamespace): Promise<void> {
    await this.close(sandboxId);
    removeRedirect(namespace);
  }

  /**
   * Answers the host itself, at one of its loopback addresses; at no other that an earlier call has said.
   *
   * @throws KernelError where the address and port can't be had
   */
  async listenOnHost(at: { readonly address: string; readonly port: number }): Promise<void> {
    await this.#closeHostListener();
    const { forwarder, warnings } = this.#shared;
    this.#hostListener = await HostListener.open(at, this.#records, { forwarder, warnings });
  }

  /** Changes what holds from the next question on; one that isn't open is no error. */
  update(sandboxId: string, settings: SandboxSettings): void {
    const open = this.#sandboxes.get(sandboxId);
    if (open) apply(open.state, open.path, settings);
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
    await this.#closeHostListener();
    await Promise.all([...this.#sandboxes.keys()].map((sandboxId) => this.close(sandboxId)));
  }

  async #closeHostListener(): Promise<void> {
    const listener = this.#hostListener;
    this.#hostListener = undefined;
    await listener?.close();
  }
}

function apply(state: SandboxState, path: string, settings: SandboxSettings): void {
  const { upstreams = [], forwarding, host = {} } = settings;
  state.upstreams = upstreams
    .map((text) => ({ ...upstreamOf(text), from: path }))
    // Asked from within the sandbox that is this very service: a question would never come to an end.
    .filter(({ address, port }) => address !== NAME_SERVICE_ADDRESS || port !== DNS_PORT);
  state.forwarding = forwarding;
  state.host = host;
}

function upstreamOf(text: string): NonNullable<ReturnType<typeof parseUpstream>> {
  const upstream = parseUpstream(text);
  if (upstream) return upstream;
  throw new BerthError('invalid', `${text} is not an IP address, which a DNS server must be given as`, {
    op: 'open name service',
    subject: text,
  });
}
