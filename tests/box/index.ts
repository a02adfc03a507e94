export { eventually, output, run, start, type CommandOptions, type CommandResult } from './command.js';
export { BoxedDaemon, type DaemonOptions } from './daemon.js';
export { HOST_ADDRESS, HostInABox, OUTSIDE_ADDRESS, OUTSIDE_NAMES } from './host-in-a-box.js';
export { assertNothingLeft, leftovers } from './leftovers.js';
export { BERTH, BUSYBOX_ARCHIVE, REPOSITORY, dockerProgram } from './paths.js';
export { boxProcesses, type Process } from './processes.js';
export { startNameServer, type NameServer } from './name-server.js';
