import { CLASS_IN, HEADER, Query, RCODE, TYPE, writeAnswer, type RecordSet } from './message.js';
import { wireNameAt } from './name.js';
import { hostEntry, recordsOf, type Records } from './records.js';
import type { SandboxState } from './sandbox-state.js';

/** The answer is to come from upstream. */
export const FORWARD = -1;
/** There is nothing to send. */
export const SILENCE = 0;

const NO_RECORDS: readonly RecordSet[] = [];

/**
 * Answers what can be answered here, without waiting and without allocating more than the key of one lookup.
 * One instance serves all sandboxes: a query is read, looked up and answered in one go.
 */
export class Responder {
  readonly query = new Query();
  readonly #records: Records;
  readonly #forwardSingleLabels: boolean;
  readonly #oneSet: RecordSet[] = [];

  /** @param forwardSingleLabels whether names of one label that are not ours are asked upstream too */
  constructor(records: Records, forwardSingleLabels = false) {
    this.#records = records;
    this.#forwardSingleLabels = forwardSingleLabels;
  }

  /**
   * Writes the answer to `message` into `out`.
   *
   * @param limit bytes that the transport takes; over UDP the client's own limit counts as well
   * @returns bytes written, {@link SILENCE} or {@link FORWARD}
   */
  respond(state: SandboxState, message: Buffer, out: Buffer, limit: number, udp: boolean): number {
    const { query } = this;
    const { counters } = state;
    counters.asked++;
    const verdict = query.read(message);
    const size = udp ? Math.min(limit, query.udpSize) : limit;
    switch (verdict) {
      case 'silence':
        counters.malformed++;
        return SILENCE;
      case 'malformed':
        counters.malformed++;
        return this.empty(RCODE.FORMERR, out, size);
      case 'not-implemented':
        counters.refused++;
        return this.empty(RCODE.NOTIMP, out, size);
      case 'bad-version':
        counters.refused++;
        return this.empty(RCODE.BADVERS, out, size);
      case 'ok':
        break;
    }
    // A zone transfer is many messages, and there is nothing to know in classes other than the Internet's.
    const { type } = query;
    if (query.class !== CLASS_IN || type === TYPE.AXFR || type === TYPE.IXFR) {
      counters.refused++;
      return this.empty(RCODE.REFUSED, out, size);
    }
    return this.answer(state, out, size);
  }

  /** Writes an answer to the query read last that has no records. */
  protected empty(rcode: number, out: Buffer, limit: number): number {
    return writeAnswer(this.query, rcode, NO_RECORDS, 0, out, limit);
  }

  /** Answers the question of the query read last. */
  protected answer(state: SandboxState, out: Buffer, limit: number): number {
    const { query } = this;
    const { counters } = state;
    const { type } = query;
    const name = wireNameAt(query.message, HEADER, query.nameEnd);
    const entry = this.#records.lookup(state.sandboxId, name, type) ?? hostEntry(state, name);
    if (entry) {
      counters.answeredHere++;
      const turn = entry.turn++;
      if (type === TYPE.ANY) {
        return writeAnswer(query, RCODE.NOERROR, [entry.a, entry.aaaa, entry.ptr], turn, out, limit);
      }
      this.#oneSet[0] = recordsOf(entry, type);
      return writeAnswer(query, RCODE.NOERROR, this.#oneSet, turn, out, limit);
    }
    if (!this.#forwardSingleLabels && query.isSingleLabel && query.nameEnd > HEADER + 1) {
      // Whose names our containers look for is nobody else's business, so it isn't asked upstream.
      counters.answeredHere++;
      return this.empty(RCODE.NXDOMAIN, out, limit);
    }
    // Servers of the sandbox's own are asked from within it: they are reached where it reaches them itself.
    if (!state.forwarding && state.upstreams.length === 0) {
      // As Docker (since 25.0.5) on internal networks. A REFUSED would make musl wait for its timeout.
      counters.refused++;
      return this.empty(RCODE.SERVFAIL, out, limit);
    }
    return FORWARD;
  }
}
