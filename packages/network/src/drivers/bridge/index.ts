export { BridgeDriver } from './bridge-driver.js';
export {
  ANTI_SPOOFING,
  BRIDGE_NAME,
  DEFAULT_BRIDGE,
  ENABLE_ICC,
  ENABLE_MASQUERADE,
  HOST_BINDING,
} from './options.js';
