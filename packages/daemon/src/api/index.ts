import type { App } from '../http/server.js';
import { acceptStreams } from '../http/body.js';
import { archiveRoutes, uploadRoutes } from './archive.js';
import { containerRoutes } from './containers.js';
import type { ApiContext } from './context.js';
import { diskUsageRoutes } from './disk-usage.js';
import { execRoutes } from './exec.js';
import { buildRoutes } from './build.js';
import { importRoutes } from './image-uploads.js';
import { imageRoutes } from './images.js';
import { networkRoutes } from './networks.js';
import { attachRoutes, outputRoutes } from './output.js';
import { registryRoutes } from './registry.js';
import { statsRoutes } from './stats.js';
import { systemRoutes } from './system.js';
import { unavailableRoutes } from './unavailable.js';
import { volumeRoutes } from './volumes.js';

export type { ApiContext } from './context.js';

/** All paths of the Engine API: those that Berth has, and clear refusals of those that it has not. */
export function addRoutes(app: App, context: ApiContext): void {
  systemRoutes(app, context);
  containerRoutes(app, context);
  outputRoutes(app, context);
  statsRoutes(app, context);
  diskUsageRoutes(app, context);
  archiveRoutes(app, context);
  execRoutes(app, context);
  imageRoutes(app, context);
  registryRoutes(app, context);
  networkRoutes(app, context);
  volumeRoutes(app, context);
  unavailableRoutes(app);
  void app.register((scope: App, _options, done) => {
    acceptStreams(scope);
    importRoutes(scope, context);
    buildRoutes(scope, context);
    attachRoutes(scope, context);
    uploadRoutes(scope, context);
    done();
  });
}
