import type { Logger } from '@berth/core';
import type { Engine } from '@berth/engine';
import type { HostFacts } from '../startup/host.js';

/** What the routes work on. */
export interface ApiContext {
  readonly engine: Engine;
  readonly host: HostFacts;
  readonly logger: Logger;
}
