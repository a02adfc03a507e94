import { randomInt } from 'node:crypto';
import { BerthError, toError } from '@berth/core';
import type { BoundedWarning } from './bounded-warning.js';
import { HEADER, checkAnswer, putU16 } from './message.js';
import { MAX_SERVERS } from './resolv-conf.js';
import { MAX_IN_FLIGHT, SLOW_MS, type SandboxState } from './sandbox-state.js';
import {
  askTcp,
  askUdp,
  parseUpstream,
  type Attempt,
  type AttemptEvents,
  type Upstream,
} from './upstream.js';

/** Milliseconds after which the next server is asked as well, the earlier ones still being listened to. */
const NEXT_SERVER_MS = 300;
/** Milliseconds after which all servers are asked once more over UDP, where a packet may get lost. */
const SECOND_ROUND_MS = 1500;
/** Milliseconds until SERVFAIL: below the 5 s (RES_TIMEOUT of resolv.h) that a client waits for us. */
const DEADLINE_MS = 4000;
/** Sockets of all sandboxes' questions together: the daemon needs descriptors for other things as well. */
const MAX_SOCKETS = 4096;

/**
 * Exchanges under way about one question at a time, with the same servers from the same place. More of them, each a
 * little different, are a question that goes round: a resolver of ours that asks us. Containers that ask the same at once
 * mostly ask it in the same words; those with cookies of their own (RFC 7873) are what this leaves room for.
 */
const MAX_SAME_QUESTION = 64;

export type Transport = 'udp' | 'tcp';

/** Called once: with the answer, its id as in the question, or with undefined when there is none. */
export type OnAnswer = (answer: Buffer | undefined) => void;

/** Asks upstream servers, from the namespace of the daemon. */
export class Forwarder {
  readonly #hostResolvers: () => readonly string[];
  readonly #warnings: BoundedWarning;
  /** By what is asked of whom, ids aside: who asks the same is told the same, and a question that goes round meets itself. */
  readonly #running = new Map<string, Exchange>();
  readonly #sameQuestion = new Map<string, SameQuestion>();
  readonly #sockets: OpenSockets = { open: 0 };

  constructor(hostResolvers: () => readonly string[], warnings: BoundedWarning) {
    this.#hostResolvers = hostResolvers;
    this.#warnings = warnings;
  }

  /**
   * Passes a query on and its answer back. Bounded per sandbox and in all; what is above is told `undefined`
   * at once, since a queue would only make every answer come too late.
   *
   * @param questionEnd offset after the question of `message`
   */
  forward(
    state: SandboxState,
    message: Buffer,
    questionEnd: number,
    transport: Transport,
    onAnswer: OnAnswer,
  ): void {
    const { counters } = state;
    const refuse = (reason: string) => {
      counters.refused++;
      this.#warnings.warn(`name service: ${reason}`, state);
      onAnswer(undefined);
    };
    if (state.inFlight >= MAX_IN_FLIGHT || this.#sockets.open >= MAX_SOCKETS) {
      refuse('too many questions wait for upstream servers');
      return;
    }
    const servers = this.#servers(state);
    const asked = performance.now();
    const done: Done = (answer, forged) => {
      state.inFlight--;
      counters.forged += forged;
      if (answer) {
        counters.forwarded++;
        if (performance.now() - asked > SLOW_MS) counters.slow++;
      } else {
        counters.failed++;
        const text = servers.map(({ address }) => address).join(', ');
        this.#warnings.warn(
          `name service: no usable answer from upstream (${text || 'no server known'})`,
          state,
        );
      }
      onAnswer(answer);
    };
    const whom = servers.map(({ address, port, from = '' }) => `${from} ${address} ${port}`).join();
    const key = `${transport} ${whom} ${message.toString('latin1', 2)}`;
    const running = this.#running.get(key);
    if (running !== undefined) {
      state.inFlight++;
      running.join(message, done);
      return;
    }
    const question = `${whom} ${message.toString('latin1', HEADER, questionEnd).toLowerCase()}`;
    const same = this.#sameQuestion.get(question) ?? { running: 0, goesRound: false };
    // Until all of them have ended: a resolver that asks twice would have it go round twice as often at each turn.
    same.goesRound ||= same.running >= MAX_SAME_QUESTION;
    if (same.goesRound) {
      refuse('a question goes round: an upstream server asks us what we ask it');
      return;
    }
    state.inFlight++;
    same.running++;
    this.#sameQuestion.set(question, same);
    const exchange = new Exchange(servers, message, questionEnd, transport, this.#sockets, () => {
      this.#running.delete(key);
      same.running--;
      if (same.running === 0) this.#sameQuestion.delete(question);
    });
    exchange.join(message, done);
    this.#running.set(key, exchange);
    exchange.start();
  }

  /** Ends everything that is under way, without an answer. */
  close(): void {
    for (const exchange of [...this.#running.values()]) exchange.finish(undefined);
  }

  #servers(state: SandboxState): Upstream[] {
    const known = state.upstreams.length > 0 ? state.upstreams : this.#hostServers(state);
    return known.filter((server) => server !== undefined).slice(0, MAX_SERVERS);
  }

  /** A host file that can't be read is a failed question, not a failed daemon. */
  #hostServers(state: SandboxState): (Upstream | undefined)[] {
    try {
      return this.#hostResolvers().map(parseUpstream);
    } catch (error) {
      this.#warnings.warn(
        `name service: the host's resolvers can't be read: ${toError(error).message}`,
        state,
      );
      return [];
    }
  }
}

