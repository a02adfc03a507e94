import type { Upstream } from './upstream.js';

/** What happened to the questions of one sandbox since its name service was opened. */
export interface NameServiceCounters {
  /** Messages received, over UDP and TCP. */
  asked: number;
  /** Answered from the names of the sandbox's networks, NXDOMAIN for an unknown single label included. */
  answeredHere: number;
  /** Answered with what an upstream server said. */
  forwarded: number;
  /** Forwarded, but no upstream server gave a usable answer in time. */
  failed: number;
  /** Answered by an upstream server, but not within {@link SLOW_MS}. */
  slow: number;
  /** Refused: forwarding not allowed, too many questions under way, a kind of question not served. */
  refused: number;
  /** Not a query that can be read: answered with FORMERR or not at all. */
  malformed: number;
  /** Messages from upstream that did not match what was asked, or can't be read, dropped. */
  forged: number;
}

/** Milliseconds above which an upstream's answer counts as slow. */
export const SLOW_MS = 1000;

/** Questions of one sandbox that may wait for upstream servers at a time; Docker's own limit. */
export const MAX_IN_FLIGHT = 1024;

/** The addresses at which a sandbox reaches the host. */
export interface HostAddresses {
  readonly ipv4?: string;
  readonly ipv6?: string;
}

/** What the servers of one sandbox share. */
export class SandboxState {
  readonly sandboxId: string;
  /** The sandbox's own upstream servers, asked from within it; empty means the host's, asked from the host. */
  upstreams: readonly Upstream[];
  /** Whether the host's upstream servers are asked: not for a sandbox that has no way out itself. */
  forwarding: boolean;
  /** Where the host is found from the sandbox. */
  host: HostAddresses = {};
  inFlight = 0;
  readonly counters: NameServiceCounters = {
    asked: 0,
    answeredHere: 0,
    forwarded: 0,
    failed: 0,
    slow: 0,
    refused: 0,
    malformed: 0,
    forged: 0,
  };

  constructor(sandboxId: string, upstreams: readonly Upstream[], forwarding: boolean) {
    this.sandboxId = sandboxId;
    this.upstreams = upstreams;
    this.forwarding = forwarding;
  }
}
