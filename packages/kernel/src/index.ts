export { KernelError, isErrno, type KernelErrorDetails } from './errors.js';
export { errnoName, errnoText, type Errno } from './libc/index.js';
export { NETNS_DIRECTORY, NetworkNamespace, inNamespace, warmThreadPool } from './namespace/index.js';
export {
  AttributeReader,
  AttributeWriter,
  NetlinkSocket,
  type NetlinkMessage,
  type NetlinkRequest,
} from './netlink/index.js';
export * from './rtnetlink/index.js';
export * from './files/index.js';
export * from './mount/index.js';
export { processStartTime, processState, type ProcessState } from './process/index.js';
export {
  bindSocket,
  closeDescriptor,
  connectSocket,
  type BoundSocket,
  type SocketRequest,
} from './sockets/index.js';
export { readSysctl, writeSysctl } from './sysctl/index.js';
export * from './nftables/index.js';
export * from './bpf/index.js';
export * from './conntrack/index.js';
export * from './socket-diag/index.js';
export * from './unix/index.js';
