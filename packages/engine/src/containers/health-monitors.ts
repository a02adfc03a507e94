import { toError } from '@berth/core';
import { LONGEST_TIMER, now } from '../clock.js';
import {
  afterCheck,
  nextCheck,
  probeCommand,
  STARTING,
  timeoutOf,
  type Health,
  type Healthcheck,
  type HealthResult,
  type HealthStatus,
} from './health.js';

/** What a container's checks are about. */
export interface Checked {
  readonly id: string;
  readonly spec: { readonly healthcheck?: Healthcheck };
  readonly state: { readonly startedAt: string };
}

/**
 * Runs a check's command in a container.
 *
 * @param milliseconds how long it may take; then it is killed, and the promise is fulfilled all the same
 */
export type Probe = (
  id: string,
  command: readonly string[],
  milliseconds: number,
) => Promise<{ readonly exitCode: number; readonly output: string }>;

interface Monitor {
  health: Health;
  /** Absent while nothing is to be checked: it does not run, or is paused. */
  run: { timer?: NodeJS.Timeout; stopped: boolean } | undefined;
}

/** Checks the health of all containers that run and have a check. */
export class HealthMonitors {
  readonly #monitors = new Map<string, Monitor>();
  readonly #probe: Probe;
  readonly #changed: (id: string, status: HealthStatus) => void;

  /** @param changed told when a container's status is another one */
  constructor(probe: Probe, changed: (id: string, status: HealthStatus) => void) {
    this.#probe = probe;
    this.#changed = changed;
  }

  /** A container's health; `undefined` where nothing is checked, or was. */
  of(id: string): Health | undefined {
    return this.#monitors.get(id)?.health;
  }

  /** A container has been started: its health is not known yet. */
  start(container: Checked): void {
    this.forget(container.id);
    if (probeCommand(container.spec.healthcheck) === undefined) return;
    this.#monitors.set(container.id, { health: STARTING, run: undefined });
    this.resume(container);
  }

  /** A container goes on after a pause. */
  resume(container: Checked): void {
    const monitor = this.#monitors.get(container.id);
    const { healthcheck: check } = container.spec;
    const command = probeCommand(check);
    if (monitor === undefined || check === undefined || command === undefined) return;
    this.#halt(monitor);
    monitor.run = { stopped: false };
    this.#schedule(container, check, command, monitor, monitor.run);
  }

  /** A container has ended, or is paused: nothing is checked, and as with Docker it counts as unhealthy. */
  stop(id: string): void {
    const monitor = this.#monitors.get(id);
    if (monitor?.run === undefined) return;
    this.#halt(monitor);
    monitor.health = { ...monitor.health, status: 'unhealthy' };
  }

  /** A container has been removed. */
  forget(id: string): void {
    const monitor = this.#monitors.get(id);
    if (monitor !== undefined) this.#halt(monitor);
    this.#monitors.delete(id);
  }

  /** Checks nothing any more. */
  close(): void {
    for (const id of [...this.#monitors.keys()]) this.forget(id);
  }

  #halt(monitor: Monitor): void {
    if (monitor.run === undefined) return;
    monitor.run.stopped = true;
    clearTimeout(monitor.run.timer);
    monitor.run = undefined;
  }

  #schedule(
    container: Checked,
    check: Healthcheck,
    command: readonly string[],
    monitor: Monitor,
    run: NonNullable<Monitor['run']>,
  ): void {
    const up = () => Date.now() - Date.parse(container.state.startedAt);
    const wait = Math.min(nextCheck(check, monitor.health.status, up()), LONGEST_TIMER);
    run.timer = setTimeout(() => {
      const upAtStart = up();
      void this.#check(container.id, check, command).then((result) => {
        if (run.stopped) return;
        const before = monitor.health;
        monitor.health = afterCheck(check, before, result, upAtStart);
        if (monitor.health.status !== before.status) this.#changed(container.id, monitor.health.status);
        this.#schedule(container, check, command, monitor, run);
      });
    }, wait);
    run.timer.unref();
  }

  async #check(id: string, check: Healthcheck, command: readonly string[]): Promise<HealthResult> {
    const start = now();
    try {
      const { exitCode, output } = await this.#probe(id, command, timeoutOf(check));
      return { start, end: now(), exitCode, output };
    } catch (error) {
      return { start, end: now(), exitCode: -1, output: toError(error).message };
    }
  }
}
