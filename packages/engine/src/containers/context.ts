import type { Logger } from '@berth/core';
import type { NetworkManager } from '@berth/network';
import type { Streams } from '../attach/streams.js';
import type { ExitWatch } from '../conmon/exit-watch.js';
import type { EventBus } from '../events/event-bus.js';
import type { Images } from '../images/images.js';
import type { LogRotation } from '../logs/rotation.js';
import type { KeyedLock } from '../keyed-lock.js';
import type { EngineOptions } from '../model.js';
import type { Volumes } from '../volumes/volumes.js';
import type { HealthMonitors } from './health-monitors.js';
import { ContainerPaths } from './paths.js';
import type { Restarts } from './restarts.js';
import type { ContainerRecord, ContainerTable } from './table.js';
import type { Waiters } from './waiters.js';

/** What the operations on containers share. */
export interface ContainerContext {
  readonly options: EngineOptions;
  readonly logger: Logger;
  readonly network: NetworkManager;
  readonly table: ContainerTable;
  readonly images: Images;
  readonly volumes: Volumes;
  readonly events: EventBus;
  readonly streams: Streams;
  readonly rotation: LogRotation;
  readonly exits: ExitWatch;
  readonly waiters: Waiters;
  readonly restarts: Restarts;
  readonly health: HealthMonitors;
  /** Held while something changes a container's state. */
  readonly lock: KeyedLock;
  readonly runcRoot: string;
  readonly exitDirectory: string;
}

export function pathsOf({ options }: ContainerContext, id: string): ContainerPaths {
  return new ContainerPaths(options, id);
}

/** Publishes an event of a container, with what Docker tells of it. */
export function publish(
  { events }: ContainerContext,
  record: ContainerRecord,
  action: string,
  more: Readonly<Record<string, string>> = {},
): void {
  const attributes = { ...record.spec.labels, image: record.imageName, name: record.name, ...more };
  events.publish({ type: 'container', action, actor: { id: record.id, attributes } });
}
