import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { toError } from '@berth/core';
import { Archives } from './archive/archives.js';
import { Streams } from './attach/streams.js';
import { removeEmptyCgroups } from './cgroups.js';
import { ExitWatch } from './conmon/exit-watch.js';
import { publish, type ContainerContext } from './containers/context.js';
import { Containers } from './containers/containers.js';
import { HealthMonitors } from './containers/health-monitors.js';
import { recoverContainers } from './containers/recover.js';
import { Restarts } from './containers/restarts.js';
import { ContainerTable, isRunning } from './containers/table.js';
import { Waiters } from './containers/waiters.js';
import { EventBus } from './events/event-bus.js';
import { Execs } from './execs/execs.js';
import { healthProbe } from './execs/health-probe.js';
import { commitContainer } from './images/commit.js';
import { Images } from './images/images.js';
import { LogRotation } from './logs/rotation.js';
import { KeyedLock } from './keyed-lock.js';
import type { CommitOptions, EngineInfo, EngineOptions, ImageId, Report } from './model.js';
import { EngineNetworks } from './networks/engine-networks.js';
import { Stats } from './stats/stats.js';
import { Volumes } from './volumes/volumes.js';
import { buildImage, type BuildOptions } from './registry/build.js';
import { Registry } from './registry/registry.js';

/** Containers, images and execs of one daemon. */
export class Engine {
  readonly containers: Containers;
  readonly images: Images;
  readonly registry: Registry;
  readonly networks: EngineNetworks;
  readonly volumes: Volumes;
  readonly execs: Execs;
  readonly stats: Stats;
  readonly archives: Archives;
  readonly events: EventBus;
  readonly #context: ContainerContext;

  private constructor(context: ContainerContext, containers: Containers, execs: Execs) {
    this.#context = context;
    this.containers = containers;
    this.execs = execs;
    this.stats = new Stats(context);
    this.archives = new Archives(context);
    this.images = context.images;
    this.registry = new Registry(context.images, () => context.options.findTool('skopeo'));
    this.events = context.events;
    this.volumes = context.volumes;
    this.networks = new EngineNetworks(context);
  }

  /** Opens what is kept below the roots, and finds running containers again. */
  static async open(options: EngineOptions): Promise<Engine> {
    const { dataRoot, execRoot, store, network, logger } = options;
    const exitDirectory = join(execRoot, 'exits');
    const runcRoot = join(execRoot, 'runc');
    for (const directory of [
      join(dataRoot, 'containers'),
      join(execRoot, 'containers'),
      exitDirectory,
      runcRoot,
    ]) {
      mkdirSync(directory, { recursive: true, mode: 0o711 });
    }
    const events = new EventBus();
    const table = new ContainerTable(store);
    const images = new Images(join(dataRoot, 'images'), store, events, (id) =>
      table
        .all()
        .filter(({ imageId }) => imageId === id)
        .map(({ id: containerId, state }) => ({
          containerId,
          running: state.status === 'running' || state.status === 'paused',
        })),
    );
    await images.open();
    const volumes = new Volumes({
      root: join(dataRoot, 'volumes'),
      store,
      events,
      logger,
      users: (name) =>
        table
          .all()
          .filter(({ mounts }) => mounts.some((mount) => mount.name === name))
          .map(({ id }) => id),
    });
    await volumes.open();
    // Exits are reported to what is built on the context below; none is reported before this function yields.
    const exits = new ExitWatch(
      exitDirectory,
      (id) => {
        containers.exited(id).catch((error: unknown) => {
          logger.error('cannot end a container', { id, error: toError(error) });
        });
      },
      () => {
        containers.finishForgotten().catch((error: unknown) => {
          logger.error('cannot end a container', { error: toError(error) });
        });
      },
    );
    const context: ContainerContext = {
      options,
      logger,
      network,
      table,
      images,
      volumes,
      events,
      streams: new Streams(),
      rotation: new LogRotation(logger),
      exits,
      waiters: new Waiters(),
      restarts: new Restarts((id) => {
        containers.restartEnded(id).catch((error: unknown) => {
          logger.error('cannot start a container again', { id, error: toError(error) });
        });
      }),
      health: new HealthMonitors(
        (...probe) => healthProbe(execs)(...probe),
        (id, status) => {
          if (table.has(id)) publish(context, table.find(id), `health_status: ${status}`);
        },
      ),
      lock: new KeyedLock(),
      runcRoot,
      exitDirectory,
    };
    const execs = new Execs(context);
    const containers = new Containers(context, (id) => execs.idsOf(id));
    for (const record of table.all().filter(isRunning))
      for (const { name } of record.mounts) if (name !== undefined) volumes.mounts.adopt(name, record.id);
    const { removable, restartable } = await recoverContainers(context);
    await volumes.mounts.recover(volumes.list());
    for (const id of removable) {
      await containers.remove(id, { volumes: true }).catch((error: unknown) => {
        logger.error('cannot remove a container', { id, error: toError(error) });
      });
    }
    for (const ids of restartable) await Promise.all(ids.map((id) => containers.restartEnded(id)));
    exits.scan();
    return new Engine(context, containers, execs);
  }

  info(): EngineInfo {
    const states = this.#context.table.all().map(({ state }) => state.status);
    const count = (status: string) => states.filter((state) => state === status).length;
    const running = count('running');
    const paused = count('paused');
    return {
      containers: states.length,
      running,
      paused,
      stopped: states.length - running - paused,
      images: this.images.list().length,
    };
  }

  /**
   * Makes an image of what a container has changed.
   *
   * @throws BerthError `not-found`, or `invalid` for a bad name or change
   */
  async commit(reference: string, options: CommitOptions): Promise<ImageId> {
    const { id, state } = this.containers.get(reference);
    const pause = options.pause && state.status === 'running';
    if (pause) await this.containers.pause(id);
    try {
      return await commitContainer(this.#context, this.#context.table.byId(id), options);
    } finally {
      if (pause) await this.containers.unpause(id);
    }
  }

  /**
   * Builds an image by a Dockerfile.
   *
   * @param context a tar
   * @throws BerthError `unavailable` without buildah, `invalid` if the build fails
   */
  build(context: Readable, options: BuildOptions, report: Report): Promise<ImageId> {
    const { findTool } = this.#context.options;
    return buildImage(this.images, findTool('buildah'), context, options, report);
  }

  /** Leaves containers running. */
  async close(): Promise<void> {
    this.#context.exits.close();
    this.#context.rotation.close();
    this.#context.restarts.close();
    this.#context.health.close();
    await this.#context.lock.idle();
    this.#context.streams.close();
    removeEmptyCgroups(this.#context.options.cgroupParent);
  }
}
