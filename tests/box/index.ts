export { eventually, output, run, start, type CommandOptions, type CommandResult } from './command.js';
export { BoxedDaemon, type DaemonOptions } from './daemon.js';
export {
  BERTH,
  BUSYBOX_ARCHIVE,
  HOST_ADDRESS,
  HostInABox,
  OUTSIDE_ADDRESS,
  OUTSIDE_NAMES,
  dockerProgram,
} from './host-in-a-box.js';
export { assertNothingLeft, leftovers } from './leftovers.js';
export { boxProcesses, type Process } from './processes.js';
