export { HOST_DOMAIN } from './host-listener.js';
export { NameService, type NameServiceOptions, type SandboxSettings } from './name-service.js';
export type { EndpointRecord } from './records.js';
export { hostResolvers, isLoopbackAddress } from './resolv-conf.js';
export { NAME_SERVICE_ADDRESS } from './sandbox-sockets.js';
export type { NameServiceCounters } from './sandbox-state.js';
export { checkDnsName } from './name.js';
