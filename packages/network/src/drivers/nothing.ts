import type { DriverNetwork } from './driver.js';

/** A network for which nothing has to be made in the kernel, and nothing taken away. */
export const NOTHING: DriverNetwork = {
  warnings: [],
  isGateway: { ipv4: false, ipv6: false },
  publishing: { ipv4: 'none', ipv6: 'none' },
  opensServices: false,
  interfacePrefix: 'eth',
  create: () => undefined,
  delete: () => Promise.resolve(),
  attach: () => undefined,
  restore: () => undefined,
  detach: () => Promise.resolve(),
};
