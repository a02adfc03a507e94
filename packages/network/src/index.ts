export { NetworkManager } from './manager/network-manager.js';
export type { NetworkOptions } from './manager/options.js';
export { NAME_SERVICE_ADDRESS } from './dns/index.js';
export { DEFAULT_POOLS, type DefaultPool } from './ipam/address-space.js';
export type * from './model.js';
