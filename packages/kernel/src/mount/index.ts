export {
  bindMount,
  mount,
  mountInBackground,
  overlayOptions,
  unmount,
  type MountFlag,
  type MountRequest,
} from './mount.js';
export { mounts, parseMountInfo, type MountInfo } from './mounts.js';
