export type { AddressPool, DaemonConfig } from './config/config.js';
export { daemonConfig } from './config/config.js';
export { parseArguments } from './config/arguments.js';
export { startDaemon, type Daemon } from './startup/daemon.js';
export { daemonCommand } from './startup/command.js';
