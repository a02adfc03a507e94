import { BerthError } from '@berth/core';
import { diskUsage, type Container } from '@berth/engine';
import { Query } from '../http/query.js';
import type { App } from '../http/server.js';
import { compareVersions } from '../http/version.js';
import { containerSummary } from '../json/container-list.js';
import { imageSummary } from '../json/images.js';
import { FOLD } from '../json/ports.js';
import { volumeJson } from '../json/volumes.js';
import type { ApiContext } from './context.js';

const TYPES = ['container', 'image', 'volume', 'build-cache'];

/** What everything takes of the disk. */
export function diskUsageRoutes(app: App, { engine }: ApiContext): void {
  app.get('/system/df', async (request) => {
    const asked = new Query(request).list('type');
    for (const type of asked) {
      if (!TYPES.includes(type))
        throw new BerthError('invalid', `unknown object type: ${type}: there are ${TYPES.join(', ')}`);
    }
    const wants = (type: string) => asked.length === 0 || asked.includes(type);
    const containers = engine.containers.list();
    return {
      ...(wants('image') && {
        LayersSize: engine.images.layersSize(),
        Images: engine.images.list().map((image) => {
          const users = containers.filter(({ imageId }) => imageId === image.id).length;
          return imageSummary(image, users, engine.images.sharedSize(image));
        }),
      }),
      ...(wants('container') && { Containers: await Promise.all(containers.map(sized)) }),
      ...(wants('volume') && { Volumes: await volumes() }),
      // Nothing is built here: what builds images keeps its own cache.
      ...(wants('build-cache') && {
        BuildCache: [],
        ...(compareVersions(request.apiVersion, '1.42') < 0 && { BuilderSize: 0 }),
      }),
    };
  });

  async function sized(container: Container) {
    const { writable, total } = await engine.containers.sizes(container.id);
    return { ...containerSummary(container, FOLD.never), SizeRw: writable, SizeRootFs: total };
  }

  async function volumes() {
    return Promise.all(
      engine.volumes.list().map(async (volume) => ({
        ...volumeJson(volume),
        UsageData: { Size: await diskUsage(volume.mountpoint), RefCount: volume.users.length },
      })),
    );
  }
}
