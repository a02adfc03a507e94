export { BridgeDriver } from './bridge-driver.js';
export { DEFAULT_BRIDGE, BRIDGE_NAME, ENABLE_ICC, ENABLE_MASQUERADE, HOST_BINDING, MTU } from './options.js';
