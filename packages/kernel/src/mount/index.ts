export { isOpaque, isWhiteout, makeOpaque, makeWhiteout } from './overlay-marks.js';
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