/** Exchanges under way about one question, and whether they have been too many. */
interface SameQuestion {
  running: number;
  goesRound: boolean;
}

type Done = (answer: Buffer | undefined, forged: number) => void;

/** How many sockets ask at the moment. */
interface OpenSockets {
  open: number;
}

/** One question on its way: at first one server is asked, then more, and the first good answer is taken. */
class Exchange {
  readonly #servers: readonly Upstream[];
  readonly #message: Buffer;
  readonly #questionEnd: number;
  readonly #transport: Transport;
  readonly #sockets: OpenSockets;
  readonly #onEnd: () => void;
  /** Who waits for the answer, and with which id. */
  readonly #waiting: { readonly message: Buffer; readonly done: Done }[] = [];
  readonly #attempts = new Set<Attempt>();
  readonly #deadline: NodeJS.Timeout;
  #next: NodeJS.Timeout | undefined;
  #asked = 0;
  #forged = 0;
  #finished = false;

  constructor(
    servers: readonly Upstream[],
    message: Buffer,
    questionEnd: number,
    transport: Transport,
    sockets: OpenSockets,
    onEnd: () => void,
  ) {
    this.#servers = servers;
    this.#message = message;
    this.#questionEnd = questionEnd;
    this.#transport = transport;
    this.#sockets = sockets;
    this.#onEnd = onEnd;
    this.#deadline = setTimeout(() => {
      this.finish(undefined);
    }, DEADLINE_MS);
  }

  /** Has the answer told to one more that asks the same. */
  join(message: Buffer, done: Done): void {
    this.#waiting.push({ message, done });
  }

  start(): void {
    this.#askNext();
  }

  finish(answer: Buffer | undefined): void {
    if (this.#finished) return;
    this.#finished = true;
    clearTimeout(this.#deadline);
    clearTimeout(this.#next);
    for (const attempt of [...this.#attempts]) this.#end(attempt);
    this.#onEnd();
    for (const { message, done } of this.#waiting) {
      const own = answer && Buffer.from(answer);
      if (own) message.copy(own, 0, 0, 2);
      done(own, this.#forged);
    }
  }

  get #rounds(): number {
    return this.#transport === 'udp' ? 2 : 1;
  }

  #askNext(): void {
    clearTimeout(this.#next);
    if (this.#finished) return;
    const server = this.#servers[this.#asked % this.#servers.length];
    const exhausted = this.#asked >= this.#servers.length * this.#rounds || this.#sockets.open >= MAX_SOCKETS;
    if (!server || exhausted) {
      // Nobody is left to ask: all that were asked have failed, or one of them may still answer.
      if (this.#attempts.size === 0) this.finish(undefined);
      return;
    }
    this.#asked++;
    const lastOfRound = this.#asked % this.#servers.length === 0;
    this.#next = setTimeout(
      () => {
        this.#askNext();
      },
      lastOfRound ? SECOND_ROUND_MS - NEXT_SERVER_MS * (this.#servers.length - 1) : NEXT_SERVER_MS,
    );
    this.#ask(server);
  }

  #ask(server: Upstream): void {
    // An id of its own for each server asked, from a generator that can't be foretold (RFC 5452 section 4).
    const asked = Buffer.from(this.#message);
    putU16(asked, 0, randomInt(0x10000));
    const events: AttemptEvents = {
      onMessage: (answer) => {
        switch (checkAnswer(answer, asked, this.#questionEnd)) {
          case 'good':
            this.finish(answer);
            return;
          case 'failure':
            this.#failed(attempt);
            return;
          case 'forged':
            this.#forged++;
            return;
        }
      },
      onFailure: () => {
        this.#failed(attempt);
      },
    };
    let attempt: Attempt;
    try {
      attempt = this.#transport === 'udp' ? askUdp(server, asked, events) : askTcp(server, asked, events);
    } catch (error) {
      // The sandbox has gone, or has no way there: as if the server had said no, in a turn of its own.
      if (!(error instanceof BerthError)) throw error;
      setImmediate(() => this.#askNext());
      return;
    }
    this.#attempts.add(attempt);
    this.#sockets.open++;
  }

  /** A server can't or won't: the next one is asked without waiting. */
  #failed(attempt: Attempt): void {
    if (!this.#attempts.has(attempt)) return;
    this.#end(attempt);
    // The second round is for lost packets; a server that has refused would do so again.
    if (this.#asked < this.#servers.length) this.#askNext();
    else if (this.#attempts.size === 0) this.finish(undefined);
  }

  #end(attempt: Attempt): void {
    attempt.close();
    if (this.#attempts.delete(attempt)) this.#sockets.open--;
  }
}
