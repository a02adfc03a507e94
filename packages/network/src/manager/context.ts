import type { HostKernel } from '../drivers/driver.js';
import type { NameService } from '../dns/index.js';
import type { PortReservations } from '../ports/index.js';
import type { SandboxNamespaces } from '../sandbox/namespace.js';
import type { Connections } from './connections.js';
import type { NetworkOptions } from './options.js';
import type { NetworkState } from './state.js';

/** What the parts of the manager share. */
export interface ManagerContext {
  readonly options: NetworkOptions;
  readonly state: NetworkState;
  readonly host: HostKernel;
  readonly ports: PortReservations;
  readonly connections: Connections;
  readonly namespaces: SandboxNamespaces;
  readonly nameService: NameService;
  /** The servers that names which are not ours are asked of, by who names none. */
  readonly hostResolvers: () => readonly string[];
}
