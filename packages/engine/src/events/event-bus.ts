import { LONGEST_TIMER, nowNano } from '../clock.js';
import type { EngineEvent, EventQuery } from '../model.js';

/** How many past events can be asked for again; dockerd keeps 256 (daemon/events: eventsLimit). */
const HISTORY = 256;

/** Tells everybody who asks what happens, and what has happened lately. */
export class EventBus {
  readonly #history: EngineEvent[] = [];
  readonly #subscribers = new Set<(event: EngineEvent) => void>();

  publish(event: Omit<EngineEvent, 'timeNano'>): void {
    const stamped: EngineEvent = { ...event, timeNano: nowNano() };
    this.#history.push(stamped);
    if (this.#history.length > HISTORY) this.#history.shift();
    for (const subscriber of this.#subscribers) subscriber(stamped);
  }

  /**
   * Events from `since` (kept ones) on. Listening begins with the call. Ends at `until`, or when the consumer stops.
   */
  subscribe(query: EventQuery): AsyncIterableIterator<EngineEvent> {
    const { since, until, filters = {} } = query;
    const wanted = (event: EngineEvent) =>
      matches(event, filters) &&
      (since === undefined || event.timeNano >= since) &&
      (until === undefined || event.timeNano <= until);
    const queue = since === undefined && until === undefined ? [] : this.#history.filter(wanted);
    let wake: (() => void) | undefined;
    let ended = false;
    const subscriber = (event: EngineEvent) => {
      if (!wanted(event)) return;
      queue.push(event);
      wake?.();
    };
    const end = () => {
      ended = true;
      clearTimeout(timer);
      this.#subscribers.delete(subscriber);
      wake?.();
    };
    const remaining = until === undefined ? undefined : Number((until - nowNano()) / 1_000_000n);
    const timer =
      remaining === undefined ? undefined : setTimeout(end, Math.min(Math.max(0, remaining), LONGEST_TIMER));
    this.#subscribers.add(subscriber);
    return {
      [Symbol.asyncIterator]() {
        return this;
      },
      async next() {
        for (;;) {
          const event = queue.shift();
          if (event !== undefined) return { done: false, value: event };
          if (ended) return { done: true, value: undefined };
          await new Promise<void>((resolve) => (wake = resolve));
        }
      },
      return() {
        end();
        return Promise.resolve({ done: true, value: undefined });
      },
    };
  }
}

/** Docker's filters: values of one key are alternatives, keys add up. */
export function matches(event: EngineEvent, filters: Readonly<Record<string, readonly string[]>>): boolean {
  return Object.entries(filters).every(([key, values]) => {
    if (values.length === 0) return true;
    switch (key) {
      case 'type':
        return values.includes(event.type);
      case 'event':
        return values.some((value) => event.action === value || event.action.startsWith(`${value}:`));
      case 'label':
        return values.every((value) => hasLabel(event.actor.attributes, value));
      case 'container':
      case 'image':
      case 'network':
      case 'volume':
        return values.some((value) => concerns(event, key, value));
      case 'scope':
        return values.includes('local');
      default:
        return false;
    }
  });
}

function hasLabel(attributes: Readonly<Record<string, string>>, wanted: string): boolean {
  const [name = '', ...rest] = wanted.split('=');
  const value = attributes[name];
  return value !== undefined && (rest.length === 0 || value === rest.join('='));
}

function concerns(event: EngineEvent, kind: EngineEvent['type'], reference: string): boolean {
  const { id, attributes } = event.actor;
  if (event.type === kind) return attributes['name'] === reference || id.startsWith(reference);
  // A container's events name its image, a network's the container that came or went.
  const related = attributes[kind];
  return related !== undefined && (related === reference || related.startsWith(reference));
}
