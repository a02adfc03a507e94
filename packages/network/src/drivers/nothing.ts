import type { DriverNetwork } from './driver.js';

/** A network for which nothing has to be made in the kernel, and nothing taken away. */
export const NOTHING: DriverNetwork = {
  warnings: [],
  isGateway: false,
  interfacePrefix: 'eth',
  create: () => undefined,
  delete: () => Promise.resolve(),
  attach: () => undefined,
  restore: () => undefined,
  detach: () => Promise.resolve(),
};
