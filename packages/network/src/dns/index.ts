export { NameService, type NameServiceOptions, type OpenOptions } from './name-service.js';
export type { EndpointRecord } from './records.js';
export { hostResolvers } from './resolv-conf.js';
export { NAME_SERVICE_ADDRESS } from './sandbox-sockets.js';
export type { NameServiceCounters } from './sandbox-state.js';
