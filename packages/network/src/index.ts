export { NetworkManager } from './manager/network-manager.js';
export type { NetworkOptions } from './manager/options.js';
export {
  HOST_DOMAIN,
  NAME_SERVICE_ADDRESS,
  checkDnsName,
  isLoopbackAddress,
  type NameServiceCounters,
} from './dns/index.js';
export { DEFAULT_POOLS, type DefaultPool } from './ipam/address-space.js';
export type * from './model.js';
